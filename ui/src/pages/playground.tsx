import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { pretty } from "../format";
import { useAdmin, useAsk } from "../hooks";
import { Button, Empty, Problem } from "../parts/basics";
import { ChoiceFilter, Filter, Options } from "../parts/fields";
import { filter, to, useFilter } from "../router";
import type { BodyView, ModelView, RequestView } from "../types";
import { Chat, type Opening } from "./playground_chat";
import { KeyBar, useKey } from "./playground_key";
import { Embeddings, Images, Raw } from "./playground_other";
import type { Body, Piece, Turn } from "./playground_talk";

const MODES = [["chat", "Talk"], ["embeddings", "Embeddings"], ["images", "Pictures"], ["raw", "Any request"]] as const;
const MOST = 4;
const USUAL = "chat-default";
const EMPTY: Opening = { turns: [], prompt: "", images: [], settings: {} };

/** What a mode asks of a model. */
const ABLE: Record<string, readonly string[]> = { chat: ["chat", "messages", "responses"], embeddings: ["embeddings"], images: ["images"], raw: [] };

export default function Playground() {
  const admin = useAdmin();
  const secret = useKey();
  const [mode] = useFilter("mode", "chat");
  const [said] = useFilter("models");
  const [request] = useFilter("request");
  const listed = useAsk<{ data: readonly ModelView[] }>("/admin/models");
  const again = useAgain(admin ? request : "");
  const rows = (listed.data?.data ?? []).filter((one) => !one.name.includes("*"));
  const targets = (name: string) => rows.find((one) => one.name === name)?.targets ?? [name];
  const able = (name: string) => {
    const wanted = ABLE[mode] ?? [];
    return wanted.length === 0 || targets(name).some((one) => rows.find((row) => row.name === one)?.capabilities?.some((each) => wanted.includes(each)));
  };
  const names = rows.map((one) => one.name).filter(able);
  const usual = names.includes(USUAL) ? USUAL : names[0];
  const wished = said.split(",").filter((one) => one !== "" && (able(one) || !rows.some((row) => row.name === one)));
  const models = wished.length > 0 ? wished.slice(0, MOST) : usual === undefined ? [] : [usual];
  const example = JSON.stringify({ model: models[0] ?? "", input: "What is a glow plug?" }, null, 2);
  return (
    <>
      <h1>Playground</h1>
      <KeyBar />
      <div class="filters">
        <ChoiceFilter name="mode" label="What" options={MODES} />
        {mode !== "raw" && <Models models={models} names={names} />}
      </div>
      <Problem error={listed.error} again={listed.again} />
      <Problem error={again.error} />
      {listed.data !== null && names.length === 0 && mode !== "raw" && (
        <Empty title="No model can do this">
          <p><a href={to("models")}>Models</a> shows what each can be asked for; <a href={to("first")}>First steps</a> looks for one.</p>
        </Empty>
      )}
      {listed.data !== null && again.ready && models.length > 0 && mode === "chat" && (
        <Chat key={request} models={models} targets={targets} secret={secret} opening={again.opening} />
      )}
      {mode === "embeddings" && names.length > 0 && <Embeddings models={models} secret={secret} />}
      {mode === "images" && names.length > 0 && <Images models={models} secret={secret} />}
      {mode === "raw" && again.ready && <Raw key={`${request} ${models[0] ?? ""}`} secret={secret} path={again.path} text={again.text || example} />}
    </>
  );
}

function Models({ models, names }: { models: readonly string[]; names: readonly string[] }) {
  const put = (next: readonly string[]) => filter({ models: next.join(",") });
  const unused = names.find((one) => !models.includes(one)) ?? names[0];
  return (
    <>
      {models.map((model, index) => (
        <Filter key={index} label={models.length === 1 ? "Model" : `Model ${index + 1}`}>
          <select onChange={(event) => put(models.map((one, at) => (at === index ? event.currentTarget.value : one)))}>
            <Options options={names.includes(model) ? names : [model, ...names]} chosen={model} />
          </select>
        </Filter>
      ))}
      {models.length < MOST && unused !== undefined && <Button onClick={() => put([...models, unused])}>Another model</Button>}
      {models.length > 1 && <Button onClick={() => put(models.slice(0, -1))}>One less</Button>}
    </>
  );
}

const NOTHING = { ready: true, error: null as unknown, opening: EMPTY, path: "/v1/responses", text: "" };

/** A request that was made before, as this page begins with it. */
function useAgain(request: string): typeof NOTHING {
  const [found, setFound] = useState(request === "" ? NOTHING : { ...NOTHING, ready: false });
  useEffect(() => {
    if (request === "") return setFound(NOTHING);
    const id = encodeURIComponent(request);
    Promise.all([ask<BodyView>("GET", `/admin/requests/${id}/bodies`), ask<RequestView>("GET", `/admin/requests/${id}`)]).then(
      ([kept, row]) => {
        const opening = kept.kind === "chat" ? openingOf(kept.sent) : null;
        const query = new URLSearchParams(location.search);
        const mode = opening === null ? "raw" : "";
        if (query.get("models") === null || query.get("mode") !== mode) filter({ models: query.get("models") ?? kept.asked, mode });
        setFound({ ...NOTHING, opening: opening ?? EMPTY, path: row.path, text: pretty(kept.sent) });
      },
      (error: unknown) => setFound({ ...NOTHING, error }),
    );
    return undefined;
  }, [request]);
  return found;
}

/** A chat's body as fields; null where it is none that the fields can hold. */
function openingOf(text: string): Opening | null {
  let body: Body;
  try {
    body = JSON.parse(text) as Body;
  } catch {
    return null;
  }
  const { model: _, messages, stream, stream_options: __, temperature, max_tokens: most, tools, ...more } = body;
  if (!Array.isArray(messages)) return null;
  const [top, ...below] = messages as readonly Turn[];
  const system = top?.role === "system" && typeof top.content === "string" ? top.content : "";
  const turns = system === "" ? (messages as readonly Turn[]) : below;
  const last = turns.at(-1);
  const mine = last?.role === "user" ? last.content : null;
  const pieces: readonly Piece[] = typeof mine === "string" ? [{ type: "text", text: mine }] : (mine ?? []);
  const written = (value: unknown) => (value === undefined ? "" : JSON.stringify(value, null, 2));
  const fields = { temperature: written(temperature), most: written(most), tools: written(tools) };
  return {
    turns: last?.role === "user" ? turns.slice(0, -1) : turns,
    prompt: pieces.flatMap((one) => (one.type === "text" ? [one.text] : [])).join("\n"),
    images: pieces.flatMap((one) => (one.type === "image_url" ? [one.image_url.url] : [])),
    settings: { system, stream: stream === true, ...fields, more: Object.keys(more).length === 0 ? "" : written(more) },
  };
}
