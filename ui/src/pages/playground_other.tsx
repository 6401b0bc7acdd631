// What is no talk: embeddings, pictures, and any request as it is.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { count, duration, pretty } from "../format";
import { Button, Code, Problem } from "../parts/basics";
import { Field } from "../parts/fields";
import { Picture } from "./playground_column";
import { showCode } from "./playground_chat";
import { call, typed, type Body, type Usage } from "./playground_talk";

interface Got<T> {
  model: string;
  sent: Body;
  took: number;
  data: T | null;
  raw: string;
  problem: string;
}
interface Vectors {
  data: readonly { embedding: readonly number[] }[];
  usage?: Usage;
}
interface Pictures {
  data: readonly { b64_json?: string; url?: string }[];
}
interface Asks {
  models: readonly string[];
  secret: string;
}

async function once<T>(secret: string, path: string, model: string, sent: Body): Promise<Got<T>> {
  const began = performance.now();
  const end = (more: { data: T | null; raw: string; problem: string }) => ({ model, sent, took: performance.now() - began, ...more });
  try {
    const got = await call(secret, path, sent, new AbortController().signal);
    const raw = await got.text();
    if (got.ok) return end({ data: JSON.parse(raw) as T, raw, problem: "" });
    return end({ data: null, raw, problem: reason(raw, got.status) });
  } catch (error) {
    return end({ data: null, raw: "", problem: error instanceof Error ? error.message : String(error) });
  }
}

function reason(raw: string, status: number): string {
  try {
    const { error } = JSON.parse(raw) as { error: { message: string; hint?: string } };
    return [error.message, error.hint].filter(Boolean).join(": ");
  } catch {
    return `the server answered ${status}`;
  }
}

function Together<T>({
  path,
  models,
  secret,
  label,
  start,
  sent,
  verb,
  shown,
}: Asks & {
  path: string;
  label: string;
  start: string;
  sent: (model: string, text: string) => Body;
  verb: string;
  shown: (got: T, text: string) => ComponentChildren;
}) {
  const [text, setText] = useState(start);
  const [asked, setAsked] = useState("");
  const [busy, setBusy] = useState(false);
  const [got, setGot] = useState<readonly Got<T>[]>([]);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    const all = await Promise.all(models.map((model) => once<T>(secret, path, model, sent(model, text))));
    setAsked(text);
    setGot(all);
    setBusy(false);
  };
  return (
    <>
      <form class="composer card" onSubmit={submit}>
        <Field label={label}>
          <textarea rows={4} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </Field>
        <div class="actions">
          <button class="main" disabled={busy || secret === "" || text.trim() === "" || models.length === 0}>
            {busy ? "Asked …" : verb}
          </button>
          <Button onClick={() => showCode(path, sent(models[0] ?? "", text))}>Code</Button>
        </div>
      </form>
      <div class="talks" aria-live="polite">
        {got.map((one) => (
          <section key={one.model} class="card" aria-label={`Answer of ${one.model}`}>
            <header>
              <h2>{one.model}</h2>
              <span class="quiet">{duration(one.took / 1000)}</span>
            </header>
            <Problem error={one.problem} />
            {one.data !== null && shown(one.data, asked)}
            <details>
              <summary>Raw</summary>
              <Code label="What was sent" text={JSON.stringify(one.sent, null, 2)} />
              <Code label="What came" text={one.raw.slice(0, 20_000)} />
            </details>
          </section>
        ))}
      </div>
    </>
  );
}

const lines = (text: string) => text.split("\n").filter((line) => line.trim() !== "");

export function Embeddings({ models, secret }: Asks) {
  return (
    <Together<Vectors>
      path="/v1/embeddings"
      models={models}
      secret={secret}
      label="Texts, a line each"
      start={"A glow plug warms a cold engine.\nDiesel engines start badly in winter.\nThe soup needs more salt."}
      verb="Embed"
      sent={(model, text) => ({ model, input: lines(text) })}
      shown={(got, text) => <Likeness vectors={got.data.map((one) => one.embedding)} texts={lines(text)} usage={got.usage} />}
    />
  );
}

function Likeness({ vectors, texts, usage }: { vectors: readonly (readonly number[])[]; texts: readonly string[]; usage: Usage | undefined }) {
  const length = (one: readonly number[]) => Math.hypot(...one);
  const like = (one: readonly number[], other: readonly number[]) =>
    one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0) / (length(one) * length(other) || 1);
  return (
    <>
      <p>
        {count(vectors[0]?.length ?? 0)} dimensions{usage?.prompt_tokens !== undefined && `, ${count(usage.prompt_tokens)} tokens`}. How alike they
        are, as the cosine of the angle between them:
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label="How alike the texts are">
        <table>
          <thead>
            <tr>
              <th scope="col">Text</th>
              {texts.map((_, index) => (
                <th key={index} scope="col" class="number">
                  {index + 1}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {vectors.map((one, index) => (
              <tr key={index}>
                <th scope="row" class="text">
                  {index + 1}. {(texts[index] ?? "").slice(0, 60)}
                </th>
                {vectors.map((other, column) => (
                  <td key={column} class="number">
                    {like(one, other).toFixed(3)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

export function Images({ models, secret }: Asks) {
  return (
    <Together<Pictures>
      path="/v1/images/generations"
      models={models}
      secret={secret}
      label="What is to be seen"
      start="A diesel engine in a snowy yard, warming up"
      verb="Draw"
      sent={(model, text) => ({ model, prompt: text, response_format: "b64_json" })}
      shown={(got) => got.data.map((one, index) => <Picture key={index} url={one.b64_json ? `data:image/png;base64,${one.b64_json}` : (one.url ?? "")} />)}
    />
  );
}

export function Raw({ secret, path: first, text: start }: { secret: string; path: string; text: string }) {
  const [path, setPath] = useState(first);
  const [text, setText] = useState(start);
  const [busy, setBusy] = useState(false);
  const [got, setGot] = useState<{ status: string; raw: string } | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const attempt = async (work: (body: Body) => Promise<void>) => {
    setProblem(null);
    try {
      await work(typed<Body>("Body", text) ?? {});
    } catch (error) {
      setProblem(error);
    }
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    await attempt(async () => {
      const answer = await call(secret, path, text, new AbortController().signal);
      const head = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      setGot({ status: `${answer.status}`, raw: `${head}\n\n${pretty(await answer.text()).slice(0, 200_000)}` });
    });
    setBusy(false);
  };
  return (
    <form class="composer card" onSubmit={submit}>
      <Field label="Path">
        <input value={path} pattern="/(v1|api)/.*" onInput={(event) => setPath(event.currentTarget.value)} />
      </Field>
      <Field label="Body">
        <textarea rows={14} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </Field>
      <Problem error={problem} />
      <div class="actions">
        <button class="main" disabled={busy || secret === ""}>
          {busy ? "Asked …" : "Send"}
        </button>
        <Button onClick={() => attempt(async (body) => showCode(path, body))}>Code</Button>
      </div>
      {got !== null && (
        <>
          <h3>Answer: {got.status}</h3>
          <Code label="Answer" text={got.raw} />
        </>
      )}
    </form>
  );
}
