// Whether a model fits, with sliders for what decides about it, and the command that would be run.
import { useEffect, useState } from "preact/hooks";
import { ask, at } from "../api";
import { count, duration, quoted, size } from "../format";
import { StackedBar, type Part } from "../parts/bar";
import { Card, Cli, Code, Pill, Problem, type Tone } from "../parts/basics";
import { show } from "../parts/dialog";
import { yaml } from "../parts/form";
import { useFilter } from "../router";
import type { EntryView, FitChoice, FitView, Footprint, PlanView, Verdict } from "../types";
import { settle } from "./models_change";

type Value = string | number;
type Options = Record<string, Value>;

/** What engines call it. */
const CONTEXT = ["ctx_size", "max_model_len", "context_length", "num_ctx"];
const PARALLEL = ["parallel", "max_num_seqs", "max_running_requests"];
const KV = ["cache_type_k", "cache_type_v", "kv_cache_dtype"];
const LABELS: Record<string, string> = { cache_type_k: "Type of the keys’ cache", cache_type_v: "Type of the values’ cache", kv_cache_dtype: "Type of the KV cache" };
const VERDICTS: Record<Verdict, readonly [string, Tone]> = {
  ready: ["is loaded", "good"],
  fits: ["fits", "good"],
  after_evicting: ["fits after unloading others", "warm"],
  waits: ["would wait", "warm"],
  never: ["does not fit", "bad"],
};
const SOURCES: Record<string, string> = {
  learned: "measured in earlier loads",
  engine: "said by the engine’s own estimator",
  header: "worked out from the header of the weights",
  policy: "what the engine is told to take",
  declared: "declared in the configuration",
  size: "guessed from the size of the files",
  nothing: "nobody knows",
};
/** Milliseconds between the last move of a slider and the question. */
const STILL = 250;
/** Contexts are powers of two from here to 2^20. */
const LEAST = 9;
const MOST = 20;

export function Fit({ name, admin, entry, again }: { name: string; admin: boolean; entry: EntryView | null; again: () => void }) {
  const [said, say] = useFilter("options");
  const options = parsed(said);
  const [fit, setFit] = useState<FitView | null>(null);
  const [asked, setAsked] = useState("");
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let over = false;
    const timer = setTimeout(() => {
      ask<FitView>("GET", at(`/admin/models/${encodeURIComponent(name)}/fit`, { options: said })).then(
        (found) => over || (setFit(found), setAsked(said), setError(null)),
        (problem: unknown) => over || setError(problem),
      );
    }, asked === said ? 0 : STILL);
    return () => ((over = true), clearTimeout(timer));
  }, [name, said]);
  const set = (option: string, value: Value | null) => {
    const { [option]: _, ...rest } = options;
    const next = value === null ? rest : { ...rest, [option]: value };
    say(Object.keys(next).length === 0 ? "" : JSON.stringify(next));
  };
  const changed = Object.keys(options).length > 0;
  return (
    <>
      <h2>Does it fit?</h2>
      <Card label="Does it fit?">
        <Problem error={error} />
        {fit === null && error === null && <p class="quiet waiting">Looking …</p>}
        {fit !== null && (
          <>
            <Knobs choices={fit.choices} options={options} set={set} />
            <div class={asked === said ? "fit" : "fit old"} aria-live="polite">
              <Verdictive plan={fit.plan} />
            </div>
            {changed && (
              <p class="actions">
                <button type="button" onClick={() => say("")}>
                  As configured
                </button>
                {admin && entry !== null && (
                  <button type="button" class="main" onClick={() => keep(entry, options, again)}>
                    Keep these
                  </button>
                )}
              </p>
            )}
            <h3 class="later">Command</h3>
            <Code label="Command that is run" text={commandLine(fit.command)} />
          </>
        )}
        <Cli line={`glowplug plan ${quoted(name)}`} />
      </Card>
    </>
  );
}

function parsed(said: string): Options {
  try {
    const found = JSON.parse(said === "" ? "{}" : said) as unknown;
    return found !== null && typeof found === "object" ? (found as Options) : {};
  } catch {
    return {};
  }
}

/** A word a line where one begins with a dash, so that it can be read. */
function commandLine(words: readonly string[]): string {
  return words.map((word, index) => (index === 0 ? quoted(word) : word.startsWith("-") ? ` \\\n  ${quoted(word)}` : ` ${quoted(word)}`)).join("");
}

function Knobs({ choices, options, set }: { choices: readonly FitChoice[]; options: Options; set: (name: string, value: Value | null) => void }) {
  const of = (names: readonly string[]) => choices.filter((one) => names.includes(one.name));
  const knobs = [...of(CONTEXT), ...of(KV), ...of(PARALLEL)];
  if (knobs.length === 0) return <p class="quiet">This engine has no option that Glowplug knows to change what it needs.</p>;
  return (
    <div class="sliders">
      {of(CONTEXT).map((one) => {
        const now = Number(options[one.name] ?? one.value ?? 0);
        return (
          <Slider
            key={one.name}
            choice={one}
            label="Context"
            min={LEAST}
            max={MOST}
            value={now > 0 ? Math.round(Math.log2(now)) : LEAST}
            says={now > 0 ? `${count(now)} tokens` : "as the model and the memory allow"}
            set={(power) => set(one.name, 2 ** power)}
          />
        );
      })}
      {of(KV).map((one) => (
        <label key={one.name} class="field" title={one.help}>
          <span>{LABELS[one.name] ?? one.name}</span>
          <select onChange={(event) => set(one.name, event.currentTarget.value || null)} value={String(options[one.name] ?? "")}>
            <option value="">{one.value === null ? "as the engine has it" : `${String(one.value)} (configured)`}</option>
            {one.choices.map((word) => (
              <option key={word} value={word} selected={options[one.name] === word}>
                {word}
              </option>
            ))}
          </select>
        </label>
      ))}
      {of(PARALLEL).map((one) => {
        const now = Number(options[one.name] ?? one.value ?? 0);
        return <Slider key={one.name} choice={one} label="At the same time" min={1} max={32} value={Math.max(now, 1)} says={now > 0 ? `${now} request${now === 1 ? "" : "s"}` : "as the engine has it"} set={(value) => set(one.name, value)} />;
      })}
    </div>
  );
}

function Slider({ choice, label, min, max, value, says, set }: { choice: FitChoice; label: string; min: number; max: number; value: number; says: string; set: (value: number) => void }) {
  return (
    <label class="field" title={choice.help}>
      <span>
        {label} <output class="quiet">{says}</output>
      </span>
      <input type="range" min={min} max={Math.max(max, value)} value={value} aria-valuetext={says} onInput={(event) => set(Number(event.currentTarget.value))} />
    </label>
  );
}

function Verdictive({ plan }: { plan: PlanView }) {
  const [word, tone] = VERDICTS[plan.verdict];
  const { footprint } = plan;
  const whole = footprint.device + footprint.host;
  return (
    <>
      <p>
        <Pill tone={tone}>{word}</Pill> {plan.why}
        {plan.eta_s !== null && ` Ready in about ${duration(plan.eta_s)}.`}
      </p>
      {whole > 0 && (
        <>
          <h3>
            Needs {size(whole)} <span class="quiet">± {Math.round(footprint.error * 100)} %, {SOURCES[footprint.source] ?? footprint.source}</span>
          </h3>
          <StackedBar total={whole} parts={made(footprint)} label="What it needs" />
        </>
      )}
      {plan.devices
        .filter((device) => (plan.claim[device.id] ?? 0) > 0 && device.total !== null)
        .map((device) => {
          const claim = plan.claim[device.id] ?? 0;
          const ours = Object.entries(device.ours).filter(([model]) => model !== plan.model);
          const lent = Object.values(device.leases).reduce((sum, one) => sum + one, 0);
          const rest: Part[] = [
            ...ours.map(([model, bytes]): Part => ({ label: plan.evict.some((one) => one.model === model) ? `${model}, would be unloaded` : model, amount: bytes, kind: "overhead" })),
            { label: "Lent", amount: lent, kind: "lease" },
            { label: "Other programs", amount: device.others ?? 0, kind: "others" },
            { label: "Reserve", amount: device.reserve, kind: "reserve" },
          ];
          const left = (device.total ?? 0) - claim - rest.reduce((sum, one) => sum + one.amount, 0);
          return (
            <div key={device.id}>
              <h3>
                {device.name || device.id} <span class="quiet">{size(device.total)}</span>
              </h3>
              <StackedBar total={device.total ?? 0} parts={[{ label: "This model, with its margin", amount: claim, kind: "weights" }, ...rest, { label: "Free", amount: left, kind: "free" }]} label={`Memory of ${device.name || device.id}`} />
            </div>
          );
        })}
    </>
  );
}

function made(footprint: Footprint): Part[] {
  const kinds: Record<string, Part["kind"]> = { weights: "weights", kv: "kv", draft: "lease", projector: "others" };
  const whole = footprint.device + footprint.host;
  // Parts are estimated, and what was measured may be less than they are together.
  const scale = Math.min(1, whole / Object.values(footprint.parts).reduce((sum, one) => sum + one, 1));
  const parts = Object.entries(footprint.parts).map(([name, amount]): Part => ({ label: name === "kv" ? "KV cache" : name, amount: amount * scale, kind: kinds[name] ?? "overhead" }));
  const rest = whole - parts.reduce((sum, part) => sum + part.amount, 0);
  return rest > whole / 100 ? [...parts, { label: parts.length === 0 ? "all of it" : "the rest", amount: rest, kind: "overhead" }] : parts;
}

function keep(entry: EntryView, options: Options, after: () => void): void {
  const old = (entry.settings["options"] ?? {}) as Options;
  const next = { ...old, ...options };
  if (entry.source === "managed") settle(entry, { options: next }, after);
  else {
    show(`Options of ${entry.name}`, () => (
      <>
        <p>{entry.name} is in the configuration file, so these lines go there:</p>
        <Code label="Lines of the configuration" text={yaml("models", entry.name, { options: next })} />
      </>
    ));
  }
}
