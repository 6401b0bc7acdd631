import { Cli, Empty, Pill } from "../parts/basics";
import { useKeys, useModels } from "../parts/every";
import { ChoiceFilter, TextFilter, type Option } from "../parts/fields";
import { Clear, More } from "../parts/filters";
import { List, type Column } from "../parts/table";
import { command, count, duration, moment, money } from "../format";
import { useList } from "../hooks";
import { to, usePlace } from "../router";
import type { RequestPage, RequestView } from "../types";
import { Detail, end, FAILURES, nameOf, tone } from "./requests_detail";

/** What the API narrows by, as options of the command that does the same. */
const FILTERS = ["key", "user", "team", "asked", "model", "tag", "outcome", "status", "id", "since", "until"] as const;
const OUTCOMES: readonly Option[] = [
  ["", "Any"],
  ["open", "In flight"],
  ["ok", "Good"],
  ["failed", "Not good"],
  ...FAILURES,
];
/** Milliseconds between looks at the newest. */
const LIVE = 2000;
const LIVE_NARROWED = 5000;

export default function Requests() {
  const { query } = usePlace();
  const keys = useKeys();
  const said = FILTERS.filter((name) => (query.get(name) ?? "") !== "");
  const newest = query.get("after") === null && query.get("live") !== "off";
  const often = newest ? { every: said.length === 0 ? LIVE : LIVE_NARROWED } : {};
  const list = useList<RequestView>("/admin/requests", FILTERS, often);
  const seen = (list.data as RequestPage | null)?.seen ?? null;
  const open = query.get("request");
  const columns: readonly Column<RequestView>[] = [
    { title: "Began", cell: (row) => moment(row.started) },
    { title: "Outcome", cell: (row) => <Pill tone={tone(row.outcome)}>{nameOf(row.outcome)}</Pill> },
    { title: "Model", cell: (row) => <Models row={row} /> },
    { title: "Key", cell: (row) => keys.byId.get(row.key)?.name || row.key, wide: true },
    { title: "User, team", cell: (row) => [row.user, row.team].filter(Boolean).join(", "), wide: true },
    { title: "Took", cell: (row) => (row.outcome === "" ? "…" : duration(end(row) - row.started)), number: true, wide: true },
    { title: "Prompt", cell: (row) => count(row.prompt_tokens), number: true, wide: true },
    { title: "Answer", cell: (row) => count(row.completion_tokens), number: true, wide: true },
    { title: "Cost", cell: (row) => money(row.cost), number: true },
  ];
  return (
    <>
      <h1>Requests</h1>
      <List
        list={list}
        filters={<Filters keys={keys.options} said={said} />}
        caption="Requests, the newest first"
        columns={columns}
        id={(row) => row.request}
        open={(row) => to("requests", { ...Object.fromEntries(query), request: row.request })}
        empty={<Nothing searched={said.length > 0} more={list.next !== null} />}
      />
      <p class="quiet line">
        {list.next !== null && seen !== null && said.length > 0 && `Looked back to ${moment(seen)}; “Next” goes on from there.`}
      </p>
      <Cli line={command("glowplug requests", Object.fromEntries(said.map((name) => [name === "key" ? "for-key" : name, query.get(name)])))} />
      {open !== null && <Detail id={open} keys={keys.byId} ended={list.again} />}
    </>
  );
}

function Filters({ keys, said }: { keys: readonly Option[]; said: readonly string[] }) {
  const { models, names } = useModels();
  return (
    <>
      <ChoiceFilter name="live" label="List" options={[["", "Live"], ["off", "Paused"]]} />
      <ChoiceFilter name="outcome" label="Outcome" options={OUTCOMES} />
      <ChoiceFilter name="key" label="Key" options={keys} />
      <ChoiceFilter name="model" label="Went to" options={models} />
      <More used={said.some((name) => !["outcome", "key", "model"].includes(name))}>
        <ChoiceFilter name="asked" label="Asked for" options={names} />
        <TextFilter name="user" label="User" />
        <TextFilter name="team" label="Team" />
        <TextFilter name="tag" label="Tag" />
        <TextFilter name="status" label="Status" placeholder="429" valid={/^[1-5]\d\d$/} />
        <TextFilter name="id" label="Id begins with" placeholder="req_0123" valid={/^[\w.:-]{8,}$/} />
        <TextFilter name="since" label="From (UTC)" type="date" />
        <TextFilter name="until" label="Before (UTC)" type="date" />
      </More>
      {said.length > 0 && <Clear names={said} />}
    </>
  );
}

function Models({ row }: { row: RequestView }) {
  const last = row.attempts[row.attempts.length - 1];
  const went = last?.model ?? row.asked;
  return (
    <>
      {row.asked === went ? went : `${row.asked} → ${went}`}
      {row.attempts.length > 1 && <span class="quiet"> ({row.attempts.length} attempts)</span>}
    </>
  );
}

function Nothing({ searched, more }: { searched: boolean; more: boolean }) {
  if (!searched) return <Empty title="Nothing was asked yet" says="Requests appear here as they come. `glowplug run MODEL` sends one." />;
  return <Empty title={more ? "No request like this up to here" : "No request is like this"} />;
}
