// What was changed here, by whom and through what, with what was there before.
import { command, moment } from "../format";
import { useList } from "../hooks";
import { Button, Cli, Diff, Empty, Facts } from "../parts/basics";
import { show } from "../parts/dialog";
import type { Names } from "../parts/every";
import { ChoiceFilter, TextFilter } from "../parts/fields";
import { List } from "../parts/table";
import { usePlace } from "../router";
import type { Change } from "../types";

const FILTERS = ["noun", "action", "by", "subject"];
const NOUNS = [
  "key", "user", "team", "member", "budget", "limit", "credential", "model", "alias", "provider", "config", "repair",
  "invitation", "session",
];
const ACTIONS = ["create", "update", "delete", "revoke", "rotate", "rename", "reload", "undo", "login", "logout", "claim", "password"];
const FOR = "Whatever is changed here, by a person, a key or a saved file, is a line of this log.";

export function Audit({ names }: { names: Names }) {
  const { query } = usePlace();
  const list = useList<Change>("/admin/changes", FILTERS, { limit: 50, on: ["keys", "config"] });
  const filtered = FILTERS.some((name) => query.get(name));
  return (
    <>
      <List
        list={list}
        caption="Changes"
        id={(row) => row.id}
        filters={
          <>
            <ChoiceFilter name="noun" label="What" options={[["", "everything"], ...NOUNS]} />
            <ChoiceFilter name="action" label="Done" options={[["", "anything"], ...ACTIONS]} />
            <TextFilter name="by" label="By (id)" />
            <TextFilter name="subject" label="Which (id or name)" />
          </>
        }
        empty={filtered ? <Empty title="No change is like that" says="Ids are compared whole." /> : <Empty title="Nothing was changed yet" says={FOR} />}
        columns={[
          { title: "When", cell: (row) => moment(row.at) },
          { title: "Who", cell: (row) => <span class="who" title={row.by}>{who(row, names)}</span>, also: true },
          { title: "What", cell: (row) => `${row.action} ${row.noun}` },
          { title: "Which", cell: (row) => <span class="subject">{which(row, names)}</span>, also: true },
          { title: "Changed", cell: (row) => <span class="quiet subject">{fields(row)}</span>, wide: true },
        ]}
        action={(row) => <Button aria-label={`Show ${row.action} ${row.noun} ${row.subject}`} onClick={() => detail(row, names)}>Show</Button>}
      />
      <Cli line={command("glowplug changes", { noun: query.get("noun"), by: query.get("by"), subject: query.get("subject") })} />
    </>
  );
}

function who(row: Change, names: Names): string {
  return row.by === "glowplug" ? (row.through === "file" ? "a saved file" : row.through || "Glowplug itself") : names(row.by);
}

function which(row: Change, names: Names): string {
  return row.noun === "key" ? names(row.subject).replace(/^key /, "") : names(row.subject);
}

/** Names of what is not as it was, as far as a table has room. */
function fields(row: Change): string {
  const all = Object.keys(row.after ?? row.before ?? {});
  return all.length > 5 ? `${all.slice(0, 5).join(", ")} …` : all.join(", ");
}

function detail(row: Change, names: Names): void {
  const text = difference(row);
  show(
    `${row.action} ${row.noun} ${which(row, names)}`,
    () => (
      <>
        <Facts
          facts={[
            ["When", moment(row.at)],
            ["Who", who(row, names)],
            ["Id of who", row.by],
            ["Through", row.through || "–"],
            ["Which", row.subject || "–"],
            ["Request", row.request || "–"],
          ]}
        />
        {text === "" ? <p class="quiet">The line says no more than that it was done.</p> : <Diff text={text} label="Before and after" />}
        <Cli line={command("glowplug changes", { noun: row.noun, subject: row.subject })} />
      </>
    ),
    true,
  );
}

/** Lines that went and lines that came, a field each. */
function difference({ before, after }: Change): string {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const both = before !== null && after !== null;
  const line = (sign: string, name: string, side: Change["after"]) =>
    side !== null && name in side && (both || !nothing(side[name])) ? [`${sign} ${name}: ${written(name, side[name])}`] : [];
  return names.flatMap((name) => [...line("-", name, before), ...line("+", name, after)]).join("\n");
}

/** What says nothing about something that is new or gone. */
function nothing(value: unknown): boolean {
  return value === null || value === "" || value === false || (Array.isArray(value) && value.length === 0);
}

function written(name: string, value: unknown): string {
  if (typeof value === "number" && name.endsWith("_at")) return moment(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}
