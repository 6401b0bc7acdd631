// Loading and unloading what runs on this machine, and its log.
import { ask, at, send } from "../api";
import { duration, quoted } from "../format";
import type { InstanceView, PlanView, State } from "../types";
import { Button, type Tone } from "./basics";
import { act, show } from "./dialog";
import { Log } from "./log";

export const TONES: Record<State, Tone> = {
  ready: "good",
  busy: "good",
  failed: "bad",
  stopped: "quiet",
  asleep: "quiet",
  queued: "warm",
  starting: "warm",
  loading: "warm",
  draining: "warm",
  stopping: "warm",
  releasing: "warm",
};
export const DOWN: readonly State[] = ["stopped", "failed", "asleep"];
function endpoint(model: string, word: "start" | "stop"): string {
  return `/admin/models/${encodeURIComponent(model)}/${word}`;
}

function load({ model }: InstanceView): void {
  act({
    title: `Load ${model}`,
    cli: () => `glowplug start ${quoted(model)}`,
    preview: async () => <Plan plan={await ask<PlanView>("GET", `/admin/plan/${model}`)} />,
    run: () => ask("POST", endpoint(model, "start")),
  });
}

export function Plan({ plan }: { plan: PlanView }) {
  return (
    <>
      <p>
        {plan.why}
        {plan.eta_s !== null && ` Ready in about ${duration(plan.eta_s)}.`}
      </p>
      {plan.evict.length > 0 && <ul>{plan.evict.map((one) => <li key={one.model}>unloads {one.model}: {one.why}</li>)}</ul>}
    </>
  );
}

function unload({ model, leases, waiting }: InstanceView): void {
  act({
    title: `Unload ${model}`,
    says:
      leases === 0 && waiting === 0
        ? "Nobody uses it now. The next request loads it again."
        : `${leases} use it and ${waiting} wait for it: they are let finish first.`,
    cli: () => `glowplug stop ${quoted(model)}`,
    run: () => ask("POST", endpoint(model, "stop")),
    done: () => `${model} is being unloaded`,
    undo: () => () => ask("POST", endpoint(model, "start")),
  });
}

export function log(model: string): void {
  const path = at(`/admin/models/${encodeURIComponent(model)}/logs`, { lines: 200, follow: true });
  show(`Log of ${model}`, () => <Log open={(signal) => send("GET", path, undefined, signal)} line={`glowplug logs ${quoted(model)}`} />, true);
}

/** What loads a model that is not loaded, and unloads the rest. */
export function turn(row: InstanceView): { verb: string; run: () => void } {
  return DOWN.includes(row.state) ? { verb: "Load", run: () => load(row) } : { verb: "Unload", run: () => unload(row) };
}

export function Switch({ row, main = false }: { row: InstanceView; main?: boolean }) {
  const { verb, run } = turn(row);
  return <Button class={main && verb === "Load" ? "main" : ""} aria-label={`${verb} ${row.model}`} onClick={run}>{verb}</Button>;
}
