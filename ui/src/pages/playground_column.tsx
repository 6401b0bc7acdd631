// One model's side of the talk.
import { useEffect, useRef, useState } from "preact/hooks";
import { useAsk } from "../hooks";
import { count, duration, money } from "../format";
import { useLive } from "../live";
import { Button, Card, Code, Pill, Problem } from "../parts/basics";
import { Field } from "../parts/fields";
import { to } from "../router";
import type { RequestView } from "../types";
import { spoken, type Answer, type Body, type Piece, type ToolCall, type Turn } from "./playground_talk";

/** Milliseconds of writing, below which a speed says nothing. */
const MEASURABLE = 20;

export interface Entry {
  turn: Turn;
  /** Of the assistant's: what came with it, and what was sent for it. */
  answer?: Answer;
  sent?: Body;
}
export interface Column {
  id: number;
  model: string;
  entries: readonly Entry[];
  /** What comes now, and how to end it. */
  coming: { answer: Answer | null; sent: Body; stop: () => void } | null;
}

interface ColumnViewProps {
  column: Column;
  /** The models behind its name. */
  targets: readonly string[];
  /** Give the results of the tools that its last turn called. */
  results: (column: Column, results: readonly Turn[]) => void;
}

export function ColumnView({ column, targets, results }: ColumnViewProps) {
  const { entries, coming } = column;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [entries.length, coming?.answer?.raw.length]);
  const last = entries.at(-1);
  const calls = coming === null && last?.turn.role === "assistant" ? (last.turn.tool_calls ?? []) : [];
  return (
    <Card
      kind="talk"
      label={`Talk with ${column.model}`}
      title={column.model}
      aside={coming !== null && <Button aria-label={`Stop ${column.model}`} onClick={coming.stop}>Stop</Button>}
    >
      <div ref={box} class="turns" aria-live="polite" tabIndex={0} role="region" aria-label={`What ${column.model} said`}>
        {entries.length === 0 && coming === null && <p class="quiet">Nothing was said yet.</p>}
        {entries.map((entry, index) => <TurnView key={index} entry={entry} />)}
        {coming !== null && <Coming targets={targets} answer={coming.answer} />}
      </div>
      {calls.length > 0 && <Results key={entries.length} calls={calls} send={(turns) => results(column, turns)} />}
    </Card>
  );
}

/** One turn; of one that still comes, what the model thinks is open, and nothing is added up. */
function TurnView({ entry: { turn, answer, sent }, coming = false }: { entry: Entry; coming?: boolean }) {
  return (
    <div class={`turn ${turn.role}`}>
      <span class="hidden">{turn.role}: </span>
      {answer !== undefined && answer.thought !== "" && (
        <details open={coming}>
          <summary>Thought</summary>
          <p class="words quiet">{answer.thought}</p>
        </details>
      )}
      <Content content={turn.content} />
      {turn.tool_calls?.map((one, index) => (
        <p key={index} class="words"><Pill tone="warm">calls</Pill> <code>{`${one.function.name}(${one.function.arguments})`}</code></p>
      ))}
      {answer !== undefined && !coming && (
        <>
          <Problem error={answer.problem} />
          <Facts answer={answer} />
          <Raw answer={answer} sent={sent ?? {}} />
        </>
      )}
    </div>
  );
}

function Content({ content }: { content: Turn["content"] }) {
  if (content === null || content === "") return null;
  const pieces: readonly Piece[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
  return (
    <>
      {pieces.map((piece, index) =>
        piece.type === "text" ? <p key={index} class="words">{piece.text}</p> : <Picture key={index} url={piece.image_url.url} />,
      )}
    </>
  );
}

/** Pictures that came along; of other servers the address alone is shown, because a page asks no other host. */
export function Picture({ url, label = "A picture" }: { url: string; label?: string }) {
  return url.startsWith("data:image/") ? <img class="picture" src={url} alt={label} /> : <code>{url}</code>;
}

/** While nothing has come: what the engine does meanwhile. */
function Coming({ targets, answer }: { targets: readonly string[]; answer: Answer | null }) {
  const { seen } = useLive();
  if (answer !== null && spoken(answer)) {
    return <TurnView coming entry={{ turn: { role: "assistant", content: answer.text, tool_calls: answer.calls }, answer }} />;
  }
  const rows = (seen?.rows ?? []).filter((row) => targets.includes(row.model) && !["ready", "busy", "stopped"].includes(row.state));
  return (
    <p class="quiet">
      Asked …{" "}
      {rows.map((row) => (
        <span key={row.model}>
          {row.model} is {row.state}
          {row.loading !== null && ` (${Math.round(row.loading * 100)} %)`}
          {row.queue_position !== null && `, number ${row.queue_position} in the queue`}.{" "}
        </span>
      ))}
    </p>
  );
}

function Facts({ answer }: { answer: Answer }) {
  const { usage, first, took } = answer;
  const written = usage?.completion_tokens;
  const wrote = (took ?? 0) - (first ?? 0);
  const parts = [
    first !== null && `first after ${duration(first / 1000)}`,
    took !== null && `${duration(took / 1000)} in all`,
    usage !== null && `${count(usage.prompt_tokens ?? 0)} + ${count(written ?? 0)} tokens`,
    written !== undefined && written > 1 && wrote > MEASURABLE && `${((written / wrote) * 1000).toFixed(1)} tokens/s`,
    answer.finish !== "" && answer.finish !== "stop" && `ended by ${answer.finish}`,
    answer.model !== "" && `by ${answer.model}${answer.reason === "" || answer.reason === "first" ? "" : ` (${answer.reason})`}`,
  ].filter((one) => one !== false);
  return (
    <p class="quiet facts-line">
      {parts.join(" · ")}
      {answer.id !== "" && <Cost id={answer.id} done={took !== null && answer.status === 200} />}
    </p>
  );
}

/** What it cost: an answer is in the ledger before its end is sent. */
function Cost({ id, done }: { id: string; done: boolean }) {
  const known = useAsk<RequestView>(done ? `/admin/requests/${encodeURIComponent(id)}` : null);
  return (
    <>
      {" · "}
      <a href={to("requests", { request: id })}>{known.data === null ? "request" : `cost ${money(known.data.cost)}`}</a>
    </>
  );
}

export function Raw({ answer, sent }: { answer: Answer; sent: Body }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Raw</summary>
      {open && (
        <>
          <Code label="What was sent" text={JSON.stringify(sent, null, 2)} />
          <Code label="What came" text={answer.raw || "nothing"} />
        </>
      )}
    </details>
  );
}

function Results({ calls, send }: { calls: readonly ToolCall[]; send: (turns: readonly Turn[]) => void }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    send(calls.map((one, index) => ({ role: "tool", tool_call_id: one.id, content: String(form.get(String(index)) ?? "") })));
  };
  return (
    <form onSubmit={submit}>
      {calls.map((one, index) => (
        <Field key={one.id} label={`Result of ${one.function.name}`}><textarea name={String(index)} rows={2} spellcheck={false} /></Field>
      ))}
      <button>Send the results</button>
    </form>
  );
}
