// What a member sees: their own keys, budgets and what they used.
import { ago, count, money } from "../format";
import { useAsk, useMe } from "../hooks";
import { useNow } from "../live";
import { Empty, Figures, Loaded, Pill } from "../parts/basics";
import { called } from "../parts/every";
import { Table } from "../parts/table";
import { to } from "../router";
import type { Mine } from "../types";
import { BudgetTable } from "./keys_budgets";
import { Used } from "./keys_parts";
import { stands, TONES } from "./keys_words";

export function Own() {
  const asked = useAsk<Mine>("/admin/me");
  return (
    <>
      <h1>Your keys</h1>
      <Loaded asked={asked}>{(mine) => <Whole mine={mine} />}</Loaded>
    </>
  );
}

function Whole({ mine }: { mine: Mine }) {
  const now = useNow();
  const none = <>Whoever runs this server makes one for you; <a href={to("connect")}>Connect</a> says what to do with it.</>;
  return (
    <>
      <Figures
        of={[
          ["You are", called(useMe()), mine.teams.map((one) => one.team).join(", ") || "in no team"],
          ["Spent", money(mine.usage.reduce((whole, sum) => whole + sum.cost, 0)), "in all"],
          ["Requests", count(mine.usage.reduce((whole, sum) => whole + sum.attempts, 0)), "in all"],
        ]}
      />
      <h2>Keys</h2>
      <Table
        caption="Your keys"
        rows={mine.keys}
        id={(key) => key.id}
        columns={[
          { title: "Name", cell: (key) => <>{key.name}<small class="under quiet">{key.display}</small></> },
          { title: "Stands", cell: (key) => <Pill tone={TONES[stands(key, now)]}>{stands(key, now)}</Pill> },
          { title: "May use", cell: (key) => key.models.join(", ") || "all models", wide: true },
          { title: "Last used", cell: (key) => ago(now, key.last_used_at) },
        ]}
        empty={<Empty title="You have no key yet" says={none} />}
      />
      <h2>Budgets</h2>
      <BudgetTable rows={mine.budgets} books={null} whose empty={<Empty title="You have no budget but those of everybody" />} />
      <h2>Models you used</h2>
      <Used rows={mine.usage} empty={<Empty title="You used no model yet" />} />
    </>
  );
}
