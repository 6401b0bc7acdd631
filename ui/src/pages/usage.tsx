import { useMemo } from "preact/hooks";
import { at } from "../api";
import { command, count, energy, money, today } from "../format";
import { StackedBar, Meter, type Part } from "../parts/bar";
import { Card, Cli, Empty, Figures, Heading, Loaded, Problem } from "../parts/basics";
import { Chart, type Series } from "../parts/chart";
import { useEvery, useKeys, useModels } from "../parts/every";
import { ChoiceFilter, TextFilter, type Option } from "../parts/fields";
import { Clear, More } from "../parts/filters";
import { Table, type Column } from "../parts/table";
import { to, usePlace } from "../router";
import type { UsageSum } from "../types";

const DAY = 86_400;
/** Days that the chart has at least. */
const FEWEST = 7;
const GROUPS = ["model", "day", "key", "user", "team", "provider", "tag"] as const;
type Group = (typeof GROUPS)[number];
const SPANS: readonly Option[] = [["30", "30 days"], ["1", "Today"], ["7", "7 days"], ["90", "90 days"], ["365", "A year"]];
/** What is measured: how it is read from a sum, and how it is written. */
const MEASURES = {
  cost: { label: "Cost", of: (one: UsageSum) => one.cost, says: money },
  attempts: { label: "Attempts", of: (one: UsageSum) => one.attempts, says: count },
  tokens: { label: "Tokens", of: (one: UsageSum) => one.prompt_tokens + one.completion_tokens, says: count },
  energy: { label: "Energy", of: (one: UsageSum) => one.energy_mj ?? 0, says: energy },
} as const;
type Measure = keyof typeof MEASURES;
const NARROWED = ["key", "model", "user", "team"] as const;
const KINDS: readonly Part["kind"][] = ["others", "overhead", "kv", "lease"];

export default function Usage() {
  const { query } = usePlace();
  const by = choice(query.get("by"), GROUPS, "model");
  const measure = choice(query.get("show"), Object.keys(MEASURES) as Measure[], "cost");
  const days = Number(query.get("days") ?? "30") || 30;
  const since = dayBefore(days - 1);
  // Sums by tag are kept for themselves: they cannot be narrowed.
  const only = Object.fromEntries(NARROWED.map((name) => [name, by === "tag" ? "" : (query.get(name) ?? "")]));
  const table = useEvery<UsageSum>("/admin/usage", { by, since, limit: 1000, ...only });
  const daily = useEvery<UsageSum>("/admin/usage", { by: "day,provider", since, limit: 1000, ...only });
  const keys = useKeys();
  const csv = at("/admin/usage", { by: by === "day" ? by : `day,${by}`, since, format: "csv", ...only });
  const said = NARROWED.filter((name) => query.get(name));
  return (
    <>
      <Heading title="Usage"><a href={csv} download="usage.csv">Download as CSV</a></Heading>
      <div class="filters">
        <ChoiceFilter name="days" label="Time (days in UTC)" options={SPANS} />
        <ChoiceFilter name="by" label="By" options={GROUPS.map((name) => [name, titled(name)])} />
        <ChoiceFilter name="show" label="Measure" options={Object.entries(MEASURES).map(([name, { label }]) => [name, label])} />
        {by !== "tag" && <Narrow keys={keys.options} used={said.includes("user") || said.includes("team")} />}
        {said.length > 0 && by !== "tag" && <Clear names={said} />}
      </div>
      <Problem error={daily.error} />
      <Totals rows={daily.rows} />
      <Daily rows={daily.rows} measure={measure} days={days} />
      <Shares rows={daily.rows} measure={measure} />
      <h2>By {by}</h2>
      <Loaded asked={table}>{(rows) => <Sums rows={rows} by={by} measure={measure} named={(id) => keys.byId.get(id)?.name || id} />}</Loaded>
      <Cli line={command("glowplug usage", { by, since, "for-key": only["key"], model: only["model"], user: only["user"], team: only["team"] })} />
    </>
  );
}

function Narrow({ keys, used }: { keys: readonly Option[]; used: boolean }) {
  const { models } = useModels();
  return (
    <>
      <ChoiceFilter name="key" label="Of key" options={keys} />
      <ChoiceFilter name="model" label="Of model" options={models} />
      <More used={used}>
        <TextFilter name="user" label="Of user" />
        <TextFilter name="team" label="Of team" />
      </More>
    </>
  );
}

function Totals({ rows }: { rows: readonly UsageSum[] | null }) {
  const all = rows ?? [];
  const total = (of: (one: UsageSum) => number, some = all) => some.reduce((sum, one) => sum + of(one), 0);
  const tokens = total(MEASURES.tokens.of);
  const local = total(MEASURES.tokens.of, all.filter((one) => one.provider === "local"));
  const used = all.filter((one) => one.energy_mj !== null);
  const unpriced = total((one) => one.unpriced);
  const wait = (text: string) => (rows === null ? "…" : text);
  return (
    <Figures
      of={[
        ["Cost", wait(money(total(MEASURES.cost.of))), unpriced > 0 ? `without ${count(unpriced)} attempts of no known price` : "all of it priced"],
        ["Attempts", wait(count(total(MEASURES.attempts.of))), `${count(total((one) => one.failed))} failed`],
        ["Tokens", wait(count(tokens)), `${count(total((one) => one.prompt_tokens))} in, ${count(total((one) => one.completion_tokens))} out`],
        ["Tokens from here", wait(tokens === 0 ? "none" : `${((local / tokens) * 100).toFixed(0)} %`), "local against cloud"],
        [
          "Energy",
          wait(used.length === 0 ? "unknown" : energy(total(MEASURES.energy.of, used))),
          used.length === 0 ? "no device reported any" : "of local models",
        ],
      ]}
    />
  );
}

/** Local against cloud, a day at a time; days without anything are 0. */
function Daily({ rows, measure, days }: { rows: readonly UsageSum[] | null; measure: Measure; days: number }) {
  const { of, says, label } = MEASURES[measure];
  const [times, series] = useMemo((): [number[], Series[]] => {
    const local = new Map<string, number>();
    const cloud = new Map<string, number>();
    for (const one of rows ?? []) {
      const sums = one.provider === "local" ? local : cloud;
      sums.set(one.day ?? "", (sums.get(one.day ?? "") ?? 0) + of(one));
    }
    const shown = Array.from({ length: Math.max(days, FEWEST) }, (_, ago) => dayBefore(ago)).reverse();
    const begin = shown.findIndex((day) => local.has(day) || cloud.has(day));
    const kept = shown.slice(Math.min(begin < 0 ? shown.length : begin, shown.length - FEWEST));
    const series = [
      { label: "Local", values: kept.map((day) => local.get(day) ?? 0) },
      { label: "Cloud", values: kept.map((day) => cloud.get(day) ?? 0) },
    ];
    // The chart writes dates in this browser's zone.
    return [kept.map((day) => new Date(`${day}T00:00`).getTime() / 1000), series];
  }, [rows, measure, days]);
  return (
    <>
      <h2>{label} by day</h2>
      <Chart label={`${label} by day, local and cloud`} times={times} series={series} says={says} />
    </>
  );
}

function Shares({ rows, measure }: { rows: readonly UsageSum[] | null; measure: Measure }) {
  const { of, says, label } = MEASURES[measure];
  const sums = new Map<string, number>();
  for (const one of rows ?? []) sums.set(one.provider ?? "", (sums.get(one.provider ?? "") ?? 0) + of(one));
  const cloud = [...sums].filter(([name]) => name !== "local").sort((one, other) => other[1] - one[1]);
  const parts: Part[] = [{ label: "Local", amount: sums.get("local") ?? 0, kind: "weights" }];
  cloud.slice(0, KINDS.length).forEach(([name, amount], index) => {
    parts.push({ label: name || "no longer configured", amount, kind: KINDS[index] ?? "quiet" });
  });
  const rest = cloud.slice(KINDS.length).reduce((sum, [, amount]) => sum + amount, 0);
  parts.push({ label: "others", amount: rest, kind: "quiet" });
  const total = parts.reduce((sum, part) => sum + part.amount, 0);
  return (
    <Card title="Local against cloud" aside={<span class="quiet">{`${label}: ${says(total)}`}</span>}>
      <StackedBar total={total} parts={parts} label={`${label} by provider`} says={says} />
    </Card>
  );
}

interface SumsProps {
  rows: readonly UsageSum[];
  by: Group;
  measure: Measure;
  /** A key's name by its id. */
  named: (id: string) => string;
}

/** The most first, days the newest first. */
function Sums({ rows, by, measure, named }: SumsProps) {
  const { of, label } = MEASURES[measure];
  const most = Math.max(1, ...rows.map(of));
  const sorted = [...rows].sort((one, other) =>
    by === "day" ? (other.day ?? "").localeCompare(one.day ?? "") : of(other) - of(one) || name(one, by).localeCompare(name(other, by)),
  );
  const shown = (row: UsageSum) => (by === "key" ? named(name(row, by)) : name(row, by)) || "none";
  const columns: Column<UsageSum>[] = [
    { title: titled(by), cell: (row) => <Name row={row} by={by} shown={shown(row)} /> },
    { title: `${label}, share`, cell: (row) => <Meter value={of(row)} max={most} label={`Share of ${shown(row)}`} />, wide: true },
    { title: "Attempts", cell: (row) => count(row.attempts), number: true },
    { title: "Prompt", cell: (row) => count(row.prompt_tokens), number: true, wide: true },
    { title: "Answer", cell: (row) => count(row.completion_tokens), number: true, wide: true },
    { title: "Cost", cell: (row) => `${money(row.cost)}${row.unpriced > 0 ? "+" : ""}`, number: true },
  ];
  if (by !== "tag") {
    columns.splice(3, 0, { title: "Failed", cell: (row) => count(row.failed), number: true, wide: true });
    columns.push({ title: "Energy", cell: (row) => (row.energy_mj === null ? "–" : energy(row.energy_mj)), number: true, wide: true });
  }
  const none = <Empty title="Nothing was used in this time" says="Choose a longer time, or ask something: `glowplug run MODEL`." />;
  return <Table caption={`Usage by ${by}`} columns={columns} rows={sorted} id={(row) => name(row, by)} empty={none} />;
}

const titled = (by: Group): string => by.charAt(0).toUpperCase() + by.slice(1);

function name(row: UsageSum, by: Group): string {
  return row[by] ?? "";
}

/** Leads to the requests behind the sum, where the list can be narrowed like that. */
function Name({ row, by, shown }: { row: UsageSum; by: Group; shown: string }) {
  const value = name(row, by);
  if (value === "" || by === "provider") return <>{shown}</>;
  const until = by === "day" ? new Date(Date.parse(value) + DAY * 1000).toISOString().slice(0, 10) : "";
  return <a href={to("requests", by === "day" ? { since: value, until } : { [by]: value })}>{shown}</a>;
}

function dayBefore(days: number): string {
  return new Date(Date.parse(today()) - days * DAY * 1000).toISOString().slice(0, 10);
}

function choice<T extends string>(said: string | null, known: readonly T[], otherwise: T): T {
  return known.find((one) => one === said) ?? otherwise;
}
