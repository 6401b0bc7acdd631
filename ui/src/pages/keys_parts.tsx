// What several parts of the page are made of.
import type { ComponentChildren } from "preact";
import { count, money } from "../format";
import { Button, Heading } from "../parts/basics";
import { Table } from "../parts/table";
import type { ModelView, UsageSum } from "../types";

/** Of one key, person or team: its name, the way back, and what can be done. */
export function Top({ title, pill, back, all, may, buttons }: TopProps) {
  return (
    <>
      <Heading title={<h2>{title} {pill}</h2>}><a href={back}>{all}</a></Heading>
      {may && <div class="actions">{buttons.map(([label, run]) => <Button key={label} onClick={run}>{label}</Button>)}</div>}
    </>
  );
}
interface TopProps {
  title: string;
  pill: ComponentChildren;
  back: string;
  all: string;
  may: boolean;
  buttons: readonly (readonly [label: string, run: () => void])[];
}

/** Sums by model. */
export function Used({ rows, empty }: { rows: readonly UsageSum[] | null; empty: ComponentChildren }) {
  return (
    <Table
      caption="Models that were used"
      rows={rows}
      empty={empty}
      id={(sum) => sum.model ?? ""}
      columns={[
        { title: "Model", cell: (sum) => sum.model || "none" },
        { title: "Requests", cell: (sum) => count(sum.attempts), number: true },
        { title: "Tokens", cell: (sum) => count(sum.prompt_tokens + sum.completion_tokens), number: true, wide: true },
        { title: "Cost", cell: (sum) => money(sum.cost), number: true },
      ]}
    />
  );
}

/** Names to be ticked; what is ticked and not there any more stays among them. */
export function Models({ chosen, models, help }: { chosen: readonly string[]; models: readonly ModelView[] | null; help: string }) {
  const every = [...new Set([...(models ?? []).map((one) => one.name), ...chosen])];
  return (
    <fieldset class="choices">
      <legend>Models</legend>
      <div>
        {every.map((name) => (
          <label key={name}>
            <input type="checkbox" name="models" value={name} defaultChecked={chosen.includes(name)} />
            {name}
          </label>
        ))}
        {every.length === 0 && <span class="quiet">No model is served yet.</span>}
      </div>
      <small class="quiet">{help}</small>
    </fieldset>
  );
}
