// What a member sees: their own keys, budgets and what they used.
import { count, duration, money } from "../format";
import { useAsk } from "../hooks";
import { useNow } from "../live";
import { Empty, Figure, Pill, Waiting } from "../parts/basics";
import { Table } from "../parts/table";
import { to } from "../router";
import type { Me, Mine } from "../types";
import { BudgetTable } from "./keys_budgets";
import { Used } from "./keys_parts";
import { stands, TONES } from "./keys_words";

export function Own({ me }: { me: Me }) {
  const asked = useAsk<Mine>("/admin/me");
  const now = useNow();
  const mine = asked.data;
  const cost = mine?.usage.reduce((whole, sum) => whole + sum.cost, 0);
  return (
    <>
      <h1>Your keys</h1>
      {(mine === null || asked.error !== null) && <Waiting asked={asked} />}
      {mine !== null && (
        <>
          <div class="figures">
            <Figure name="You are" value={me.name || me.email} note={mine.teams.map((one) => one.team).join(", ") || "in no team"} />
            <Figure name="Spent" value={money(cost)} note="in all" />
            <Figure name="Requests" value={count(mine.usage.reduce((whole, sum) => whole + sum.attempts, 0))} note="in all" />
          </div>
          <h2>Keys</h2>
          <Table
            caption="Your keys"
            rows={mine.keys}
            id={(key) => key.id}
            columns={[
              { title: "Name", cell: (key) => <>{key.name}<small class="under quiet">{key.display}</small></> },
              { title: "Stands", cell: (key) => <Pill tone={TONES[stands(key, now)]}>{stands(key, now)}</Pill> },
              { title: "May use", cell: (key) => key.models.join(", ") || "all models", wide: true },
              { title: "Last used", cell: (key) => (key.last_used_at === null ? "never" : `${duration(now - key.last_used_at)} ago`) },
            ]}
            empty={
              <Empty title="You have no key yet">
                <p>Whoever runs this server makes one for you; <a href={to("connect")}>Connect</a> says what to do with it.</p>
              </Empty>
            }
          />
          <h2>Budgets</h2>
          <BudgetTable rows={mine.budgets} books={null} whose empty={<Empty title="You have no budget but those of everybody" />} />
          <h2>Models you used</h2>
          <Used rows={mine.usage} empty={<Empty title="You used no model yet" />} />
        </>
      )}
    </>
  );
}
