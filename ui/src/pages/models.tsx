// What is served: models of this machine, of providers, and aliases.  `?model=NAME` is one of them.
import { useAdmin, useAsk } from "../hooks";
import { useLive } from "../live";
import { Cli, Empty, Heading, Loaded, Pill } from "../parts/basics";
import { ChoiceFilter, TextFilter } from "../parts/fields";
import { Switch, TONES } from "../parts/instance";
import { Offer, useActions } from "../parts/palette";
import { Table } from "../parts/table";
import { go, to, usePlace } from "../router";
import type { InstanceView, ModelView, State } from "../types";
import { add } from "./models_change";
import { Detail } from "./models_detail";

export type Row = ModelView & { instance: InstanceView | undefined };

export default function Models() {
  const chosen = usePlace().query.get("model") ?? "";
  const { seen } = useLive();
  const models = useAsk<{ data: readonly ModelView[] }>("/admin/models", { on: ["config", "instance", "failure"] });
  const rows: Row[] = (models.data?.data ?? []).map((row) => ({ ...row, instance: seen?.rows.find((one) => one.model === row.name) }));
  useActions(rows.filter((row) => row.kind === "model").map(({ name }) => ({ label: `Model ${name}`, run: () => go(to("models", { model: name })) })));
  const row = rows.find((one) => one.name === chosen);
  if (row !== undefined) return <Detail key={chosen} row={row} again={models.again} />;
  return (
    <>
      <Heading title={chosen || "Models"}>{chosen === "" && <Offer main label="Add a model" run={() => add(models.again)} />}</Heading>
      <Loaded asked={models}>{() => chosen === "" ? <Rows rows={rows} /> : (
        <Empty title={`No model or alias is called “${chosen}”`}><p>It may have been taken away. <a href={to("models")}>All models</a></p></Empty>
      )}</Loaded>
    </>
  );
}

const KINDS: Record<string, readonly [label: string, holds: (row: Row) => boolean]> = {
  "": ["all", () => true],
  local: ["on this machine", (row) => row.kind === "model" && (row.engine ?? "") !== ""],
  remote: ["of providers", (row) => row.kind === "model" && (row.engine ?? "") === ""],
  alias: ["aliases", (row) => row.kind === "alias"],
  problem: ["with a problem", (row) => (row.problems ?? []).length > 0],
};

function Rows({ rows }: { rows: readonly Row[] }) {
  const { query } = usePlace();
  const admin = useAdmin();
  if (rows.length === 0) {
    return (
      <Empty title="Nothing is served yet">
        <p>
          <a href={to("first")}>First steps</a> looks for engines and models that are here already; a model of a cloud needs its{" "}
          <a href={to("providers")}>provider</a> first.
        </p>
        <Cli line="glowplug models discover" />
      </Empty>
    );
  }
  const holds = KINDS[query.get("kind") ?? ""]?.[1] ?? (() => true);
  const words = (query.get("q") ?? "").toLowerCase().split(/\s+/);
  const text = (row: Row) => `${row.name} ${from(row)} ${(row.capabilities ?? []).join(" ")}`.toLowerCase();
  const found = rows.filter((row) => holds(row) && words.every((word) => text(row).includes(word)));
  return (
    <>
      <div class="filters">
        <TextFilter name="q" label="Name, engine or ability" placeholder="chat" />
        <ChoiceFilter name="kind" label="Which" options={Object.entries(KINDS).map(([name, [label]]) => [name, label] as const)} />
        <span class="quiet">{found.length} of {rows.length}</span>
      </div>
      <Table<Row>
        caption="Models and aliases"
        rows={found}
        empty={<Empty title="None is like that" />}
        id={(row) => `${row.kind} ${row.name}`}
        open={(row) => (row.kind === "alias" ? to("routing", { ask: row.name }) : to("models", { model: row.name }))}
        columns={[
          { title: "Name", cell: (row) => row.name },
          { title: "State", cell: (row) => <Standing row={row} /> },
          { title: "From", cell: from, wide: true },
          { title: "Can", cell: (row) => <span class="quiet">{(row.capabilities ?? []).join(", ")}</span>, wide: true },
          { title: "", cell: (row) => admin && row.instance !== undefined && <Switch row={row.instance} />, wide: true },
        ]}
      />
      <Cli line="glowplug models" />
    </>
  );
}

/** The engine, the provider's model, or the targets. */
export function from(row: ModelView): string {
  if (row.kind === "alias") return (row.targets ?? []).join(" → ");
  if (row.engine) return row.engine;
  const url = row.base_url ?? "";
  return [row.upstream_model, URL.canParse(url) ? new URL(url).host : url].filter(Boolean).join(" at ");
}

export function Standing({ row }: { row: Row }) {
  const problems = row.problems ?? [];
  const state = (row.instance?.state ?? row.state ?? "") as State | "";
  const says = state !== "" ? state : row.kind === "alias" ? "alias" : problems.length > 0 ? "cannot be used" : "elsewhere";
  return (
    <>
      <Pill tone={problems.length > 0 ? "bad" : state === "" ? "quiet" : TONES[state]}>{says}</Pill>
      {problems.map((text) => <small key={text} class="bad told">{text}</small>)}
    </>
  );
}
