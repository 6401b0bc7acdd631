// Talking to several models at once.
import { useRef, useState } from "preact/hooks";
import { quoted } from "../format";
import { Button, Cli, Code, Problem } from "../parts/basics";
import { show } from "../parts/dialog";
import { Area, Check, Field, said as field, Text } from "../parts/fields";
import { code, LANGUAGES } from "./playground_code";
import { ColumnView, Picture, type Column, type Entry } from "./playground_column";
import { said, talk, typed, useAttempt, type Body, type Piece, type Turn } from "./playground_talk";

const CHAT = "/v1/chat/completions";
const TOOL = `[
  {"type": "function", "function": {
    "name": "weather",
    "description": "The weather of a town",
    "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
  }}
]`;

/** How it begins: from a request that was made before. */
export type Opening = Readonly<{ turns: readonly Turn[]; prompt: string; images: readonly string[]; settings: Settings }>;
/** What is said besides the turns, by the names of the fields. */
export type Settings = Partial<Record<"system" | "temperature" | "most" | "tools" | "more", string>> & { stream?: boolean };

/** The body for one model, as the form says.  Throws an Error that names the field that is no JSON. */
function body(model: string, turns: readonly Turn[], form: FormData): Body {
  const number = (name: string) => (field(form, name) === "" ? undefined : Number(field(form, name)));
  const stream = form.get("stream") !== null;
  const before: readonly Turn[] = field(form, "system") === "" ? [] : [{ role: "system", content: field(form, "system") }];
  return {
    ...said({
      model,
      messages: [...before, ...turns],
      temperature: number("temperature"),
      max_tokens: number("most"),
      stream: stream || undefined,
      stream_options: stream ? { include_usage: true } : undefined,
      tools: typed<unknown>("Tools", field(form, "tools")),
    }),
    ...typed<Body>("More members", field(form, "more")),
  };
}

type ChatProps = Readonly<{ models: readonly string[]; targets: (model: string) => readonly string[]; secret: string; opening: Opening }>;

export function Chat({ models, targets, secret, opening }: ChatProps) {
  const form = useRef<HTMLFormElement>(null);
  const settings = () => new FormData(form.current ?? undefined);
  const [prompt, setPrompt] = useState(opening.prompt);
  const [images, setImages] = useState<readonly string[]>(opening.images);
  const [problem, attempt] = useAttempt();
  const start = opening.turns.map((turn) => ({ turn }));
  const [kept, keep] = useState<Readonly<Record<number, Column>>>({});
  const latest = useRef(kept);
  const columns = models.map((model, id) => ({ ...(kept[id] ?? { id, entries: start, coming: null }), model }));
  const change = (id: number, to: Column) => {
    latest.current = { ...latest.current, [id]: to };
    keep(latest.current);
  };

  const send = (column: Column, more: readonly Turn[]) => {
    const entries: readonly Entry[] = [...column.entries, ...more.map((turn) => ({ turn }))];
    const sent = body(column.model, entries.map((one) => one.turn), settings());
    const ending = new AbortController();
    const coming = { answer: null, sent, stop: () => ending.abort() };
    change(column.id, { ...column, entries, coming });
    const mine = () => latest.current[column.id]?.coming?.sent === sent;
    const told = (answer: Entry["answer"]) => mine() && change(column.id, { ...column, entries, coming: { ...coming, answer: answer ?? null } });
    void talk(secret, CHAT, sent, ending.signal, told).then((answer) => {
      const turn: Turn = { role: "assistant", content: answer.text, ...(answer.calls.length > 0 ? { tool_calls: answer.calls } : {}) };
      if (mine()) change(column.id, { ...column, entries: [...entries, { turn, answer, sent }], coming: null });
    });
  };
  const turn = (): Turn => {
    const text = prompt.trim();
    if (images.length === 0) return { role: "user", content: text };
    const pictures: readonly Piece[] = images.map((url) => ({ type: "image_url", image_url: { url } }));
    return { role: "user", content: [{ type: "text", text }, ...pictures] };
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(() => {
      for (const column of columns) if (column.coming === null) send(column, [turn()]);
      setPrompt("");
      setImages([]);
    });
  };
  const clear = () => {
    for (const column of columns) column.coming?.stop();
    latest.current = Object.fromEntries(columns.map((one) => [one.id, { ...one, entries: [], coming: null }]));
    keep(latest.current);
  };
  const shown = () =>
    attempt(() => {
      const before = (columns[0]?.entries ?? []).map((one) => one.turn);
      const all = prompt.trim() === "" && images.length === 0 && before.length > 0 ? before : [...before, turn()];
      showCode(CHAT, body(models[0] ?? "", all, settings()), prompt);
    });
  const key = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && prompt.trim() !== "") submit(event);
  };
  const waiting = columns.some((one) => one.coming !== null);
  return (
    <>
      <div class="talks">
        {columns.map((column) => (
          <ColumnView key={column.id} column={column} targets={targets(column.model)} results={(one, turns) => attempt(() => send(one, turns))} />
        ))}
      </div>
      <Problem error={problem} />
      <form ref={form} class="composer card" onSubmit={submit}>
        <Field label="Message">
          <textarea
            rows={3}
            value={prompt}
            placeholder="Enter sends, Shift+Enter begins a new line"
            onInput={(event) => setPrompt(event.currentTarget.value)}
            onKeyDown={key}
          />
        </Field>
        {images.length > 0 && (
          <div class="actions">
            {images.map((url, index) => (
              <Button key={index} aria-label={`Take picture ${index + 1} out`} onClick={() => setImages(images.filter((_, at) => at !== index))}>
                <Picture url={url} label={`Picture ${index + 1}`} />
              </Button>
            ))}
          </div>
        )}
        <div class="actions">
          <button class="main" disabled={secret === "" || waiting || (prompt.trim() === "" && images.length === 0)}>Send</button>
          <Attach add={(url) => setImages((old) => [...old, url])} />
          <Button onClick={shown}>Code</Button>
          <Button onClick={clear}>Clear</Button>
        </div>
        <SettingsFields settings={opening.settings} />
      </form>
    </>
  );
}

export function showCode(path: string, sent: Body, prompt = ""): void {
  show(
    "The same for programs",
    () => (
      <>
        {LANGUAGES.map((language) => (
          <section key={language} aria-label={language}>
            <h3>{language}</h3>
            <Code label={language} text={code(language, path, sent)} />
          </section>
        ))}
        {path === CHAT && <Cli line={`glowplug run ${quoted(String(sent["model"]))} ${quoted(prompt || "…")}`} />}
      </>
    ),
    true,
  );
}

function Attach({ add }: { add: (url: string) => void }) {
  const picker = useRef<HTMLInputElement>(null);
  const read = (picked: HTMLInputElement) => {
    for (const file of picked.files ?? []) {
      const reader = new FileReader();
      reader.onload = () => add(String(reader.result));
      reader.readAsDataURL(file);
    }
    picked.value = "";
  };
  return (
    <>
      <Button onClick={() => picker.current?.click()}>Add a picture</Button>
      <input ref={picker} type="file" accept="image/*" multiple hidden onChange={(event) => read(event.currentTarget)} />
    </>
  );
}

function SettingsFields({ settings: { system, temperature, most, stream = true, tools, more } }: { settings: Settings }) {
  const fill = ({ currentTarget: { form: all } }: { currentTarget: HTMLButtonElement }) => {
    const area = all?.elements.namedItem("tools") as HTMLTextAreaElement;
    if (area.value.trim() === "") area.value = TOOL;
  };
  return (
    <details open={Boolean(tools || more || system)}>
      <summary>Settings, tools</summary>
      <div class="pair">
        <Text name="temperature" label="Temperature" type="number" min={0} max={2} step={0.1} placeholder="the model’s own" value={temperature} />
        <Text name="most" label="Tokens at most" type="number" min={1} placeholder="no limit" value={most} />
        <Check name="stream" label="Answers come as they are written" checked={stream} />
      </div>
      <Area name="system" label="System prompt" rows={2} spellcheck value={system} />
      <Area name="tools" label="Tools (JSON)" rows={tools ? 8 : 5} value={tools} />
      <Button onClick={fill}>An example of a tool</Button>
      <Area name="more" label="More members of the request (JSON)" rows={2} placeholder={'{"top_p": 0.9}'} value={more} />
    </details>
  );
}
