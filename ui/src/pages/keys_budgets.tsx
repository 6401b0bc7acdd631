// Budgets: what may be spent, by whom, and how they stand.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask } from "../api";
import { command, duration, money, quoted } from "../format";
import { useAdmin } from "../hooks";
import { useNow } from "../live";
import { Button, Empty, Heading, Pill } from "../parts/basics";
import { Meter } from "../parts/bar";
import { act } from "../parts/dialog";
import { called, choices } from "../parts/every";
import { said, Select, Text, type Option } from "../parts/fields";
import { Offer } from "../parts/palette";
import { Table, type Column } from "../parts/table";
import { to } from "../router";
import type { BudgetView, Scope } from "../types";
import type { Books } from "./keys";
import { over, written } from "./keys_words";

const PATH = "/admin/budgets";
const NEAR = 0.8;
const WINDOWS: Record<string, string> = { hour: "an hour", day: "a day", week: "a week", month: "a month", total: "in all" };
const OPTIONS: Record<Exclude<Scope, "all">, string> = { key: "for-key", user: "user", team: "team", tag: "tag", model: "model" };

const SCOPES = [["all", "everybody together"], ["key", "a key"], ["user", "a person"], ["team", "a team"], ["tag", "a tag"], ["model", "a model"]] as const;

/** Where those who have a page are looked at. */
const PAGES: Partial<Record<Scope, (id: string) => Record<string, string>>> = {
  key: (key) => ({ key }),
  user: (id) => ({ view: "people", id }),
  team: (id) => ({ view: "teams", id }),
};

export function Budgets({ books }: { books: Books }) {
  const says = "It says what a key, a person, a team, a tag, a model or everybody together may spend in a time.";
  return (
    <>
      <Heading title={<p>Whatever is spent counts towards every budget that it falls under; the first that is used up refuses what costs.</p>}>
        <Offer main label="Make a budget" run={() => create(books)} />
      </Heading>
      <BudgetTable rows={books.budgets.rows} books={books} whose empty={<Empty title="Nobody has a budget yet" says={says} />} />
    </>
  );
}

/** The budgets of one key, person or team. */
export function Standing({ books, scope, name, may }: { books: Books; scope: Scope; name: string; may: boolean }) {
  const rows = books.budgets.rows?.filter((one) => one.scope === scope && one.name === name) ?? null;
  return (
    <>
      <Heading kind="top-room" title={<h3>Budgets</h3>}>{may && <Offer label="Give a budget" run={() => create(books, { scope, name })} />}</Heading>
      <BudgetTable rows={rows} books={books} empty={<Empty title="No budget but those that limit others, too" />} />
    </>
  );
}

type BudgetsProps = Readonly<{ rows: readonly BudgetView[] | null; books: Books | null; whose?: boolean; empty: ComponentChildren }>;

export function BudgetTable({ rows, books, whose = false, empty }: BudgetsProps) {
  const now = useNow();
  const whom: Column<BudgetView> = { title: "For", cell: (one) => <For one={one} books={books} /> };
  const away = (one: BudgetView, from: Books) =>
    <Button aria-label={`Take away ${written(one)} of ${nameOf(one, from)}`} onClick={() => remove(one, from)}>Take away</Button>;
  return (
    <Table
      caption="Budgets"
      rows={rows}
      empty={empty}
      id={(one) => one.id}
      columns={[
        ...(whose ? [whom] : []),
        { title: "Stands", cell: (one) => <Stands one={one} /> },
        { title: "Begins anew", cell: (one) => (one.ends_at === null ? <span class="quiet">as time passes</span> : `in ${duration(one.ends_at - now)}`), wide: true },
      ]}
      action={useAdmin() && books !== null && ((one) => away(one, books))}
    />
  );
}

function Stands({ one }: { one: BudgetView }) {
  const share = one.spent === null ? 0 : one.amount === 0 ? 1 : one.spent / one.amount;
  const tone = share >= 1 ? "bad" : share >= NEAR ? "warm" : "good";
  return (
    <div class="stand">
      {money(one.spent)} of {money(one.amount)} {windowOf(one)}{" "}
      {tone !== "good" && <Pill tone={tone}>{share >= 1 ? "used up" : "nearly used up"}</Pill>}
      <Meter value={one.spent ?? 0} max={one.amount} label={`Spent of ${money(one.amount)}`} tone={tone} />
      {one.reserved !== null && one.reserved > 0 && <small class="quiet">and {money(one.reserved)} set aside for what runs</small>}
    </div>
  );
}

function windowOf(one: Pick<BudgetView, "window" | "seconds">): string {
  return one.window === "rolling" ? `in the last ${duration(one.seconds)}` : (WINDOWS[one.window] ?? one.window);
}

function For({ one, books }: { one: BudgetView; books: Books | null }) {
  if (one.scope === "all") return <>everybody together</>;
  const page = books === null ? undefined : PAGES[one.scope];
  const name = nameOf(one, books);
  return <>{page === undefined ? name : <a href={to("keys", page(one.name))}>{name}</a>} <small class="quiet">{one.scope}</small></>;
}

function nameOf(one: Whose, books: Books | null): string {
  const { keys, users, teams } = books ?? {};
  const lists: Partial<Record<Scope, readonly { id: string }[] | null | undefined>> = { key: keys?.rows, user: users?.rows, team: teams?.rows };
  const found = lists[one.scope]?.find((row) => row.id === one.name);
  return found === undefined ? one.name || "everybody" : called(found);
}

// ---- what is done

type Whose = Pick<BudgetView, "scope" | "name">;
type Wanted = Whose & { budget: string };

function wanted(form: FormData, given: Whose | null): Wanted {
  const window = said(form, "window") === "rolling" ? said(form, "span") : said(form, "window") || "month";
  const scope = (said(form, "scope") || "all") as Scope;
  return { budget: `${said(form, "amount").replace(/^\$/, "")}/${window}`, scope, name: scope === "all" ? "" : said(form, "name"), ...given };
}

function line({ budget, scope, name }: Wanted): string {
  const amount = budget.startsWith("/") ? `20${budget}` : budget;
  return command(`glowplug budgets create ${quoted(amount)}`, scope === "all" ? {} : { [OPTIONS[scope]]: name || "NAME" });
}

export function create(books: Books, given: Whose | null = null): void {
  act<BudgetView>({
    title: given === null ? "Make a budget" : `A budget for ${nameOf(given, books)}`,
    fields: <Fields books={books} whose={given === null} />,
    cli: (form) => line(form.get("amount") === null ? { budget: "20/month", scope: "all", name: "", ...given } : wanted(form, given)),
    request: (form) => ["POST", PATH, wanted(form, given)],
    seen: (one) =>
      `${one.scope === "all" ? "Everybody together" : nameOf(one, books)} may spend ${money(one.amount)} ${windowOf(one)}. What was spent in that time ` +
      "before counts; models that cost nothing answer all the same.",
    verb: "Make the budget",
    done: (made) => `There is a budget of ${money(made.amount)} ${windowOf(made)}`,
    undo: (made) => () => ask("DELETE", `${PATH}/${encodeURIComponent(made.id)}`),
    after: books.again,
  });
}

function Fields({ books, whose }: { books: Books; whose: boolean }) {
  const [chosen, choose] = useState({ scope: "all", window: "month" });
  const chose = ({ target }: Event) => {
    const { name, value } = target as HTMLSelectElement;
    choose((old) => ({ ...old, [name]: value }));
  };
  return (
    <div onChange={chose}>
      <div class="pair">
        <Text name="amount" label="Dollars" placeholder="20" required autofocus />
        <Select name="window" label="In" value="month" options={[...Object.entries(WINDOWS), ["rolling", "the last so long"]]} />
        {chosen.window === "rolling" && <Text name="span" label="How long" placeholder="5h" value="5h" required />}
      </div>
      {whose && (
        <div class="pair">
          <Select name="scope" label="For" value="all" options={SCOPES} />
          <Name key={chosen.scope} scope={chosen.scope} books={books} />
        </div>
      )}
    </div>
  );
}

function Name({ scope, books }: { scope: string; books: Books }) {
  if (scope === "all") return null;
  if (scope === "tag") return <Text name="name" label="Which tag" required />;
  const now = Date.now() / 1000;
  const options: Record<string, readonly Option[]> = {
    key: choices((books.keys.rows ?? []).filter((key) => !over(key, now))),
    user: choices(books.users.rows),
    team: choices(books.teams.rows),
    model: (books.models.rows ?? []).map((one) => one.name),
  };
  return <Select name="name" label="Which" options={options[scope] ?? []} />;
}

function remove(one: BudgetView, books: Books): void {
  act({
    title: `Take away the budget of ${nameOf(one, books)}`,
    cli: () => `glowplug budgets delete ${quoted(one.id)}`,
    request: () => ["DELETE", `${PATH}/${encodeURIComponent(one.id)}`],
    seen: () => `Nothing stops ${nameOf(one, books)} at ${money(one.amount)} ${windowOf(one)} any more.`,
    verb: "Take it away",
    danger: true,
    done: () => "The budget is taken away",
    undo: () => () => ask("POST", PATH, { budget: written(one), scope: one.scope, name: one.name }),
    after: books.again,
  });
}
