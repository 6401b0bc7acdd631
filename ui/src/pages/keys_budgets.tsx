// Budgets: what may be spent, by whom, and how they stand.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask } from "../api";
import { duration, money, quoted } from "../format";
import { useNow } from "../live";
import { Button, Empty, Pill } from "../parts/basics";
import { Meter } from "../parts/bar";
import { act, once } from "../parts/dialog";
import { said, Select, Text, type Option } from "../parts/fields";
import { useActions } from "../parts/palette";
import { Table } from "../parts/table";
import { to } from "../router";
import type { BudgetView, Scope } from "../types";
import type { Books } from "./keys";
import { over, written } from "./keys_words";

const PATH = "/admin/budgets";
const NEAR = 0.8;
const WINDOWS: Record<string, string> = { hour: "an hour", day: "a day", week: "a week", month: "a month", total: "in all" };
const OPTIONS: Record<Exclude<Scope, "all">, string> = { key: "for-key", user: "user", team: "team", tag: "tag", model: "model" };

const VIEWS: Partial<Record<Scope, string>> = { key: "keys", user: "people", team: "teams" };

const NONE = (
  <Empty title="Nobody has a budget yet">
    <p>It says what a key, a person, a team, a tag, a model or everybody together may spend in a time.</p>
  </Empty>
);

export function Budgets({ books }: { books: Books }) {
  const rows = books.budgets.rows;
  const make = () => create(books);
  useActions(books.admin ? [{ label: "Make a budget", run: make }] : []);
  return (
    <>
      <div class="heading">
        <p>Whatever is spent counts towards every budget that it falls under; the first that is used up refuses what costs.</p>
        {books.admin && <Button class="main" onClick={make}>Make a budget</Button>}
      </div>
      {rows !== null && <BudgetTable rows={rows} books={books} whose empty={NONE} />}
    </>
  );
}

/** The budgets of one key, person or team. */
export function Standing({ books, scope, name, may }: { books: Books; scope: Scope; name: string; may: boolean }) {
  const rows = books.budgets.rows?.filter((one) => one.scope === scope && one.name === name);
  return (
    <>
      <div class="heading top-room">
        <h3>Budgets</h3>
        {books.admin && may && <Button onClick={() => create(books, { scope, name })}>Give a budget</Button>}
      </div>
      {rows !== undefined && (
        <BudgetTable rows={rows} books={books} empty={<Empty title="No budget but those that limit others, too" />} />
      )}
    </>
  );
}

interface BudgetsProps {
  rows: readonly BudgetView[];
  books: Books | null;
  whose?: boolean;
  empty: ComponentChildren;
}

export function BudgetTable({ rows, books, whose = false, empty }: BudgetsProps) {
  const now = useNow();
  return (
    <Table
      caption="Budgets"
      rows={rows}
      empty={empty}
      id={(one) => one.id}
      columns={[
        ...(whose ? [{ title: "For", cell: (one: BudgetView) => <For one={one} books={books} /> }] : []),
        { title: "Stands", cell: (one) => <Stands one={one} /> },
        { title: "Begins anew", cell: (one) => (one.ends_at === null ? <span class="quiet">as time passes</span> : `in ${duration(one.ends_at - now)}`), wide: true },
        ...(books?.admin === true
          ? [
              {
                title: "",
                cell: (one: BudgetView) => (
                  <button type="button" aria-label={`Take away ${written(one)} of ${nameOf(one, books)}`} onClick={() => remove(one, books)}>
                    Take away
                  </button>
                ),
              },
            ]
          : []),
      ]}
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

export function windowOf(one: Pick<BudgetView, "window" | "seconds">): string {
  return one.window === "rolling" ? `in the last ${duration(one.seconds)}` : (WINDOWS[one.window] ?? one.window);
}

function For({ one, books }: { one: BudgetView; books: Books | null }) {
  if (one.scope === "all") return <>everybody together</>;
  const [name, view] = [nameOf(one, books), VIEWS[one.scope]];
  const place = view === undefined || books === null ? "" : view === "keys" ? to("keys", { key: one.name }) : to("keys", { view, id: one.name });
  return <>{place === "" ? name : <a href={place}>{name}</a>} <small class="quiet">{one.scope}</small></>;
}

function nameOf(one: Pick<BudgetView, "scope" | "name">, books: Books | null): string {
  const lists: Partial<Record<Scope, readonly { id: string; name: string }[] | null>> = {
    key: books?.keys.rows ?? null,
    user: books?.users.rows ?? null,
    team: books?.teams.rows ?? null,
  };
  return lists[one.scope]?.find((row) => row.id === one.name)?.name || one.name || "everybody";
}

// ---- what is done

type Whose = Pick<BudgetView, "scope" | "name">;
type Wanted = Whose & { budget: string };

function wanted(form: FormData): Wanted {
  const window = said(form, "window") === "rolling" ? said(form, "span") : said(form, "window") || "month";
  const scope = (said(form, "scope") || "all") as Scope;
  return { budget: `${said(form, "amount").replace(/^\$/, "")}/${window}`, scope, name: scope === "all" ? "" : said(form, "name") };
}

function line({ budget, scope, name }: Wanted): string {
  const amount = budget.startsWith("/") ? `20${budget}` : budget;
  return `glowplug budgets create ${quoted(amount)}${scope === "all" ? "" : ` --${OPTIONS[scope]} ${quoted(name || "NAME")}`}`;
}

export function create(books: Books, given: Whose | null = null): void {
  act<BudgetView>({
    title: given === null ? "Make a budget" : `A budget for ${nameOf(given, books)}`,
    fields: <Fields books={books} given={given} />,
    cli: (form) => line(form.get("amount") === null ? { budget: "20/month", scope: "all", name: "", ...given } : wanted(form)),
    ...once(
      (form) => ["POST", PATH, wanted(form)],
      (one) => (
        <p>
          {one.scope === "all" ? "Everybody together" : nameOf(one, books)} may spend {money(one.amount)} {windowOf(one)}. What was spent in that time
          before counts; models that cost nothing answer all the same.
        </p>
      ),
    ),
    verb: "Make the budget",
    done: (made) => `There is a budget of ${money(made.amount)} ${windowOf(made)}`,
    undo: (made) => () => ask("DELETE", `${PATH}/${encodeURIComponent(made.id)}`),
    after: books.again,
  });
}

function Fields({ books, given }: { books: Books; given: Whose | null }) {
  const [scope, setScope] = useState<string>(given?.scope ?? "all");
  const [window, setWindow] = useState("month");
  const chose = ({ target }: Event) => {
    const { name, value } = target as HTMLSelectElement;
    if (name === "scope") setScope(value);
    if (name === "window") setWindow(value);
  };
  return (
    <div onChange={chose}>
      <div class="pair">
        <Text name="amount" label="Dollars" placeholder="20" required autofocus />
        <Select name="window" label="In" value="month" options={[...Object.entries(WINDOWS), ["rolling", "the last so long"]]} />
        {window === "rolling" && <Text name="span" label="How long" placeholder="5h" value="5h" required />}
      </div>
      {given === null ? (
        <div class="pair">
          <Select
            name="scope"
            label="For"
            value="all"
            options={[["all", "everybody together"], ["key", "a key"], ["user", "a person"], ["team", "a team"], ["tag", "a tag"], ["model", "a model"]]}
          />
          <Name key={scope} scope={scope} books={books} />
        </div>
      ) : (
        <>
          <input type="hidden" name="scope" value={given.scope} />
          <input type="hidden" name="name" value={given.name} />
        </>
      )}
    </div>
  );
}

function Name({ scope, books }: { scope: string; books: Books }) {
  if (scope === "all") return null;
  if (scope === "tag") return <Text name="name" label="Which tag" required />;
  const named = (rows: readonly { id: string; name: string }[] | null) => (rows ?? []).map((row): Option => [row.id, row.name || row.id]);
  const now = Date.now() / 1000;
  const options: Record<string, readonly Option[]> = {
    key: named((books.keys.rows ?? []).filter((key) => !over(key, now))),
    user: named(books.users.rows),
    team: named(books.teams.rows),
    model: books.choices.models,
  };
  return <Select name="name" label="Which" options={options[scope] ?? []} />;
}

function remove(one: BudgetView, books: Books): void {
  act({
    title: `Take away the budget of ${nameOf(one, books)}`,
    cli: () => `glowplug budgets delete ${quoted(one.id)}`,
    ...once(
      () => ["DELETE", `${PATH}/${encodeURIComponent(one.id)}`],
      () => <p>Nothing stops {nameOf(one, books)} at {money(one.amount)} {windowOf(one)} any more.</p>,
    ),
    verb: "Take it away",
    danger: true,
    done: () => "The budget is taken away",
    undo: () => () => ask("POST", PATH, { budget: written(one), scope: one.scope, name: one.name }),
    after: books.again,
  });
}
