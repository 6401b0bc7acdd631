// All keys, and one of them.
import { useState } from "preact/hooks";
import { ago, count, moment, money } from "../format";
import { useAdmin } from "../hooks";
import { useNow } from "../live";
import { Button, Cli, Empty, Facts, Figures, Heading, Pill, type Fact } from "../parts/basics";
import { called, choices, useEvery } from "../parts/every";
import { ChoiceFilter, TextFilter } from "../parts/fields";
import { Offer, useActions } from "../parts/palette";
import { Table } from "../parts/table";
import { to, usePlace } from "../router";
import type { KeyView, UsageSum } from "../types";
import type { Books } from "./keys";
import { Standing } from "./keys_budgets";
import { change, create, revoke, rotate } from "./keys_form";
import { block } from "./keys_owners_form";
import { Top, Used } from "./keys_parts";
import { identity, DAYS, limitsOf, over, since, spent, stands, TONES } from "./keys_words";

const FOR = "Whoever asks a model here brings a key; one for each person or program tells their costs apart.";
/** Rows that are shown at first. */
const FIRST = 100;

export function Keys({ books }: { books: Books }) {
  const chosen = usePlace().query.get("key") ?? "";
  const one = books.keys.rows?.find((key) => key.id === chosen);
  if (one !== undefined) return <One key={one.id} one={one} books={books} />;
  return (
    <>
      {chosen !== "" && <p class="bad" role="status">There is no key {chosen} here; these there are:</p>}
      <All books={books} />
    </>
  );
}

function All({ books }: { books: Books }) {
  const now = useNow();
  const { query } = usePlace();
  const [most, setMost] = useState(FIRST);
  const usage = useEvery<UsageSum>("/admin/usage", { by: "key", since: since() });
  const rows = books.keys.rows ?? [];
  const [q = "", user = "", team = ""] = ["q", "user", "team"].map((name) => query.get(name) ?? "");
  const words = q.toLowerCase();
  const which = query.get("which") ?? "good";
  const found = [...rows]
    .filter((key) => which === "all" || over(key, now) === (which === "over"))
    .filter((key) => (user === "" || key.user === user) && (team === "" || key.team === team))
    .filter((key) => [key.name, key.id, key.display, key.user, key.team, ...key.tags].some((text) => text.toLowerCase().includes(words)))
    .reverse();
  const everything = <a href={to("keys", { which: "all" })}>Look at all of them</a>;
  return (
    <>
      <Heading
        title={
          <div class="filters">
            <TextFilter name="q" label="Find" placeholder="name, person, team, tag" />
            <ChoiceFilter name="which" label="Which" options={[["good", "in use"], ["over", "revoked or expired"], ["all", "all"]]} />
            {books.users.rows?.length !== 0 && <ChoiceFilter name="user" label="Of" options={[["", "everybody"], ...choices(books.users.rows)]} />}
            {books.teams.rows?.length !== 0 && <ChoiceFilter name="team" label="Team" options={[["", "any"], ...choices(books.teams.rows)]} />}
          </div>
        }
      >
        <Offer main label="Make a key" run={() => create(books, { user, team })} />
      </Heading>
      <Table
        caption="Keys"
        rows={found.slice(0, most)}
        id={(key) => key.id}
        open={(key) => to("keys", { key: key.id })}
        columns={[
          { title: "Name", cell: called },
          { title: "Stands", cell: (key) => <Stand one={key} now={now} /> },
          { title: "Whose", cell: (key) => <Whose one={key} />, wide: true },
          { title: "May use", cell: (key) => <May one={key} />, wide: true },
          { title: `${DAYS} days`, cell: (key) => money(spent(usage.rows, "key", identity(key, rows))), number: true },
          { title: "Last used", cell: (key) => ago(now, key.last_used_at), wide: true },
        ]}
        empty={rows.length === 0 ? <Empty title="There is no key yet" says={FOR} /> : <Empty title="No key is like that" says={everything} />}
      />
      {found.length > most && <Button onClick={() => setMost(most * 2)}>Show more of {count(found.length)}</Button>}
    </>
  );
}

function Stand({ one, now }: { one: KeyView; now: number }) {
  const how = stands(one, now);
  const ends = how === "ending" && <small class="quiet">{moment(one.expires_at).slice(0, 10)}</small>;
  return <><Pill tone={TONES[how]}>{how === "ending" ? "ends" : how}</Pill> {ends} {one.role !== "user" && <Pill>{one.role}</Pill>}</>;
}

function Whose({ one }: { one: KeyView }) {
  if (one.user === "" && one.team === "") return <span class="quiet">nobody</span>;
  return <>{one.user}{one.team !== "" && <small class="under quiet">team {one.team}</small>}</>;
}

function May({ one }: { one: KeyView }) {
  if (one.role === "viewer") return <span class="quiet">no models</span>;
  const more = one.models.length - 2;
  const limits = limitsOf(one);
  return (
    <>
      {one.models.length === 0 ? "all models" : `${one.models.slice(0, 2).join(", ")}${more > 0 ? ` and ${more} more` : ""}`}
      {limits !== "" && <small class="under quiet">{limits}</small>}
    </>
  );
}

// ---- one

function One({ one, books }: { one: KeyView; books: Books }) {
  const now = useNow();
  const keys = books.keys.rows ?? [];
  const id = identity(one, keys);
  const usage = useEvery<UsageSum>("/admin/usage", { by: "key,model", since: since() });
  const its = usage.rows?.filter((sum) => sum.key === id).sort((a, b) => b.cost - a.cost || b.attempts - a.attempts) ?? null;
  const whole = (of: (sum: UsageSum) => number) => its?.reduce((total, sum) => total + of(sum), 0) ?? null;
  const admin = useAdmin();
  const next = keys.find((key) => key.replaces === one.id);
  const good = !over(one, now);
  useActions(admin && good ? [{ label: `Change ${called(one)}`, run: () => change(one, books) }] : []);
  return (
    <>
      <Top
        title={called(one)}
        pill={<Stand one={one} now={now} />}
        back={to("keys")}
        all="All keys"
        may={admin && good}
        buttons={[
          ["Change", () => change(one, books)],
          ...(one.blocked_at === null && next === undefined ? [["Replace", () => rotate(one, books)] as const] : []),
          [one.blocked_at === null ? "Block" : "Let in", () => block("keys", one, one.blocked_at === null, books.again)],
          ["Revoke", () => revoke(one, books.again)],
        ]}
      />
      <Figures
        of={[
          ["Spent", money(whole((sum) => sum.cost)), `in ${DAYS} days`],
          ["Requests", <a href={to("requests", { key: id })}>{count(whole((sum) => sum.attempts))}</a>, `in ${DAYS} days`],
          ["Tokens", count(whole((sum) => sum.prompt_tokens + sum.completion_tokens)), `in ${DAYS} days`],
          ["Last used", ago(now, one.last_used_at), one.last_used_at === null ? "" : moment(one.last_used_at)],
        ]}
      />
      <Facts kind="told top-room" facts={facts(one, next)} />
      <Standing books={books} scope="key" name={id} may={good} />
      <h3 class="top-room">Models it used</h3>
      <Used rows={its} empty={<Empty title={`It used no model in the last ${DAYS} days`} />} />
      <Cli line={`glowplug usage --by key,model --since ${DAYS}d`} />
    </>
  );
}

const RIGHTS = { evict: "unload idle models for others", start: "start what fits", warm: "use what is loaded" };

function facts(one: KeyView, next: KeyView | undefined): readonly Fact[] {
  const number = (value: number | null) => (value === null ? "no limit" : count(value));
  const keeps = [one.cached && "answers from the cache", one.log_bodies && "kept whole", one.end_users && "says who asks"].filter(Boolean);
  return [
    ["Key", one.display],
    ["Id", one.id],
    ["Role", one.role],
    ["Models", one.models.join(", ") || "all"],
    ["Endpoints", one.routes.join(", ") || "all"],
    ["Requests a minute", number(one.rpm)],
    ["Tokens a minute", number(one.tpm)],
    ["At the same time", number(one.concurrency)],
    ["Priority", String(one.priority)],
    ["Memory", RIGHTS[one.rights]],
    ["Person", one.user || "nobody"],
    ["Team", one.team || "none"],
    ["Tags", one.tags.join(", ") || "none"],
    ["Made", moment(one.created_at)],
    ["Ends", one.revoked_at !== null ? `revoked ${moment(one.revoked_at)}` : moment(one.expires_at)],
    ...(one.replaces === "" ? [] : [["In the place of", <a href={to("keys", { key: one.replaces })}>{one.replaces}</a>] as const]),
    ...(next === undefined ? [] : [["Replaced by", <a href={to("keys", { key: next.id })}>{next.display}</a>] as const]),
    ...(keeps.length > 0 ? [["Its requests", keeps.join(", ")] as const] : []),
  ];
}
