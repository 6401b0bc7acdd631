// Keys: making, changing, replacing and stopping them.
import { ask } from "../api";
import { moment, quoted } from "../format";
import { act } from "../parts/dialog";
import { choices } from "../parts/every";
import { Check, said, Select, Text, type Option } from "../parts/fields";
import { ENDS } from "../parts/newkey";
import type { KeyView } from "../types";
import type { Books } from "./keys";
import { Made } from "./keys_made";
import { Models } from "./keys_parts";
import { budgetsOf, differing, limitsOf, options, saying, type Wanted } from "./keys_words";

/** Whose a new key is to be. */
export type Given = Partial<Pick<KeyView, "user" | "team">>;

const PATH = "/admin/keys";
const ROLES = [["user", "user: uses models"], ["viewer", "viewer: looks at everything"], ["admin", "admin: changes everything"]] as const;
const RIGHTS = [["evict", "may unload idle models"], ["start", "may start what fits"], ["warm", "only what is loaded"]] as const;
const GOOD = [["86400", "for a day yet"], ["3600", "for an hour yet"], ["604800", "for a week yet"], ["2592000", "for 30 days yet"], ["0", "no more"]] as const;
const KEEP = "keep";
const NUMBERS = [["rpm", "Requests a minute"], ["tpm", "Tokens a minute"], ["concurrency", "At the same time"]] as const;
const FLAGS = [
  ["cached", "Answers from the cache", "The same request is answered from the cache for a time."],
  ["log_bodies", "Keep requests and answers whole", "For a time; admins can read them."],
  ["end_users", "Requests say who is asking", "For the records only."],
] as const;
const path = (key: KeyView) => `${PATH}/${encodeURIComponent(key.id)}`;

// ---- the fields

function Fields({ one, books, given = {} }: { one: KeyView | null; books: Books; given?: Given }) {
  const number = (value: number | null | undefined) => String(value ?? "");
  const ends: readonly Option[] = one === null ? ENDS : [[KEEP, `as it is: ${moment(one.expires_at)}`], ...ENDS];
  return (
    <>
      <Text name="name" label="Name" value={one?.name} required autofocus help="What it is called in lists and in costs." />
      <Models chosen={one?.models ?? []} models={books.models.rows} help="None chosen means all of them." />
      <div class="pair">
        <Select name="expires" label="Ends" value={one === null ? "" : KEEP} options={ends} />
        {one === null && <Text name="budget" label="Budget" placeholder="20/month" />}
        {NUMBERS.map(([name, label]) => (
          <Text key={name} name={name} label={label} type="number" min={1} value={number(one?.[name])} placeholder="no limit" />
        ))}
        <Text name="priority" label="Priority" type="number" min={-100} max={100} value={number(one?.priority ?? 0)} />
        <Select name="user" label="Belongs to" value={one?.user ?? given.user ?? ""} options={[["", "nobody"], ...named(books.users.rows, one?.user)]} />
        <Select name="team" label="Team" value={one?.team ?? given.team ?? ""} options={[["", "no team"], ...named(books.teams.rows, one?.team)]} />
      </div>
      <details>
        <summary>More</summary>
        <div class="pair">
          {one === null && <Select name="role" label="Role" value="user" options={ROLES} />}
          <Select name="rights" label="Memory" value={one?.rights ?? "evict"} options={RIGHTS} />
        </div>
        <Text name="tags" label="Tags" value={one?.tags.join(", ")} help="Of all its requests, separated by commas." />
        <Text name="routes" label="Endpoints" value={one?.routes.join(", ")} placeholder="all of them" help="For example /v1/chat/completions, /v1/audio/*" />
        {one === null && FLAGS.map(([name, label, help]) => <Check key={name} name={name} label={label} help={help} />)}
      </details>
    </>
  );
}

/** With the one that is kept, even where it is known no more. */
function named(rows: Parameters<typeof choices>[0], kept = ""): readonly Option[] {
  const known = choices(rows);
  return kept === "" || known.some(([id]) => id === kept) ? known : [...known, kept];
}

const commas = (text: string) => text.split(",").map((one) => one.trim()).filter((one) => one !== "");

/** What the form says of a key. */
function values(form: FormData): Wanted {
  const number = (name: string) => (said(form, name) === "" ? null : Number(said(form, name)));
  const wanted: Wanted = {
    name: said(form, "name"),
    models: form.getAll("models"),
    priority: Number(said(form, "priority") || 0),
    user: said(form, "user"),
    team: said(form, "team"),
    rights: said(form, "rights") || "evict",
    tags: commas(said(form, "tags")),
    routes: commas(said(form, "routes")),
  };
  for (const [name] of NUMBERS) wanted[name] = number(name);
  if (said(form, "expires") !== KEEP) wanted["expires_in"] = number("expires");
  return wanted;
}

/** Of a new key: what differs from one of which nothing is said. */
function asked(form: FormData): Wanted {
  const wanted: Wanted = { ...values(form), role: said(form, "role") || "user", budget: said(form, "budget") };
  for (const [name] of FLAGS) wanted[name] = form.get(name) !== null;
  return saying(wanted, { priority: 0, rights: "evict", role: "user" });
}

// ---- what is done

export function create(books: Books, given: Given = {}): void {
  act<KeyView>({
    title: "Make a key",
    fields: <Fields one={null} books={books} given={given} />,
    cli: (form) => {
      const { name, ...more } = asked(form);
      return `glowplug keys create ${quoted(String(name ?? "NAME"))}${options(more)}`;
    },
    request: (form) => ["POST", PATH, asked(form)],
    seen: (one, form) => <Sketch one={one} budget={said(form, "budget")} />,
    verb: "Make the key",
    done: (made) => `The key ${made.name} was made`,
    undo: (made) => async () => {
      await ask("POST", `${path(made)}/revoke`);
      for (const budget of await budgetsOf("key", made.id)) await ask("DELETE", `/admin/budgets/${encodeURIComponent(budget.id)}`);
    },
    shows: (made) => <Made made={made} />,
    after: books.again,
  });
}

export function change(one: KeyView, books: Books): void {
  const wanted = (form: FormData) => (form.get("name") === null ? {} : differing(values(form), one));
  act<KeyView>({
    title: `Change ${one.name || one.id}`,
    fields: <Fields one={one} books={books} />,
    cli: (form) => `glowplug keys update ${quoted(one.id)}${options(wanted(form))}`,
    request: (form) => ["PATCH", path(one), wanted(form)],
    seen: (found) => <Sketch one={found} />,
    verb: "Change it",
    done: () => `The key ${one.name} was changed`,
    undo: (_made, form) => () => {
      const before = { ...one, expires_in: left(one) } as Wanted;
      return ask("PATCH", path(one), Object.fromEntries(Object.keys(wanted(form)).map((name) => [name, before[name]])));
    },
    after: books.again,
  });
}

/** Seconds until it ends, as the API takes them. */
function left(one: KeyView): number | null {
  return one.expires_at === null ? null : Math.max(1, one.expires_at - Date.now() / 1000);
}

/** What a key would be, in a few lines. */
function Sketch({ one, budget = "" }: { one: KeyView; budget?: string }) {
  const limits = [limitsOf(one), budget && `$${budget.replace(/^\$/, "")}`].filter(Boolean);
  return (
    <ul>
      <li>
        A key of the role {one.role} that may use {one.models.length === 0 ? "all models" : one.models.join(", ")}
        {one.priority !== 0 && `, with priority ${one.priority}`}
      </li>
      <li>{limits.length === 0 ? "Without limits of its own" : `At most ${limits.join(", ")}`}</li>
      <li>{one.expires_at === null ? "Does not end by itself" : `Ends ${moment(one.expires_at)}`}</li>
      {(one.user !== "" || one.team !== "") && <li>Belongs to {[one.user, one.team && `the team ${one.team}`].filter(Boolean).join(" in ")}</li>}
    </ul>
  );
}

export function rotate(one: KeyView, books: Books): void {
  const wanted = (form: FormData) => ({ overlap: Number(said(form, "overlap") || 86_400) });
  act<KeyView>({
    title: `Replace ${one.name || one.id}`,
    says: "A new key takes its place, with the same rights, budgets and limits. Both count as one while the old one is still good.",
    fields: <Select name="overlap" label="The old one is good" value="86400" options={GOOD} />,
    cli: (form) => `glowplug keys rotate ${quoted(one.id)} --overlap ${wanted(form).overlap}s`,
    request: (form) => ["POST", `${path(one)}/rotate`, wanted(form)],
    seen: (_made, form) => {
      const { overlap } = wanted(form);
      const when = overlap === 0 ? "at once" : `from ${moment(Date.now() / 1000 + overlap)} on`;
      return `${one.display} is refused ${when}; whoever uses it needs the new one by then.`;
    },
    verb: "Replace it",
    done: () => `The key ${one.name} is replaced`,
    undo: (made) => async () => {
      await ask("PATCH", path(one), { expires_in: left(one) });
      await ask("POST", `${path(made)}/revoke`);
    },
    shows: (made) => <Made made={made} />,
    after: books.again,
  });
}

export function revoke(one: KeyView, after: () => void): void {
  act({
    title: `Revoke ${one.name || one.id}`,
    cli: () => `glowplug keys revoke ${quoted(one.id)}`,
    request: () => ["POST", `${path(one)}/revoke`],
    seen: () => `${one.display} is refused at once and for good; that cannot be undone, blocking can. What it used stays in the records.`,
    verb: "Revoke it",
    danger: true,
    done: () => `The key ${one.name} is revoked`,
    after,
  });
}
