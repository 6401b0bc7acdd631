// Who may ask here: keys, people, teams, and what all of them may spend.
import { useMe } from "../hooks";
import { Waiting } from "../parts/basics";
import { useEvery } from "../parts/every";
import { Tabs, useTab, type Tab } from "../parts/tabs";
import type { BudgetView, KeyView, ModelView, TeamView, UserView } from "../types";
import "./keys.css";
import { Budgets } from "./keys_budgets";
import { Keys } from "./keys_list";
import { Own } from "./keys_own";
import { Owners } from "./keys_owners";

const TABS: readonly Tab[] = ["Keys", "People", "Teams", "Budgets"].map((title) => ({ name: title.toLowerCase(), title }));

/** What the parts of the page share. */
export type Books = ReturnType<typeof useBooks>["books"];

export default function Page() {
  return useMe().role === "member" ? <Own /> : <Everybody />;
}

function useBooks() {
  const lists = {
    keys: useEvery<KeyView>("/admin/keys"),
    users: useEvery<UserView>("/admin/users"),
    teams: useEvery<TeamView>("/admin/teams"),
    budgets: useEvery<BudgetView>("/admin/budgets"),
    models: useEvery<ModelView>("/admin/models"),
  };
  const every = Object.values(lists);
  /** Asks for all of them anew. */
  const again = () => every.forEach((one) => one.again());
  return { books: { ...lists, again }, ready: every.every((one) => one.rows !== null), wrong: every.find((one) => one.error !== null) };
}

function Everybody() {
  const tab = useTab(TABS);
  const { books, ready, wrong } = useBooks();
  return (
    <>
      <h1>Keys, people, teams, budgets</h1>
      <Tabs page="keys" label="Parts of the page" tabs={TABS} />
      {(!ready || wrong !== undefined) && <Waiting asked={wrong ?? { error: null }} />}
      {ready && tab === "keys" && <Keys books={books} />}
      {ready && tab === "people" && <Owners key={tab} noun="users" books={books} />}
      {ready && tab === "teams" && <Owners key={tab} noun="teams" books={books} />}
      {ready && tab === "budgets" && <Budgets books={books} />}
    </>
  );
}
