// What is no talk: embeddings, pictures, and any request as it is.
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { count, duration, pretty } from "../format";
import { Button, Card, Code, Problem } from "../parts/basics";
import { Area, said, Text } from "../parts/fields";
import { Table } from "../parts/table";
import { Picture, Raw as RawAnswer } from "./playground_column";
import { showCode } from "./playground_chat";
import { call, talk, typed, useAttempt, type Answer, type Body, type Usage } from "./playground_talk";

type Asks = Readonly<{ models: readonly string[]; secret: string }>;

interface ComposerProps {
  /** The fields. */
  children: ComponentChildren;
  secret: string;
  verb: string;
  /** Given what is in the fields; what either throws is shown below them. */
  send: (form: FormData) => Promise<void>;
  code: (form: FormData) => void;
}

function Composer({ children, secret, verb, send, code }: ComposerProps) {
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, attempt] = useAttempt();
  const data = () => new FormData(form.current ?? undefined);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    await attempt(() => send(data()));
    setBusy(false);
  };
  return (
    <form ref={form} class="composer card" onSubmit={submit}>
      {children}
      <Problem error={problem} />
      <div class="actions">
        <button class="main" disabled={busy || secret === ""}>{busy ? "Asked …" : verb}</button>
        <Button onClick={() => attempt(() => code(data()))}>Code</Button>
      </div>
    </form>
  );
}

interface TogetherProps<T> extends Asks {
  path: string;
  label: string;
  start: string;
  sent: (model: string, text: string) => Body;
  verb: string;
  shown: (got: T, text: string) => ComponentChildren;
}

/** All models are asked the same, and their answers are side by side. */
function Together<T>({ path, models, secret, label, start, sent, verb, shown }: TogetherProps<T>) {
  const [got, setGot] = useState<{ text: string; all: readonly { model: string; sent: Body; answer: Answer }[] }>({ text: "", all: [] });
  const one = async (model: string, text: string) => {
    const body = sent(model, text);
    return { model, sent: body, answer: await talk(secret, path, body, new AbortController().signal, () => undefined) };
  };
  const send = async (form: FormData) => {
    const text = said(form, "text");
    setGot({ text, all: await Promise.all(models.map((model) => one(model, text))) });
  };
  return (
    <>
      <Composer secret={secret} verb={verb} send={send} code={(form) => showCode(path, sent(models[0] ?? "", said(form, "text")))}>
        <Area name="text" label={label} rows={4} value={start} spellcheck required />
      </Composer>
      <div class="talks" aria-live="polite">
        {got.all.map(({ model, sent: body, answer }) => (
          <Card key={model} label={`Answer of ${model}`} title={model} aside={<span class="quiet">{duration((answer.took ?? 0) / 1000)}</span>}>
            <Problem error={answer.problem} />
            {answer.problem === "" && shown(answer.whole as T, got.text)}
            <RawAnswer answer={answer} sent={body} />
          </Card>
        ))}
      </div>
    </>
  );
}

const lines = (text: string) => text.split("\n").filter((line) => line.trim() !== "");

export function Embeddings(asks: Asks) {
  return (
    <Together<{ data: readonly { embedding: readonly number[] }[]; usage?: Usage }>
      {...asks}
      path="/v1/embeddings"
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
      <Table
        caption="How alike the texts are"
        rows={vectors.map((vector, index) => ({ vector, index }))}
        id={({ index }) => String(index)}
        headed
        columns={[
          { title: "Text", cell: ({ index }) => `${index + 1}. ${(texts[index] ?? "").slice(0, 60)}` },
          ...vectors.map((other, column) => ({
            title: String(column + 1),
            cell: ({ vector }: { vector: readonly number[] }) => like(vector, other).toFixed(3),
            number: true,
          })),
        ]}
      />
    </>
  );
}

export function Images(asks: Asks) {
  return (
    <Together<{ data: readonly { b64_json?: string; url?: string }[] }>
      {...asks}
      path="/v1/images/generations"
      label="What is to be seen"
      start="A diesel engine in a snowy yard, warming up"
      verb="Draw"
      sent={(model, text) => ({ model, prompt: text, response_format: "b64_json" })}
      shown={(got) => got.data.map((one, index) => <Picture key={index} url={one.b64_json ? `data:image/png;base64,${one.b64_json}` : (one.url ?? "")} />)}
    />
  );
}

export function Raw({ secret, path, text }: { secret: string; path: string; text: string }) {
  const [got, setGot] = useState<{ status: number; raw: string } | null>(null);
  const body = (form: FormData) => typed<Body>("Body", said(form, "body")) ?? {};
  const send = async (form: FormData) => {
    body(form);
    const answer = await call(secret, said(form, "path"), said(form, "body"), new AbortController().signal);
    const head = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    setGot({ status: answer.status, raw: `${head}\n\n${pretty(await answer.text()).slice(0, 200_000)}` });
  };
  return (
    <>
      <Composer secret={secret} verb="Send" send={send} code={(form) => showCode(said(form, "path"), body(form))}>
        <Text name="path" label="Path" value={path} pattern="/(v1|api)/.*" />
        <Area name="body" label="Body" rows={14} value={text} />
      </Composer>
      {got !== null && <Card title={`Answer: ${got.status}`}><Code label="Answer" text={got.raw} /></Card>}
    </>
  );
}
