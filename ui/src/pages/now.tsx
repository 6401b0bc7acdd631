import { useCallback, useEffect, useState } from "preact/hooks";
import { ask, Refused } from "../api";
import type { InstanceView, MemoryView, Status } from "../types";

const EVENTS = ["instance", "loading", "failure", "config", "leak"];
/** Milliseconds between polls; events make it sooner. */
const POLL = 5000;
const GIB = 2 ** 30;

interface Seen {
  rows: readonly InstanceView[];
  memory: MemoryView;
  /** Unix seconds as the server has them. */
  now: number;
}

async function look(): Promise<Seen> {
  const [instances, memory, status] = await Promise.all([
    ask<{ data: readonly InstanceView[] }>("GET", "/admin/instances"),
    ask<MemoryView>("GET", "/admin/memory"),
    ask<Status>("GET", "/admin/status"),
  ]);
  return { rows: instances.data, memory, now: status.started_at + status.uptime };
}

export function Now({ admin }: { admin: boolean }) {
  const [seen, setSeen] = useState<Seen | null>(null);
  const [problem, setProblem] = useState("");
  const told = (error: unknown) =>
    setProblem(error instanceof Refused ? `${error.message}. ${error.hint}` : "The server does not answer");
  const refresh = useCallback(() => {
    look().then((found) => {
      setSeen(found);
      setProblem("");
    }, told);
  }, []);
  useEffect(() => {
    refresh();
    const timer = setInterval(() => document.hidden || refresh(), POLL);
    const events = new EventSource("/admin/events");
    for (const kind of EVENTS) events.addEventListener(kind, refresh);
    return () => {
      clearInterval(timer);
      events.close();
    };
  }, []);
  const act = (verb: "start" | "stop", model: string) => {
    if (!confirm(`${verb === "start" ? "Load" : "Unload"} ${model}?\n\nThe same: glowplug ${verb} ${model}`)) return;
    ask("POST", `/admin/models/${encodeURIComponent(model)}/${verb}`).then(refresh, told);
  };
  return (
    <main>
      <p role="alert" class="bad">
        {problem}
      </p>
      <h1>Models on this machine</h1>
      {seen?.rows.length === 0 && (
        <p>
          No local model is configured. <code>glowplug discover</code> looks for some.
        </p>
      )}
      <ul class="cards">
        {seen?.rows.map((row) => (
          <Card key={row.model} row={row} now={seen.now} act={admin ? act : null} />
        ))}
      </ul>
      <h2>Memory</h2>
      {seen?.memory.data.map((device) => {
        const total = device.total ?? 0;
        const used = device.used ?? 0;
        return (
          <p key={device.id}>
            <label>
              {device.name || device.id}: {size(device.used)} of {size(device.total)} used, {size(device.free)} for models{" "}
              <meter max={total || 1} value={used} />
            </label>
            {device.problem !== "" && <span class="bad">{device.problem}</span>}
          </p>
        );
      })}
    </main>
  );
}

function Card({
  row,
  now,
  act,
}: {
  row: InstanceView;
  now: number;
  act: ((verb: "start" | "stop", model: string) => void) | null;
}) {
  const down = row.state === "stopped" || row.state === "failed";
  const verb = down ? "start" : "stop";
  return (
    <li>
      <h3>{row.model}</h3>
      <p>
        <span class={`state ${row.state}`} role="status">
          {row.state}
        </span>{" "}
        {row.since > 0 && `for ${time(now - row.since)}`}
        {row.loading !== null && `, ${Math.round(row.loading * 100)} %`}
        {row.idle_until !== null && `, unloaded in ${time(row.idle_until - now)}`}
      </p>
      <p class="quiet">
        {row.engine} · {row.leases} using it · {row.waiting} waiting
      </p>
      {row.why !== "" && <p>{row.why}</p>}
      {row.failure !== null && (
        <p class="bad">
          {row.failure.message}. {row.failure.hint}
        </p>
      )}
      {act !== null && (
        <p>
          <button aria-label={`${down ? "Load" : "Unload"} ${row.model}`} onClick={() => act(verb, row.model)}>
            {down ? "Load" : "Unload"}
          </button>{" "}
          <code>
            glowplug {verb} {row.model}
          </code>
        </p>
      )}
    </li>
  );
}

function size(bytes: number | null): string {
  return bytes === null ? "unknown" : `${(bytes / GIB).toFixed(1)} GiB`;
}

function time(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole} s`;
  return whole < 7200 ? `${Math.round(whole / 60)} min` : `${Math.round(whole / 3600)} h`;
}
