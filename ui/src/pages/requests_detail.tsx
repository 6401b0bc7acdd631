// One request: its timeline, every attempt, and what was sent and answered where its key keeps that.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { count, duration, energy, moment, money, pretty, quoted } from "../format";
import { useAdmin, useAsk } from "../hooks";
import { useNow } from "../live";
import { Button, Card, Cli, Code, Facts, Pill, Problem, Waiting, type Fact, type Tone } from "../parts/basics";
import { act, Frame } from "../parts/dialog";
import { filter, to } from "../router";
import type { AttemptView, BodyView, Cancelled, KeyView, RequestView } from "../types";
import "./requests.css";

/** Milliseconds. */
const LIVE = 2000;

export const FAILURES = [
  ["upstream_error", "Upstream error"],
  ["timeout", "Timeout"],
  ["client_gone", "Client gone"],
  ["interrupted", "Interrupted"],
] as const;

export function nameOf(outcome: string): string {
  return outcome === "" ? "in flight" : outcome.replaceAll("_", " ");
}

export function tone(outcome: string): Tone {
  if (outcome === "") return "warm";
  if (outcome === "ok") return "good";
  return outcome === "client_gone" ? "quiet" : "bad";
}

/** When its last attempt ended, as far as is known (Unix seconds). */
export function end(row: RequestView): number {
  return Math.max(row.started, ...row.attempts.map((one) => one.started + one.duration));
}

interface DetailProps {
  id: string;
  keys: ReadonlyMap<string, KeyView>;
  /** Called when it was cancelled. */
  ended: () => void;
}

export function Detail({ id, keys, ended }: DetailProps) {
  const [open, setOpen] = useState(false);
  const { data: row, error, again } = useAsk<RequestView>(`/admin/requests/${encodeURIComponent(id)}`, open ? { every: LIVE } : {});
  useEffect(() => setOpen(row?.request === id && row.outcome === ""), [row, id]);
  const close = () => {
    const after = new URLSearchParams(location.search).get("after") ?? "";
    filter({ request: "", after });
  };
  const both = () => {
    again();
    ended();
  };
  const shown = row?.request === id ? row : null;
  return (
    <Frame title="Request" kind="drawer" close={close}>
      <p class="line"><code>{id}</code></p>
      {(shown === null || error !== null) && <Waiting asked={{ error }} />}
      {shown !== null && <Whole row={shown} kept={keys.get(shown.key)} again={both} />}
      <Cli line={`glowplug requests ${quoted(id)}`} />
    </Frame>
  );
}

function Whole({ row, kept, again }: { row: RequestView; kept: KeyView | undefined; again: () => void }) {
  const admin = useAdmin();
  const facts: readonly Fact[] = [
    ["Began", moment(row.started)],
    ["Took", row.outcome === "" ? "in flight" : duration(end(row) - row.started)],
    ["Asked for", row.asked],
    ["At", row.path],
    ["Key", kept?.name || row.key],
    ["User", row.user],
    ["Team", row.team],
    ["Tags", row.tags.join(", ")],
    ["Prompt", `${count(row.prompt_tokens)} tokens`],
    ["Answer", `${count(row.completion_tokens)} tokens`],
    ["Cost", money(row.cost)],
  ];
  return (
    <>
      <p class="actions">
        <Pill tone={tone(row.outcome)}>{nameOf(row.outcome)}</Pill>
        <a href={to("requests", { key: row.key })}>Others of this key</a>
        {admin && row.outcome === "" && <Button onClick={() => cancel(row, again)}>Cancel …</Button>}
        {row.trace !== "" && <span class="quiet">trace {row.trace}</span>}
      </p>
      <Facts facts={facts} />
      <h3>Timeline</h3>
      <Timeline row={row} />
      {row.attempts.map((one) => <Attempt key={one.attempt} one={one} />)}
      {admin && <Bodies key={row.request} request={row.request} keeps={kept?.log_bodies ?? false} />}
    </>
  );
}

function cancel(row: RequestView, after: () => void): void {
  act({
    title: "Cancel the request",
    says:
      `${row.asked}, in flight since ${moment(row.started)}. Whatever is done for it stops, and its client is told that it was cancelled. ` +
      "What was used up to now is counted.",
    cli: () => `glowplug requests ${quoted(row.request)} --cancel`,
    run: () => ask<Cancelled>("POST", `/admin/requests/${encodeURIComponent(row.request)}/cancel`),
    verb: "End it",
    danger: true,
    done: () => "The request is ended",
    after,
  });
}

/** A row an attempt: when it began, how long until its first byte, and how long until its last. */
function Timeline({ row }: { row: RequestView }) {
  const now = useNow();
  const last = row.outcome === "" ? Math.max(now, row.started) : end(row);
  const whole = Math.max(last - row.started, 0.001);
  const share = (seconds: number) => `${(Math.max(0, Math.min(seconds, whole)) / whole) * 100}%`;
  return (
    <ol class="timeline">
      {row.attempts.map((one) => {
        const began = one.started - row.started;
        const took = one.state === "open" ? last - one.started : one.duration;
        const waited = one.state === "open" ? took : 0;
        const until = one.first_byte > 0 ? Math.min(one.first_byte, took) : waited;
        return (
          <li key={one.attempt}>
            <span>{one.model} <span class="quiet">{said(one, began, took)}</span></span>
            <div class="track" aria-hidden="true">
              <i class="wait" style={{ left: share(began), width: share(until) }} />
              <i class={tone(one.outcome)} style={{ left: share(began + until), width: share(took - until) }} />
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function said(one: AttemptView, began: number, took: number): string {
  const first = one.first_byte > 0 ? `, first byte after ${duration(one.first_byte)}` : "";
  const ends = one.state === "open" ? `, ${duration(took)} up to now` : `, ${nameOf(one.outcome)} after ${duration(took)}`;
  return `${began > 0 ? `at +${duration(began)}` : "at once"}${first}${ends}`;
}

function Attempt({ one }: { one: AttemptView }) {
  const facts: readonly Fact[] = [
    ["Why there", one.reason],
    ["Status", one.status === 0 ? "none" : String(one.status)],
    ["Prompt", count(one.prompt_tokens)],
    ["of it cached", one.cached_tokens > 0 ? count(one.cached_tokens) : ""],
    ["Answer", count(one.completion_tokens)],
    ["of it reasoning", one.reasoning > 0 ? count(one.reasoning) : ""],
    ["Tokens a second", speed(one)],
    ["Cost", money(one.cost)],
    ["Price", one.price],
    ["Energy", one.energy_mj === null ? "" : energy(one.energy_mj)],
    ["Worker", one.worker],
  ];
  return (
    <Card
      title={`Attempt ${one.attempt + 1}: ${one.model}`}
      aside={<Pill tone={tone(one.outcome)}>{nameOf(one.outcome)}</Pill>}
      label={`Attempt ${one.attempt + 1}`}
    >
      <Facts facts={facts} />
      {one.state !== "open" && (
        <p class="quiet">
          {one.streamed ? "Streamed." : "Answered at once."}
          {one.estimated && " Its tokens were counted here: the upstream reported none."}
        </p>
      )}
    </Card>
  );
}

/** From the first byte to the last. */
function speed(one: AttemptView): string {
  const seconds = one.duration - one.first_byte;
  return one.streamed && one.state !== "open" && seconds > 0.01 ? (one.completion_tokens / seconds).toFixed(1) : "";
}

function Bodies({ request, keeps }: { request: string; keeps: boolean }) {
  const [wanted, want] = useState(false);
  const { data: kept, error, again } = useAsk<BodyView>(wanted ? `/admin/requests/${encodeURIComponent(request)}/bodies` : null);
  if (!keeps && kept === null) {
    return <p class="quiet">What was sent and answered is not kept: the key was made without <code>--log-bodies</code>.</p>;
  }
  return (
    <>
      <p class="actions">
        <Button onClick={() => want(true)} disabled={kept !== null}>Show what was sent and answered</Button>
        <a href={to("playground", { request })}>Send it again in the Playground</a>
      </p>
      <Problem error={error} again={again} />
      {kept !== null && (
        <>
          {kept.truncated && <p class="quiet">Cut where keeping.longest ends.</p>}
          <h3>Sent</h3>
          <Code text={pretty(kept.sent)} label="What was sent" />
          <h3>Answered</h3>
          <Code text={pretty(kept.answered)} label="What was answered" />
          <Cli line={`glowplug requests ${quoted(request)} --bodies`} />
        </>
      )}
    </>
  );
}
