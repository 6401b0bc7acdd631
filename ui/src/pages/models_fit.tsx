// Whether a model fits, with sliders for what decides about it, and the command that would be run.
import { useEffect, useState } from "preact/hooks";
import { ask, at } from "../api";
import { count, duration, quoted, size } from "../format";
import { StackedBar, type Part } from "../parts/bar";
import { Button, Card, Cli, Code, Pill, Problem, type Tone } from "../parts/basics";
import { Options } from "../parts/fields";
import { useFilter } from "../router";
import type { DeviceView, FitChoice, FitView, PlanView, Verdict } from "../types";

type Value = string | number;
type Chosen = Record<string, Value>;

/** What engines call it. */
const CONTEXT = ["ctx_size", "max_model_len", "context_length", "num_ctx"];
const PARALLEL = ["parallel", "max_num_seqs", "max_running_requests"];
const KV: Record<string, string> = { cache_type_k: "Type of the keys’ cache", cache_type_v: "Type of the values’ cache", kv_cache_dtype: "Type of the KV cache" };
const VERDICTS: Record<Verdict, readonly [string, Tone]> = {
  ready: ["is loaded", "good"],
  fits: ["fits", "good"],
  after_evicting: ["fits after unloading others", "warm"],
  waits: ["would wait", "warm"],
  never: ["does not fit", "bad"],
};
/** Milliseconds between the last move of a slider and the question. */
const STILL = 250;

export function Fit({ name, keep }: { name: string; keep: ((options: Chosen) => void) | null }) {
  const [said, say] = useFilter("options");
  const options = parsed(said);
  const [fit, setFit] = useState<FitView | null>(null);
  const [asked, setAsked] = useState("");
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let over = false;
    const look = () =>
      ask<FitView>("GET", at(`/admin/models/${encodeURIComponent(name)}/fit`, { options: said })).then(
        (found) => over || (setFit(found), setAsked(said), setError(null)),
        (problem: unknown) => over || setError(problem),
      );
    const timer = setTimeout(look, asked === said ? 0 : STILL);
    return () => ((over = true), clearTimeout(timer));
  }, [name, said]);
  const set = (option: string, value: Value | null) => {
    const { [option]: _, ...rest } = options;
    const next = value === null ? rest : { ...rest, [option]: value };
    say(Object.keys(next).length === 0 ? "" : JSON.stringify(next));
  };
  return (
    <>
      <h2>Does it fit?</h2>
      <Card label="Does it fit?">
        <Problem error={error} />
        {fit === null && error === null && <p class="quiet waiting">Looking …</p>}
        {fit !== null && (
          <>
            <Knobs choices={fit.choices} options={options} set={set} />
            <div class={asked === said ? "fit" : "fit old"} aria-live="polite"><Needs plan={fit.plan} /></div>
            <p class="actions">
              <Button disabled={said === ""} onClick={() => say("")}>As configured</Button>
              {keep !== null && <Button class="main" disabled={said === ""} onClick={() => keep(options)}>Keep these</Button>}
            </p>
            <h3 class="later">Command</h3>
            <Code label="Command that is run" text={commandLine(fit.command)} />
          </>
        )}
        <Cli line={`glowplug plan ${quoted(name)}`} />
      </Card>
    </>
  );
}

function parsed(said: string): Chosen {
  try {
    const found = JSON.parse(said) as unknown;
    return found !== null && typeof found === "object" ? (found as Chosen) : {};
  } catch {
    return {};
  }
}

/** A new line where a word begins with a dash, so that it can be read. */
function commandLine(words: readonly string[]): string {
  return words.map((word, index) => (index > 0 && word.startsWith("-") ? "\\\n  " : "") + quoted(word)).join(" ");
}

function Knobs({ choices, options, set }: { choices: readonly FitChoice[]; options: Chosen; set: (name: string, value: Value | null) => void }) {
  const knobs = choices.filter(({ name }) => CONTEXT.includes(name) || PARALLEL.includes(name) || name in KV);
  if (knobs.length === 0) return <p class="quiet">This engine has no option that Glowplug knows to change what it needs.</p>;
  return (
    <div class="sliders">
      {knobs.map(({ name, help, value, choices: words }) => {
        const now = Number(options[name] ?? value ?? 0);
        const context = CONTEXT.includes(name);
        if (name in KV) {
          const first = [["", value === null ? "as the engine has it" : `${String(value)} (configured)`]] as const;
          return (
            <label key={name} class="field" title={help}>
              <span>{KV[name]}</span>
              <select onChange={(event) => set(name, event.currentTarget.value || null)}>
                <Options options={[...first, ...words]} chosen={String(options[name] ?? "")} />
              </select>
            </label>
          );
        }
        // Contexts are powers of two, from 512 to a million.
        const [least, most, at] = context ? [9, 20, Math.round(Math.log2(Math.max(now, 512)))] : [1, 32, Math.max(now, 1)];
        const says = now === 0 ? "as it is found out" : context ? `${count(now)} tokens` : `${now} request${now === 1 ? "" : "s"}`;
        const moved = (to: number) => set(name, context ? 2 ** to : to);
        return (
          <label key={name} class="field" title={help}>
            <span>{context ? "Context" : "At the same time"} <output class="quiet">{says}</output></span>
            <input type="range" min={least} max={Math.max(most, at)} value={at} aria-valuetext={says} onInput={(event) => moved(Number(event.currentTarget.value))} />
          </label>
        );
      })}
    </div>
  );
}

function Needs({ plan }: { plan: PlanView }) {
  const [word, tone] = VERDICTS[plan.verdict];
  const { footprint } = plan;
  const whole = footprint.device + footprint.host;
  const parts = Object.entries(footprint.parts).map(([name, bytes]) => `${name === "kv" ? "KV cache" : name} ${size(bytes)}`);
  return (
    <>
      <p>
        <Pill tone={tone}>{word}</Pill> {plan.why}
        {plan.eta_s !== null && ` Ready in about ${duration(plan.eta_s)}.`}
      </p>
      {whole > 0 && (
        <p>
          Needs <strong>{size(whole)}</strong>{" "}
          <span class="quiet">± {Math.round(footprint.error * 100)} % ({footprint.source}){parts.length > 0 && `; estimated: ${parts.join(", ")}`}</span>
        </p>
      )}
      {plan.devices.map((device) => (plan.claim[device.id] ?? 0) > 0 && <Taken key={device.id} device={device} plan={plan} />)}
    </>
  );
}

/** A device's memory as it would be with the model in it. */
function Taken({ device, plan }: { device: DeviceView; plan: PlanView }) {
  const name = device.name || device.id;
  const claim = plan.claim[device.id] ?? 0;
  // In proportion, where several devices share it; parts are estimated, and what was measured may be less.
  const whole = Object.values(plan.claim).reduce((sum, one) => sum + one, 0);
  const kv = Math.min(((plan.footprint.parts["kv"] ?? 0) * claim) / whole, claim);
  const goes = (model: string) => plan.evict.some((one) => one.model === model);
  const parts: Part[] = [
    { label: "This model, with its margin", amount: claim - kv, kind: "weights" },
    { label: "Its KV cache", amount: kv, kind: "kv" },
  ];
  for (const [model, bytes] of Object.entries(device.ours)) {
    if (model !== plan.model) parts.push({ label: goes(model) ? `${model}, would be unloaded` : model, amount: bytes, kind: "overhead" });
  }
  parts.push({ label: "Lent", amount: Object.values(device.leases).reduce((sum, one) => sum + one, 0), kind: "lease" });
  parts.push({ label: "Other programs", amount: device.others ?? 0, kind: "others" });
  parts.push({ label: "Reserve", amount: device.reserve, kind: "reserve" });
  parts.push({ label: "Free", amount: (device.total ?? 0) - parts.reduce((sum, one) => sum + one.amount, 0), kind: "free" });
  return (
    <>
      <h3>{name} <span class="quiet">{size(device.total)}</span></h3>
      <StackedBar total={device.total ?? 0} parts={parts} label={`Memory of ${name}`} />
    </>
  );
}
