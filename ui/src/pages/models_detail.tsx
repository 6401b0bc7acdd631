// One model: its state, whether it fits, its command, what loads took, its log, its settings and where they are from.
import { at, send } from "../api";
import { duration, moment, quoted, size } from "../format";
import { useAdmin, useAsk } from "../hooks";
import { useNow } from "../live";
import { Button, Cli, Empty, Figures, Heading, Loaded, Pill, Problem, Waiting } from "../parts/basics";
import { Switch } from "../parts/instance";
import { Log } from "../parts/log";
import { from as whence, leavesOf, written, type Leaf } from "../parts/origin";
import { useActions } from "../parts/palette";
import { Table } from "../parts/table";
import { takeAway } from "../parts/written";
import { go, to } from "../router";
import type { EntryView, InstanceView, RunView, Shown } from "../types";
import { from, Standing, type Row } from "./models";
import { edit, keep } from "./models_change";
import { Fit } from "./models_fit";
import { pin } from "./now_pin";
import "./models.css";

const LEARNS = "After a load, what was estimated is compared with what it really took, and the next estimate is better.";

export function Detail({ row, again }: { row: Row; again: () => void }) {
  const admin = useAdmin();
  const { name, instance } = row;
  const { data: entry, again: anew } = useAsk<EntryView>(row.kind === "model" ? `/admin/models/${name}` : null);
  const managed = entry?.source === "managed";
  const kept = { section: "models", name, managed, after: () => (anew(), again()) } as const;
  const changing = () => entry !== null && edit(kept, entry);
  const gone = `Clients that ask for ${name} are told that there is no such model. What it was used for stays in Usage.`;
  const removing = () => takeAway({ ...kept, after: () => (again(), go(to("models"))) }, gone);
  useActions(admin && managed ? [{ label: `Change ${name}`, run: changing }] : []);
  return (
    <>
      <Heading title={name}>
        <div class="actions">
          <a href={to("models")}>All models</a>
          <a href={to("playground", { models: name })}>Try it</a>
          <a href={to("routing", { ask: name })}>Where would it go?</a>
          {admin && instance !== undefined && <Switch row={instance} />}
          {admin && instance !== undefined && <Button onClick={() => pin(instance)}>{instance.pinned ? "Unpin" : "Pin"}</Button>}
          {admin && entry !== null && <Button onClick={changing}>Change</Button>}
          {admin && managed && <Button onClick={removing}>Remove</Button>}
        </div>
      </Heading>
      <p class="line"><Standing row={row} /> <span class="quiet">{from(row)}</span></p>
      {instance !== undefined && <State row={instance} />}
      <Problem error={instance?.failure} />
      {(row.capabilities ?? []).length > 0 && <p class="quiet">Can be asked for {row.capabilities?.join(", ")}.</p>}
      {instance !== undefined && (
        <>
          <Fit name={name} keep={admin && entry !== null ? (options) => keep(kept, entry, options) : null} />
          <History name={name} />
          <h2>Log</h2>
          <Log open={(signal) => send("GET", at(`/admin/models/${encodeURIComponent(name)}/logs`, { lines: 60 }), undefined, signal)} line={`glowplug logs ${quoted(name)}`} />
        </>
      )}
      {row.kind === "alias" ? <p>An alias: see <a href={to("routing", { ask: name })}>Routing</a>.</p> : <Settings name={name} />}
    </>
  );
}

function State({ row }: { row: InstanceView }) {
  const now = useNow();
  const held = Object.values(row.measured).reduce((sum, one) => sum + one, 0);
  return (
    <Figures
      of={[
        ["State", row.state, row.since > 0 ? `for ${duration(now - row.since)}` : "not loaded yet"],
        ["Memory", held > 0 ? size(held) : "–", held > 0 ? "measured" : row.memory === null ? "" : `${size(row.memory)} reserved`],
        ["Requests", row.leases, row.waiting > 0 ? `${row.waiting} wait` : "nobody waits"],
        ["Last load", row.load_seconds === null ? "–" : duration(row.load_seconds), row.idle_until === null ? "" : `unloads in ${duration(row.idle_until - now)}`],
        ["Run by", row.launcher || "–", row.unit || (row.pid === null ? "" : `process ${row.pid}`)],
      ]}
    />
  );
}

function History({ name }: { name: string }) {
  const runs = useAsk<{ data: readonly RunView[] }>(`/admin/models/${encodeURIComponent(name)}/runs`, { on: ["instance"] });
  return (
    <>
      <h2>Estimated and measured</h2>
      <Loaded asked={runs}>{({ data }) => (
        <Table<RunView>
          caption="Loads, newest first"
          rows={data}
          empty={<Empty title="No load was measured yet" says={LEARNS} />}
          id={(run) => String(run.at)}
          columns={[
            { title: "When", cell: (run) => moment(run.at) },
            { title: "Estimated", cell: (run) => size(run.estimate_device + run.estimate_host), number: true },
            { title: "By", cell: (run) => run.source, wide: true },
            { title: "Measured", cell: (run) => (run.measured_device === null ? "–" : size(run.measured_device + (run.measured_host ?? 0))), number: true },
            { title: "Off by", cell: off, number: true },
            { title: "Took", cell: (run) => duration(run.seconds), number: true, wide: true },
          ]}
        />
      )}</Loaded>
    </>
  );
}

function off(run: RunView) {
  if (run.short) return <Pill tone="bad">ran out of memory</Pill>;
  if (run.error === null) return "–";
  return <span class={Math.abs(run.error) > 0.2 ? "bad" : undefined}>{`${run.error > 0 ? "+" : ""}${(run.error * 100).toFixed(1)} %`}</span>;
}

function Settings({ name }: { name: string }) {
  const shown = useAsk<Shown>("/admin/config", { on: ["config"] });
  if (shown.data === null) return <Waiting asked={shown} />;
  const tree = (shown.data.tree["models"] ?? {}) as Record<string, unknown>;
  const rows = leavesOf({ ...shown.data, tree: { models: { [name]: tree[name] } } });
  const given = rows.filter((row) => row.origin.kind !== "default");
  const start = (rows[0]?.path.indexOf(name) ?? 0) + name.length;
  const table = (caption: string, some: readonly Leaf[]) => (
    <Table<Leaf>
      caption={caption}
      rows={some}
      empty={<Empty title="Nothing is said of it alone" />}
      id={(row) => row.path}
      columns={[
        { title: "Setting", cell: (row) => row.path.slice(start).replace(/^("\])?\.?/, "") },
        { title: "Value and where it is from", cell: (row) => <><code class="said">{written(row.value)}</code> <small class="quiet told">{whence(row.origin)}</small></> },
      ]}
    />
  );
  return (
    <>
      <h2>Settings</h2>
      {table(`Settings of ${name}`, given)}
      {rows.length > given.length && (
        <details>
          <summary>{rows.length - given.length} defaults</summary>
          {table(`Defaults of ${name}`, rows.filter((row) => row.origin.kind === "default"))}
        </details>
      )}
      <Cli line="glowplug config show" />
    </>
  );
}
