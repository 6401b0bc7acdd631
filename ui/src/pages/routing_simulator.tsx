// Where a request would go now, and why: nothing is sent, started or counted.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { count, duration, money, quoted } from "../format";
import { Card, Cli, Pill, Problem, type Tone } from "../parts/basics";
import { useEvery } from "../parts/every";
import { said, Select, Text } from "../parts/fields";
import { words } from "../parts/form";
import { Prose } from "../parts/prose";
import { go, to, usePlace } from "../router";
import type { KeyView, LimitPlan, ModelView, RoutePlan, TargetPlan, TargetState } from "../types";

const CHAT = "/v1/chat/completions";
const KINDS = [
  CHAT, "/v1/messages", "/v1/responses", "/v1/completions", "/v1/embeddings", "/v1/rerank", "/v1/images/generations", "/v1/audio/speech",
  "/v1/audio/transcriptions", "/v1/moderations",
] as const;
const TONES: Partial<Record<TargetState, Tone>> = {
  ready: "good",
  trying: "warm",
  cold: "warm",
  loading: "warm",
  full: "warm",
  cooling: "bad",
  paused: "bad",
  failed: "bad",
  limited: "bad",
  unavailable: "bad",
};
const ROLES: Record<string, string> = { fallback: "fallback", context: "for long prompts", wished: "wished" };
const CASES: Record<string, string> = {
  failed: "If it fails",
  context: "If the prompt is too long",
  content: "If the content is refused",
};

export function Simulator({ models }: { models: readonly ModelView[] }) {
  const { query } = usePlace();
  const keys = useEvery<KeyView>("/admin/keys");
  const usable = (keys.rows ?? []).filter((one) => one.revoked_at === null && one.blocked_at === null);
  const model = query.get("ask") ?? "";
  const key = query.get("key") ?? (usable.find((one) => one.role === "user") ?? usable[0])?.id ?? "";
  const kind = query.get("kind") ?? CHAT;
  const tokens = Number(query.get("tokens") ?? 0);
  const tags = (query.get("tags") ?? "").split(",").filter((one) => one !== "");
  const [plan, setPlan] = useState<RoutePlan | null>(null);
  const [error, setError] = useState<unknown>(null);
  const asked = JSON.stringify({ model, key, kind, tags, input_tokens: tokens });
  const [times, setTimes] = useState(0);
  const again = () => setTimes((count) => count + 1);
  const known = models.some((one) => one.name === model);
  useEffect(() => {
    if (!known || key === "") return setPlan(null);
    let over = false;
    ask<RoutePlan>("POST", "/admin/route", JSON.parse(asked)).then(
      (found) => over || (setPlan(found), setError(null)),
      (problem: unknown) => over || (setPlan(null), setError(problem)),
    );
    return () => void (over = true);
  }, [asked, times, models]);
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const names = Object.fromEntries(["ask", "key", "kind", "tokens"].map((name) => [name, said(form, name)]));
    go(to("routing", { ...names, tags: words(form, "tags").join(",") }), true);
    again();
  };
  const flags = `${kind === CHAT ? "" : ` --kind ${kind}`}${tokens > 0 ? ` --tokens ${tokens}` : ""}${tags.length > 0 ? ` --tags ${quoted(tags.join(","))}` : ""}`;
  return (
    <Card title="Where would a request go?">
      <form onSubmit={send} key={`${model} ${usable.length}`}>
        <div class="ask">
          <Select name="ask" label="Name asked for" value={model} options={models.map((one) => one.name)} />
          <Select name="key" label="With the key" value={key} options={usable.map((one) => [one.id, one.name || one.id] as const)} />
          <Select name="kind" label="At" value={kind} options={KINDS} />
          <Text name="tokens" label="Tokens of the prompt" type="number" min={0} value={tokens > 0 ? String(tokens) : ""} placeholder="1" />
          <Text name="tags" label="Tags" value={tags.join(", ")} placeholder="none" />
        </div>
        <p class="actions">
          <button class="main" disabled={usable.length === 0}>Look</button>
          <span class="quiet">
            {keys.rows === null || usable.length > 0 ? "Nothing is sent, started or counted." : <>It needs a key that would send it: see <a href={to("keys")}>Keys</a>.</>}
          </span>
        </p>
      </form>
      <Problem error={error} again={again} />
      {plan === null && error === null && known && (keys.rows === null || usable.length > 0) && <p class="quiet waiting">Looking …</p>}
      {model !== "" && !known && <p class="bad">Nothing is called “{model}” any more.</p>}
      {plan !== null && (
        <>
          <Told plan={plan} />
          <Cli line={`glowplug route explain ${quoted(model)} --for-key ${quoted(key)}${flags}`} />
        </>
      )}
    </Card>
  );
}

function Told({ plan }: { plan: RoutePlan }) {
  const { refusal } = plan;
  const order = [...plan.targets.filter((one) => one.place > 0), ...plan.targets.filter((one) => one.place === 0)];
  return (
    <div aria-live="polite">
      <p><strong><Prose text={plan.because} /></strong></p>
      {refusal !== null && <Problem error={{ message: `${refusal.status} ${refusal.code}: ${refusal.message}`, hint: refusal.hint }} />}
      <p class="quiet">
        {plan.match}; {plan.arranged}.
        {plan.remembered !== "" && ` Its conversation is used to ${plan.remembered}.`}
      </p>
      <ol class="hops" aria-label="Targets in the order in which they are asked">{order.map((one) => <Hop key={one.name} target={one} />)}</ol>
      {plan.after.map((one) => <p key={one.case}><span class="quiet">{CASES[one.case] ?? one.case}:</span> <Prose text={one.text} /></p>)}
      {plan.notes.map((text) => <p key={text} class="quiet"><Prose text={text} /></p>)}
      <ul>{plan.limits.map((one) => <li key={`${one.whose} ${one.unit}`}>{left(one)}</li>)}</ul>
      <p class="quiet line">As the worker {plan.worker} sees it; it gives up after {duration(plan.timeout)} without content.</p>
    </div>
  );
}

function left({ whose, unit, limit, left: rest, resets }: LimitPlan): string {
  const says = unit === "nano-dollars" ? money : count;
  const words = unit === "nano-dollars" ? "" : ` ${unit}`;
  return `${whose}: ${rest === null ? "nobody knows how much" : says(rest)} of ${says(limit)}${words} left${resets === null ? "" : `, all of it again in ${duration(resets)}`}`;
}

function Hop({ target }: { target: TargetPlan }) {
  return (
    <li class={target.place === 0 ? "passed" : undefined} data-place={target.place === 0 ? "–" : target.place}>
      <header>
        <a href={to("models", { model: target.name })}><strong>{target.name}</strong></a>
        <Pill tone={TONES[target.state] ?? "quiet"}>{target.state}</Pill>
        {target.place === 0 && <Pill>not asked</Pill>}
        {ROLES[target.role] !== undefined && <Pill>{ROLES[target.role]}</Pill>}
        {target.warmed && <Pill tone="warm">loaded meanwhile</Pill>}
        <span class="quiet">{target.local ? "on this machine" : target.served_by}</span>
        {target.cost !== null && <span class="quiet">about {money(target.cost)}</span>}
      </header>
      <p><Prose text={target.why} /></p>
      {(target.change !== "" || target.wait !== null) && (
        <p class="quiet">
          {target.change !== "" && <Prose text={`Would change: ${target.change}.`} />}
          {target.wait !== null && ` Time alone does it in ${duration(target.wait)}.`}
        </p>
      )}
      {target.road !== "" && <p class="quiet">{target.road}</p>}
    </li>
  );
}
