// The first steps: what this machine has, a model that fits, a key, a client.
import { ask, at } from "../api";
import { many, quoted, size } from "../format";
import { post, useAdmin, useAsk } from "../hooks";
import { useLive } from "../live";
import { Button, Code, Empty, Heading, Pill, Problem, type Tone } from "../parts/basics";
import { act } from "../parts/dialog";
import { called } from "../parts/every";
import { said, Text } from "../parts/fields";
import { Table } from "../parts/table";
import { to } from "../router";
import type { Candidate, DeviceView, Discovered, KeyView, ModelView, Status, Written } from "../types";
import { Step } from "./connect_client";

/** What a model needs for a bytes of weights, with its context and overhead. */
const MORE = 1.2;

export default function First() {
  const { seen, problem } = useLive();
  const models = useAsk<{ data: readonly ModelView[] }>("/admin/models", { on: ["config"] });
  const keys = useAsk<{ data: readonly KeyView[] }>("/admin/keys", { on: ["keys"] });
  const { data: found, error, again: look } = useAsk<Discovered>("/admin/discover", { by: post });
  const status = seen?.status ?? null;
  const devices = seen?.memory.data ?? [];
  const served = models.data?.data.filter((one) => one.kind === "model") ?? [];
  const users = keys.data?.data.filter((one) => one.role === "user" && one.revoked_at === null) ?? [];
  return (
    <>
      <Heading title="First steps"><Button onClick={look}>Look again</Button></Heading>
      <Problem error={seen === null ? problem : null} />
      <Problem error={error} again={look} />
      <Step number={1} title="This machine">
        <Machine devices={devices} status={status} />
        {found === null ? <p class="quiet waiting">Looking around …</p> : <Engines found={found} />}
      </Step>
      <Step number={2} title="A model">
        {served.length > 0 && <p><Some noun="model" names={served.map((one) => one.name)} /> served.</p>}
        {found !== null && <Models found={found} devices={devices} status={status} again={look} />}
        <p class="quiet">Models of a cloud come with their provider: see <a href={to("providers")}>Providers</a>.</p>
      </Step>
      <Step number={3} title="A key and a client">
        <p>
          {users.length > 0 ? <><Some noun="key" names={users.map(called)} /> made. </> : "Whatever asks a model brings a key. "}
          <a href={to("connect")}>Connect</a> makes one for the program that you use, says what it has to be told, and waits for its first
          request. Or <a href={to("playground")}>talk to a model</a> right here.
        </p>
      </Step>
    </>
  );
}

function Some({ noun, names }: { noun: string; names: readonly string[] }) {
  const more = names.length > 6 ? ` and ${names.length - 5} more` : "";
  return <><Pill tone="good">{many(names.length, noun)}</Pill> ({names.slice(0, more === "" ? 6 : 5).join(", ")}{more})</>;
}

function Machine({ devices, status }: { devices: readonly DeviceView[]; status: Status | null }) {
  const launcher = status?.launchers.find((one) => one.chosen);
  return (
    <>
      <ul class="plain">
        {devices.map((one) => (
          <li key={one.id}>
            <strong>{one.name || one.id}</strong>: {size(one.total)}, of which {size(one.free)} are free for models
            {one.problem !== "" && <span class="quiet"> ({one.problem})</span>}
          </li>
        ))}
      </ul>
      {devices.length > 0 && devices.every((one) => one.id === "host") && (
        <p class="quiet">No accelerator was found: models run on the processor, which is slow for large ones.</p>
      )}
      {launcher !== undefined && <p class="quiet">Engines are started with {launcher.name}{launcher.why !== "" && ` (${launcher.why})`}.</p>}
    </>
  );
}

function Engines({ found }: { found: Discovered }) {
  const engine = ({ name, path, program }: Discovered["engines"][number]) => (
    <li key={name}>
      {path === "" ? <Pill>not here</Pill> : <Pill tone="good">found</Pill>} {name}
      <span class="quiet">: {path || `${program} is not on the path of the server`}</span>
    </li>
  );
  return <><h3>Engines</h3><ul class="plain">{found.engines.map(engine)}</ul></>;
}

function Models({ found, devices, status, again }: { found: Discovered; devices: readonly DeviceView[]; status: Status | null; again: () => void }) {
  const verb = (one: Candidate) => <Button aria-label={`Serve ${one.name}`} onClick={() => serve(one, again)}>Serve</Button>;
  const fit = (one: Candidate) => {
    const [tone, text] = verdict(one, devices, found);
    return <Pill tone={tone}>{text}</Pill>;
  };
  return (
    <>
      <Table
        caption="Models that could be served"
        rows={found.data}
        id={(one) => one.name}
        columns={[
          { title: "Model", cell: (one) => one.name },
          { title: "From", cell: origin, wide: true },
          { title: "Weights", cell: (one) => size(one.size), number: true, wide: true },
          { title: "Fits", cell: fit },
        ]}
        action={useAdmin() && verb}
        empty={<Nothing found={found} status={status} />}
      />
      {found.lines.length > 0 && (
        <>
          <p>These are here too; the configuration file alone may add them:</p>
          <Code label="Lines of the configuration" text={found.lines.join("\n")} />
        </>
      )}
    </>
  );
}

function Nothing({ found, status }: { found: Discovered; status: Status | null }) {
  const file = status?.config_path || "the file that `glowplug config path` names";
  return (
    <Empty title="Nothing was found that is not served already">
      {found.folders.length === 0 ? (
        <>
          <p>No folder of models is declared. Say in {file} where weights are, and they can be added here:</p>
          <Code label="Lines of the configuration" text={"server:\n  model_folders: [~/models]"} />
        </>
      ) : <p>There is no other GGUF file below {found.folders.join(", ")}, and no Ollama, vLLM, SGLang, llama-server or LM Studio answers here.</p>}
    </Empty>
  );
}

function origin(one: Candidate): string {
  return String(one.settings["path"] ?? `${String(one.settings["engine"] ?? one.settings["provider"])}: ${String(one.settings["id"])}`);
}

/** Whether there is room for it, as far as its size says. */
function verdict(one: Candidate, devices: readonly DeviceView[], found: Discovered): readonly [Tone, string] {
  if (one.base_url !== "") return ["good", "runs already"];
  const engine = found.engines.find((each) => each.name === one.settings["engine"]);
  if (engine?.path === "" && engine.name !== "ollama") return ["bad", `no ${engine.program}`];
  if (one.size === null) return ["quiet", "unknown"];
  const needs = one.size * MORE;
  const most = (device: DeviceView) => (device.total ?? 0) - device.reserve - (device.others ?? 0);
  const cards = devices.filter((device) => device.id !== "host");
  const host = devices.filter((device) => device.id === "host");
  if (cards.some((device) => (device.free ?? 0) >= needs)) return ["good", "fits"];
  if (cards.some((device) => most(device) >= needs)) return ["good", "after unloading others"];
  if (host.some((device) => most(device) >= needs)) return cards.length === 0 ? ["good", "fits"] : ["warm", "on the processor"];
  return ["bad", "too large"];
}

/** Add it, and before it the provider that it needs. */
function serve(one: Candidate, again: () => void): void {
  const provider = one.base_url === "" ? "" : String(one.settings["provider"]);
  const name = (form: FormData) => said(form, "name") || one.name;
  const model = (form: FormData) => ({ ...one.settings, name: name(form) });
  const words = Object.entries(one.settings).map(([key, value]) =>
    typeof value === "string" ? `--${key} ${quoted(value)}` : `--set ${quoted(`${key}=${JSON.stringify(value)}`)}`,
  );
  const path = (what: string, called: string) => `/admin/${what}/${called.split("/").map(encodeURIComponent).join("/")}`;
  act<Written>({
    title: `Serve ${one.name}`,
    says: "It is loaded when somebody asks for it, and not before.",
    fields: <Text name="name" label="Name" value={one.name} required help="What clients ask for." />,
    cli: (form) => {
      const first = provider === "" ? "" : `glowplug providers add ${quoted(provider)} --base-url ${quoted(one.base_url)} && `;
      return `${first}glowplug models add ${quoted(name(form))} ${words.join(" ")}`;
    },
    preview: async (form) => {
      if (provider !== "") {
        await ask("POST", at("/admin/providers", { dry_run: true }), { name: provider, base_url: one.base_url });
        return `Adds the provider ${provider} (${one.base_url}) and a model of it.`;
      }
      const { warnings } = await ask<Written>("POST", at("/admin/models", { dry_run: true }), model(form));
      return (
        <>
          <p>Adds the model to the settings that the server keeps beside its configuration file.</p>
          {warnings.map((each) => <p key={each.message}>{each.message}</p>)}
        </>
      );
    },
    run: async (form) => {
      if (provider !== "") await ask("POST", "/admin/providers", { name: provider, base_url: one.base_url });
      return ask<Written>("POST", "/admin/models", model(form));
    },
    verb: "Serve it",
    done: (made) => `${made.name} is served`,
    undo: (made) => async () => {
      await ask("DELETE", path("models", made.name));
      if (provider !== "") await ask("DELETE", path("providers", provider));
    },
    after: again,
  });
}
