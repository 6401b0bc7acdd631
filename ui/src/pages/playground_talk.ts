// A model asked from the page, as any client asks: with a key, at the same origin, and never with the session's cookie.
import { useState } from "preact/hooks";

export type ToolCall = { id: string; type: "function"; function: { name: string; arguments: string } };
export type Piece = { type: "text"; text: string } | { type: "image_url"; image_url: { url: string } };
export interface Turn {
  role: "system" | "user" | "assistant" | "tool";
  content: string | readonly Piece[] | null;
  tool_calls?: readonly ToolCall[];
  tool_call_id?: string;
}
export type Usage = Partial<Record<"prompt_tokens" | "completion_tokens" | "total_tokens", number>>;
export interface Answer {
  status: number;
  /** Id of the request; empty until the head came. */
  id: string;
  /** Who answers, and why that one. */
  model: string;
  reason: string;
  text: string;
  thought: string;
  calls: readonly ToolCall[];
  usage: Usage | null;
  /** What ended it, as the model says. */
  finish: string;
  /** Milliseconds until the first piece, and until the end; null: not yet. */
  first: number | null;
  took: number | null;
  /** Everything that came, as it came; and as a value, where it came at once. */
  raw: string;
  whole: unknown;
  /** What went wrong, and what to do about it. */
  problem: string;
}
export type Body = Record<string, unknown>;

const NEW: Answer = {
  status: 0, id: "", model: "", reason: "", text: "", thought: "", calls: [], usage: null,
  finish: "", first: null, took: null, raw: "", whole: null, problem: "",
};
/** Characters that are kept of what came. */
const MOST_RAW = 200_000;

interface Chunk {
  choices?: readonly { delta?: Delta; message?: Delta; finish_reason?: string | null }[];
  usage?: Usage | null;
  error?: { message?: string; hint?: string };
}
interface Delta extends Partial<Record<"content" | "reasoning_content" | "reasoning", string | null>> {
  tool_calls?: readonly { index?: number; id?: string; function?: { name?: string; arguments?: string } }[];
}

/** Ask; `told` is called with what is known so far whenever that grows.  Never throws: problems are in the answer. */
export async function talk(key: string, path: string, body: Body, signal: AbortSignal, told: (so: Answer) => void): Promise<Answer> {
  const began = performance.now();
  let so = NEW;
  const grow = (more: Partial<Answer>) => {
    so = { ...so, ...more };
    told(so);
  };
  try {
    const got = await call(key, path, body, signal);
    const head = (name: string) => got.headers.get(name) ?? "";
    grow({ status: got.status, id: head("x-request-id"), model: head("x-glowplug-model"), reason: head("x-glowplug-reason") });
    if (got.headers.get("content-type")?.startsWith("text/event-stream") && got.body !== null) {
      await pieces(got.body, (text, chunks) => {
        let next = { ...so, raw: (so.raw + text).slice(-MOST_RAW) };
        for (const chunk of chunks) next = added(next, chunk);
        if (next.first === null && spoken(next)) next = { ...next, first: performance.now() - began };
        grow(next);
      });
    } else {
      const text = await got.text();
      const whole = parsed(text);
      grow({ ...added({ ...so, raw: text.slice(0, MOST_RAW), whole }, whole), first: null });
      if (!got.ok && so.problem === "") grow({ problem: `the server answered ${got.status}` });
    }
  } catch (error) {
    grow({ problem: signal.aborted ? "stopped" : error instanceof Error ? error.message : String(error) });
  }
  grow({ took: performance.now() - began });
  return so;
}

/** One request with a key; the answer as it is. */
export function call(key: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  return fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: typeof body === "string" ? body : JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
    signal,
  });
}

async function pieces(stream: ReadableStream<Uint8Array>, told: (text: string, chunks: readonly Chunk[]) => void): Promise<void> {
  const reader = stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop() ?? "";
    const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim());
    told(part.value, data.filter((one) => one !== "" && one !== "[DONE]").map(parsed));
  }
}

function parsed(text: string): Chunk {
  try {
    return JSON.parse(text) as Chunk;
  } catch {
    return { error: { message: `this is no JSON: ${text.slice(0, 200)}` } };
  }
}

export function spoken({ text, thought, calls }: Answer): boolean {
  return text !== "" || thought !== "" || calls.length > 0;
}

function added(so: Answer, chunk: Chunk): Answer {
  const { error, usage } = chunk;
  const choice = chunk.choices?.[0];
  const said = choice?.delta ?? choice?.message;
  return {
    ...so,
    text: so.text + (said?.content ?? ""),
    thought: so.thought + (said?.reasoning_content ?? said?.reasoning ?? ""),
    calls: said?.tool_calls === undefined ? so.calls : merged(so.calls, said.tool_calls),
    usage: usage ?? so.usage,
    finish: choice?.finish_reason ?? so.finish,
    problem: error === undefined ? so.problem : [error.message ?? "it failed", error.hint].filter(Boolean).join(": "),
  };
}

/** Tool calls come in pieces, each with its place. */
function merged(calls: readonly ToolCall[], more: NonNullable<Delta["tool_calls"]>): readonly ToolCall[] {
  const all = [...calls];
  more.forEach((piece, place) => {
    const index = piece.index ?? place;
    const old = all[index] ?? { id: "", type: "function", function: { name: "", arguments: "" } };
    const { name = "", arguments: said = "" } = piece.function ?? {};
    const whole = { name: old.function.name + name, arguments: old.function.arguments + said };
    all[index] = { id: piece.id ?? old.id, type: "function", function: whole };
  });
  return all.filter((one) => one !== undefined);
}

/** What is left of settings that are not said. */
export function said(body: Body): Body {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined && value !== ""));
}

/** JSON that somebody types; empty is undefined.  Throws an Error that names the field. */
export function typed<T>(field: string, text: string): T | undefined {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new Error(`${field}: ${error instanceof Error ? error.message : "this is no JSON"}`);
  }
}

/** What a form does, and what the last of it threw. */
export function useAttempt(): [problem: unknown, attempt: (work: () => void | Promise<void>) => Promise<void>] {
  const [problem, setProblem] = useState<unknown>(null);
  const attempt = async (work: () => void | Promise<void>) => {
    setProblem(null);
    await (async () => work())().catch(setProblem);
  };
  return [problem, attempt];
}
