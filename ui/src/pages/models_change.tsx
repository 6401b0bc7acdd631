// Models that are kept beside the configuration file: add, change, remove.
import { ask } from "../api";
import { quoted } from "../format";
import { Code } from "../parts/basics";
import { act, show } from "../parts/dialog";
import { Area, Select, Text } from "../parts/fields";
import { sets, settingsOf, word, yaml } from "../parts/form";
import { Changed, changes, takeAway } from "../parts/written";
import { go, to } from "../router";
import type { EntryView, ProviderView, Written } from "../types";
import { toastError } from "../parts/toast";

const PATH = "/admin/models";
const SETTINGS_HELP = "name = value, one a line; options.ctx_size = 8192, rpm = 60, pinned = true. Everything that docs/config.md has.";

export function add(after: () => void): void {
  void ask<{ data: readonly ProviderView[] }>("GET", "/admin/providers").then(({ data }) => adding(data, after), toastError);
}

function adding(providers: readonly ProviderView[], after: () => void): void {
  const settings = (form: FormData) => {
    const found: Record<string, unknown> = {};
    for (const name of ["provider", "engine", "id", "path"]) if (word(form, name) !== "") found[name] = word(form, name);
    return { ...found, ...settingsOf(word(form, "settings")) };
  };
  const body = (form: FormData) => ({ name: word(form, "name"), ...settings(form) });
  act<Written>({
    title: "Add a model",
    verb: "Add",
    says: (
      <p>
        Of a provider, or with an engine of this machine; <a href={to("first")}>First steps</a> finds what is here already.
      </p>
    ),
    fields: (
      <>
        <Text name="name" label="Name" required autofocus placeholder="chat-qwen3-8b-lab" help="What clients will ask for." />
        <Select name="provider" label="Provider" options={[["", "none: an engine of this machine"], ...providers.map((one) => one.name)]} />
        <Text name="id" label="Its name there" placeholder="qwen3-8b" help="What the provider, or an engine that loads by name, calls it." />
        <Select name="engine" label="Engine" options={[["", "none: a provider serves it"], "llamacpp", "vllm", "sglang", "ollama"]} />
        <Text name="path" label="Its weights" placeholder="/models/hermes-3.gguf" help="A file or a folder below one of the server’s model_folders." />
        <Area name="settings" label="Other settings" rows={2} help={SETTINGS_HELP} />
      </>
    ),
    cli: (form) => {
      const { provider, id, engine, path, ...rest } = settings(form) as Record<string, unknown>;
      const flag = (name: string, value: unknown) => (value === undefined ? "" : ` --${name} ${quoted(String(value))}`);
      return `glowplug models add ${quoted(word(form, "name") || "NAME")}${flag("provider", provider)}${flag("id", id)}${flag("engine", engine)}${flag("path", path)}${sets(rest)}`;
    },
    preview: async (form) => <Changed written={await ask<Written>("POST", `${PATH}?dry_run=1`, body(form))} />,
    run: (form) => ask<Written>("POST", PATH, body(form)),
    done: ({ name }) => `${name} is served`,
    undo: ({ name }) => () => ask("DELETE", `${PATH}/${name}`).then(after),
    after,
  });
}

export function change(entry: EntryView, after: () => void): void {
  const { name } = entry;
  if (entry.source !== "managed") {
    show(`Change ${name}`, () => (
      <>
        <p>
          {name} is in the configuration file, so it is changed there; <a href={to("config", { view: "file" })}>Config</a> does that with a
          preview. As it is now:
        </p>
        <Code label="Lines of the configuration" text={yaml("models", name, entry.settings)} />
      </>
    ));
    return;
  }
  act<Written>({
    title: `Change ${name}`,
    fields: <Area name="settings" label="Settings to change" rows={4} help={`${SETTINGS_HELP} null takes one away.`} />,
    ...changes({ section: "models", name, after }, (form) => whole(entry, settingsOf(word(form, "settings")))),
  });
}

/** Change these settings, after a look at what it does. */
export function settle({ name }: EntryView, settings: Record<string, unknown>, after: () => void): void {
  act<Written>({ title: `Change ${name}`, ...changes({ section: "models", name, after }, () => settings) });
}

/** Options are one setting: those that are not named stay. */
function whole(entry: EntryView, said: Record<string, unknown>): Record<string, unknown> {
  if (said["options"] === undefined || said["options"] === null) return said;
  const before = (entry.settings["options"] ?? {}) as Record<string, unknown>;
  const options = Object.entries({ ...before, ...(said["options"] as Record<string, unknown>) }).filter(([, value]) => value !== null);
  return { ...said, options: Object.fromEntries(options) };
}

export function remove({ name }: EntryView, after: () => void): void {
  takeAway({ section: "models", name, after }, `Clients that ask for ${name} are told that there is no such model. What it was used for stays in Usage.`, () => go(to("models")));
}
