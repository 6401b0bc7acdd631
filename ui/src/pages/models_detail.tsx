// One model: its state, whether it fits, its command, what loads took, its log, its settings and where they are from.
import { at, Refused, send } from "../api";
import { duration, moment, quoted, size } from "../format";
import { useAsk } from "../hooks";
import { useNow } from "../live";
import { Cli, Empty, Figure, Pill, Problem } from "../parts/basics";
import { useActions } from "../parts/palette";
import { from as whence, leavesOf, written, type Leaf } from "../parts/origin";
import { Log } from "../parts/log";
import { Table } from "../parts/table";
import { to } from "../router";
import type { EntryView, InstanceView, Shown } from "../types";
import { from, Standing, Switch, type Row } from "./models";
import { change, remove } from "./models_change";
import { Fit } from "./models_fit";
import { pin } from "./now_pin";
import "./models.css";

export function Detail({ row, admin, again }: { row: Row; admin: boolean; again: () => void }) {
  const { name, instance } = row;
  const entry = useAsk<EntryView>(row.kind === "model" ? `/admin/models/${name}` : null);
  const managed = entry.data?.source === "managed";
  const changing = () => entry.data !== null && change(entry.data, () => (entry.again(), again()));
  useActions(admin && managed ? [{ label: `Change ${name}`, run: () => void changing() }] : []);
  return (
    <>
      <div class="heading">
        <h1>{name}</h1>
        <div class="actions">
          <a href={to("models")}>All models</a>
          <a href={to("playground", { models: name })}>Try it</a>
          <a href={to("routing", { ask: name })}>Where would it go?</a>
          {admin && instance !== undefined && <Switch row={instance} />}
          {admin && instance !== undefined && (
            <button type="button" onClick={() => void pin(instance)}>
              {instance.pinned ? "Unpin" : "Pin"}
            </button>
          )}
          {admin && entry.data !== null && (
            <button type="button" onClick={() => void changing()}>
              Change
            </button>
          )}
          {admin && managed && entry.data !== null && (
            <button type="button" onClick={() => entry.data !== null && remove(entry.data, again)}>
              Remove
            </button>
          )}
        </div>
      </div>
      <p class="line">
        <Standing row={row} /> <span class="quiet">{from(row)}</span>
      </p>
      {instance !== undefined && <Facts row={instance} />}
      {instance?.failure && <Problem error={new Refused(0, instance.failure.message, instance.failure.hint)} />}
      {(row.capabilities ?? []).length > 0 && <p class="quiet">Can be asked for {(row.capabilities ?? []).join(", ")}.</p>}
      {instance !== undefined && <Fit name={name} admin={admin} entry={entry.data} again={entry.again} />}
      {instance !== undefined && <History name={name} />}
      {instance !== undefined && <Tail name={name} />}
      {row.kind === "alias" ? <p>An alias: see <a href={to("routing", { ask: name })}>Routing</a>.</p> : <Settings name={name} />}
    </>
  );
}

function Facts({ row }: { row: InstanceView }) {
  const now = useNow();
  const held = Object.values(row.measured).reduce((sum, one) => sum + one, 0);
  return (
    <div class="figures">
      <Figure name="State" value={row.state} note={row.since > 0 ? `for ${duration(now - row.since)}` : "not loaded yet"} />
      <Figure name="Memory" value={held > 0 ? size(held) : "–"} note={held > 0 ? "measured" : row.memory === null ? "" : `${size(row.memory)} reserved`} />
      <Figure name="Requests" value={row.leases} note={row.waiting > 0 ? `${row.waiting} wait` : "nobody waits"} />
      <Figure name="Last load" value={row.load_seconds === null ? "–" : duration(row.load_seconds)} note={row.idle_until === null ? "" : `unloads in ${duration(row.idle_until - now)}`} />
      <Figure name="Run by" value={row.launcher || "–"} note={row.unit || (row.pid === null ? "" : `process ${row.pid}`)} />
    </div>
  );
}

/** As `GET /admin/models/{name}/runs` says it. */
interface Run {
  at: number;
  estimate_device: number;
  estimate_host: number;
  source: string;
  measured_device: number | null;
  measured_host: number | null;
  error: number | null;
  seconds: number;
  short: boolean;
}

function History({ name }: { name: string }) {
  const runs = useAsk<{ data: readonly Run[] }>(`/admin/models/${encodeURIComponent(name)}/runs`, { on: ["instance"] });
  const missing = runs.error instanceof Refused && runs.error.status === 404;
  const rows = runs.data?.data ?? [];
  return (
    <>
      <h2>Estimated and measured</h2>
      {!missing && <Problem error={runs.error} again={runs.again} />}
      {(missing || (runs.data !== null && rows.length === 0)) && (
        <Empty title="No load was measured yet">
          <p>After a load, what was estimated is compared with what it really took, and the next estimate is better.</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <Table<Run>
          caption="Loads, newest first"
          rows={rows}
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
      )}
    </>
  );
}

function off(run: Run) {
  if (run.short) return <Pill tone="bad">ran out of memory</Pill>;
  if (run.error === null) return "–";
  const share = `${run.error > 0 ? "+" : ""}${(run.error * 100).toFixed(1)} %`;
  return Math.abs(run.error) > 0.2 ? <span class="bad">{share}</span> : share;
}

function Tail({ name }: { name: string }) {
  const path = at(`/admin/models/${encodeURIComponent(name)}/logs`, { lines: 60 });
  return (
    <>
      <h2>Log</h2>
      <Log open={(signal) => send("GET", path, undefined, signal)} line={`glowplug logs ${quoted(name)}`} />
    </>
  );
}

function Settings({ name }: { name: string }) {
  const shown = useAsk<Shown>("/admin/config", { on: ["config"] });
  if (shown.data === null) return shown.error === null ? <p class="quiet waiting">Loading …</p> : <Problem error={shown.error} again={shown.again} />;
  const tree = (shown.data.tree["models"] ?? {}) as Record<string, unknown>;
  const rows = leavesOf({ ...shown.data, tree: { models: { [name]: tree[name] } } });
  const given = rows.filter((row) => row.origin.kind !== "default");
  const start = rows[0]?.path.indexOf(name) ?? 0;
  const table = (caption: string, shown: readonly Leaf[]) => (
    <Table<Leaf>
      caption={caption}
      rows={shown}
      id={(row) => row.path}
      columns={[
        { title: "Setting", cell: (row) => row.path.slice(start + name.length).replace(/^("\])?\.?/, "") },
        { title: "Value and where it is from", cell: (row) => <Said row={row} /> },
      ]}
    />
  );
  return (
    <>
      <h2>Settings</h2>
      {given.length === 0 ? <Empty title="Nothing is said of it alone" /> : table(`Settings of ${name}`, given)}
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

function Said({ row }: { row: Leaf }) {
  return (
    <>
      <code class="said">{written(row.value)}</code> <small class="quiet told">{whence(row.origin)}</small>
    </>
  );
}
