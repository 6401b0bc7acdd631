import { useEffect, useState } from "preact/hooks";
import { ask, at } from "../api";
import { count, duration, energy, many, money, size, today } from "../format";
import { useAdmin, useAsk, useSteady } from "../hooks";
import { useLive, useNow } from "../live";
import { StackedBar, type Part } from "../parts/bar";
import { Button, Card, Empty, Facts, Figure, Figures, Pill, Problem, told, Waiting } from "../parts/basics";
import { DOWN, log, Switch, TONES, turn } from "../parts/instance";
import { useActions } from "../parts/palette";
import { to } from "../router";
import type { DeviceView, FootprintView, InstanceView, LeaseView, PlanView, Speed, Status, UsageSum } from "../types";
import { look, seen as examined, tally } from "./doctor_seen";
import { Lent } from "./now_leases";
import { pin } from "./now_pin";

/** Milliseconds. */
const MONEY_EVERY = 30_000;
const LOOK_EVERY = 10_000;
/** Seconds that a look at everything holds. */
const LOOK_AGAIN = 300;
/** Seconds whose answers say how quick a model is. */
const LATELY = 300;

export default function Now() {
  const admin = useAdmin();
  const { seen, problem } = useLive();
  const lent = seen?.memory.data.some((one) => Object.keys(one.leases).length > 0) === true;
  const leases = useAsk<{ data: readonly LeaseView[] }>(lent ? "/admin/leases" : null, { every: LOOK_EVERY });
  const speeds = useAsk<{ data: readonly Speed[] }>(at("/admin/speeds", { seconds: LATELY }), { every: LOOK_EVERY, on: ["ledger"] });
  const [rows, steady] = useSteady(seen?.rows ?? [], (row) => row.model);
  useActions(admin ? rows.map((row) => ({ label: `${turn(row).verb} ${row.model}`, run: turn(row).run })) : []);
  if (seen === null) return <Waiting asked={{ error: problem }} />;
  return (
    <>
      <h1>Now</h1>
      <Summary status={seen.status} rows={seen.rows} />
      <h2>Memory</h2>
      {seen.memory.data.length === 0 && <Empty title="No device’s memory could be read" />}
      {seen.memory.problems.map((text) => <Problem key={text} error={text} />)}
      <div class="cards broad">
        {seen.memory.data.map((device) => <Device key={device.id} device={device} rows={seen.rows} leases={leases.data?.data ?? []} />)}
      </div>
      {lent && <Lent leases={leases.data?.data ?? []} again={leases.again} />}
      <h2>Models on this machine</h2>
      {rows.length === 0 && (
        <Empty
          title="No local model is configured"
          says={<><a href={to("first")}>First steps</a> looks for what is here; <a href={to("models")}>Models</a> shows what is served from elsewhere.</>}
        />
      )}
      <ul class="cards" {...steady}>
        {rows.map((row) => <Instance key={row.model} row={row} speed={speeds.data?.data.find((one) => one.model === row.model)} />)}
      </ul>
    </>
  );
}

function Summary({ status, rows }: { status: Status; rows: readonly InstanceView[] }) {
  const spent = useAsk<{ data: readonly UsageSum[] }>(at("/admin/usage", { by: "day", since: today() }), { every: MONEY_EVERY });
  const day = spent.data?.data.find((one) => one.day === today());
  const own = useAsk<FootprintView>("/admin/footprint", { every: MONEY_EVERY });
  const up = rows.filter((row) => !DOWN.includes(row.state)).length;
  const waiting = rows.reduce((sum, row) => sum + row.waiting, 0);
  const lost = status.workers.filter((worker) => !worker.connected).length;
  const cpu = own.data?.cpu_seconds ?? null;
  const core = cpu === null ? "" : `${((cpu / Math.max(status.uptime, 1)) * 100).toFixed(1)} % of a core, `;
  return (
    <Figures
      of={[
        ["Loaded", `${up} of ${rows.length}`, waiting > 0 ? `${waiting} requests wait` : "nobody waits"],
        [
          "Spent today",
          <a href={to("usage")}>{spent.data === null ? "…" : money(day?.cost ?? 0)}</a>,
          `${count(day?.attempts ?? 0)} requests${day?.energy_mj ? `, ${energy(day.energy_mj)}` : ""}`,
        ],
        ["Gateway itself", own.data === null ? "…" : size(own.data.memory), `${core}up ${duration(status.uptime)}`],
        ["Workers", lost === 0 ? count(status.workers.length) : `${lost} of ${status.workers.length} lost`, `version ${status.version}`],
      ]}
    >
      <Findings />
      {status.stale !== "" && <Problem error={`The file is not in force: ${status.stale}`} />}
    </Figures>
  );
}

function Findings() {
  const found = examined.use();
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    if (found === null || Date.now() / 1000 - found.at > LOOK_AGAIN) look({}).catch(setError);
  }, []);
  const kinds = found === null ? [] : tally(found).filter(([, number]) => number > 0);
  const open = kinds.reduce((sum, [, number]) => sum + number, 0);
  const text = found !== null ? open || "none" : error === null ? "…" : "unknown";
  const note = kinds.map(([kind, number]) => many(number, kind)).join(", ") || (found !== null && many(found.checks.length, "check"));
  return <Figure name="Open findings" value={<a href={to("doctor")}>{text}</a>} note={error === null ? note : told(error)[0]} />;
}

function Device({ device, rows, leases }: { device: DeviceView; rows: readonly InstanceView[]; leases: readonly LeaseView[] }) {
  const ours = Object.entries(device.ours).flatMap(([model, bytes]) => split(model, bytes, rows.find((row) => row.model === model)));
  const lent = Object.entries(device.leases).map(([id, amount]): Part => {
    const note = leases.find((one) => one.id === id)?.note || id;
    return { label: `Lent to ${note}`, amount, kind: "lease" };
  });
  const others = device.other_names.length === 0 ? "" : ` (${device.other_names.join(", ")})`;
  const parts: readonly Part[] = [
    ...ours,
    ...lent,
    { label: `Other programs${others}`, amount: device.others ?? 0, kind: "others" },
    { label: "Reserve", amount: device.reserve, kind: "reserve" },
    { label: "Free for models", amount: device.free ?? 0, kind: "free" },
  ];
  return (
    <Card title={device.name || device.id} aside={<span class="quiet">{size(device.total)}</span>}>
      <StackedBar total={device.total ?? 0} parts={parts} label={`Memory of ${device.name || device.id}`} />
      {device.problem !== "" && <p class="quiet">{device.problem}</p>}
    </Card>
  );
}

const footprints = new Map<string, Record<string, number>>();
const asked = new Set<string>();

/** A model's claim as weights, KV cache and the rest, as its estimate has them; smaller where that was too much. */
function split(model: string, bytes: number, row: InstanceView | undefined): Part[] {
  const parts = footprints.get(model);
  if (parts === undefined && !asked.has(model) && row !== undefined) {
    asked.add(model);
    ask<PlanView>("GET", `/admin/plan/${model}`).then(
      (plan) => footprints.set(model, plan.footprint.parts),
      () => undefined,
    );
  }
  const whole = Object.values(parts ?? {}).reduce((sum, one) => sum + one, 0);
  if (parts === undefined || whole === 0) return [{ label: model, amount: bytes, kind: "weights" }];
  const scale = Math.min(1, bytes / whole);
  const weights = (parts["weights"] ?? 0) * scale;
  const kv = (parts["kv"] ?? 0) * scale;
  return [
    { label: `${model}: weights`, amount: weights, kind: "weights" },
    { label: `${model}: KV`, amount: kv, kind: "kv" },
    { label: `${model}: ${kv > 0 ? "overhead" : "KV and overhead"}`, amount: bytes - weights - kv, kind: "overhead" },
  ];
}

function Instance({ row, speed }: { row: InstanceView; speed: Speed | undefined }) {
  const now = useNow();
  const down = DOWN.includes(row.state);
  const held = Object.values(down ? {} : row.measured).reduce((sum, one) => sum + one, 0);
  const pinning = row.pinned ? "Unpin" : "Pin";
  const stands = (
    <span class="pills">
      {row.pinned && <Pill>pinned</Pill>}{" "}
      <span role="status" class={`state ${row.state}`}><Pill tone={TONES[row.state]}>{row.state}</Pill></span>
    </span>
  );
  return (
    <Card item kind="instance" title={<a href={to("models", { model: row.model })}>{row.model}</a>} aside={stands}>
      <p class="line">
        {row.since > 0 ? `for ${duration(now - row.since)}` : "not loaded yet"}
        {row.loading !== null && `, ${Math.round(row.loading * 100)} %`}
        {row.queue_position !== null && `, number ${row.queue_position} in the queue`}
        {row.idle_until !== null && `, unloads in ${duration(row.idle_until - now)}`}
      </p>
      <Facts
        facts={[
          ["Engine", row.engine],
          ["In flight", String(Math.max(speed?.running ?? 0, row.leases))],
          ["Waiting", `${row.waiting}`],
          ["Memory", held > 0 ? size(held) : down ? "–" : size(row.memory)],
          ["Tokens/s", pace(speed?.tokens_per_second ?? null)],
          ["Last load", row.load_seconds === null ? "–" : duration(row.load_seconds)],
        ]}
      />
      <p class="line quiet">{row.why}</p>
      <Problem error={row.failure} />
      <footer>
        {useAdmin() && (
          <>
            <Switch row={row} main />
            <Button aria-label={`${pinning} ${row.model}`} onClick={() => void pin(row)}>{pinning}</Button>
          </>
        )}
        <Button aria-label={`Log of ${row.model}`} onClick={() => log(row.model)}>Log</Button>
      </footer>
    </Card>
  );
}

function pace(speed: number | null): string {
  return speed === null ? "–" : speed < 100 ? speed.toFixed(1) : count(Math.round(speed));
}

