// Who may ask here: keys, people, teams, and what all of them may spend.
import { useAsk } from "../hooks";
import { Problem } from "../parts/basics";
import { useEvery, type Every } from "../parts/every";
import { Tabs, useTab, type Tab } from "../parts/tabs";
import type { BudgetView, KeyView, Me, ModelView, TeamView, UserView } from "../types";
import type { PageProps } from "./index";
import "./keys.css";
import { Budgets } from "./keys_budgets";
import type { Choices } from "./keys_form";
import { Keys } from "./keys_list";
import { Own } from "./keys_own";
import { Owners } from "./keys_owners";

const TABS: readonly Tab[] = [
  { name: "keys", title: "Keys" },
  { name: "people", title: "People" },
  { name: "teams", title: "Teams" },
  { name: "budgets", title: "Budgets" },
];

/** What the parts of the page share. */
export interface Books {
  admin: boolean;
  keys: Every<KeyView>;
  users: Every<UserView>;
  teams: Every<TeamView>;
  budgets: Every<BudgetView>;
  choices: Choices;
  /** Ask for all of them anew. */
  again: () => void;
}

export default function Page({ admin }: PageProps) {
  const me = useAsk<Me>("/auth/me");
  if (me.data?.role === "member") return <Own me={me.data} />;
  return (
    <>
      <Problem error={me.error} again={me.again} />
      {me.data !== null && <Everybody admin={admin} />}
    </>
  );
}

function Everybody({ admin }: { admin: boolean }) {
  const tab = useTab(TABS);
  const keys = useEvery<KeyView>("/admin/keys");
  const users = useEvery<UserView>("/admin/users");
  const teams = useEvery<TeamView>("/admin/teams");
  const budgets = useEvery<BudgetView>("/admin/budgets");
  const models = useEvery<ModelView>("/admin/models");
  const every = [keys, users, teams, budgets];
  const ready = [...every, models].every((one) => one.rows !== null);
  const books: Books = {
    admin,
    keys,
    users,
    teams,
    budgets,
    choices: { models: (models.rows ?? []).map((one) => one.name), users: users.rows ?? [], teams: teams.rows ?? [] },
    again: () => every.forEach((one) => one.again()),
  };
  const wrong = [...every, models].find((one) => one.error !== null);
  return (
    <>
      <h1>Keys, people, teams, budgets</h1>
      <Tabs page="keys" label="Parts of the page" tabs={TABS} />
      <Problem error={wrong?.error} again={wrong?.again} />
      {!ready && wrong === undefined && <p class="quiet waiting">Loading …</p>}
      {ready && tab === "keys" && <Keys books={books} />}
      {ready && tab === "people" && <Owners key={tab} noun="users" books={books} />}
      {ready && tab === "teams" && <Owners key={tab} noun="teams" books={books} />}
      {ready && tab === "budgets" && <Budgets books={books} />}
    </>
  );
}
