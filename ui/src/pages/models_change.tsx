// Models that are kept beside the configuration file: add, change.
import { ask } from "../api";
import { quoted } from "../format";
import { act } from "../parts/dialog";
import { Area, said, Select, Text } from "../parts/fields";
import { sets, settingsOf } from "../parts/form";
import { toastError } from "../parts/toast";
import { adds, change, type Kept } from "../parts/written";
import { to } from "../router";
import type { EntryView, ProviderView, Written } from "../types";

type Settings = Record<string, unknown>;

const HELP = "name = value, one a line; options.ctx_size = 8192, rpm = 60, pinned = true. Everything that docs/config.md has.";
const NAMED = ["provider", "engine", "id", "path"] as const;

export function add(after: () => void): void {
  ask<{ data: readonly ProviderView[] }>("GET", "/admin/providers").then(({ data }) => adding(data, after), toastError);
}

function adding(providers: readonly ProviderView[], after: () => void): void {
  const named = (form: FormData) => NAMED.map((name) => [name, said(form, name)] as const).filter(([, value]) => value !== "");
  const others = (form: FormData) => settingsOf(said(form, "settings"));
  act<Written>({
    title: "Add a model",
    says: <p>Of a provider, or with an engine of this machine; <a href={to("first")}>First steps</a> finds what is here already.</p>,
    fields: (
      <>
        <Text name="name" label="Name" required autofocus placeholder="chat-qwen3-8b-lab" help="What clients will ask for." />
        <Select name="provider" label="Provider" options={[["", "none: an engine of this machine"], ...providers.map((one) => one.name)]} />
        <Text name="id" label="Its name there" placeholder="qwen3-8b" help="What the provider, or an engine that loads by name, calls it." />
        <Select name="engine" label="Engine" options={[["", "none: a provider serves it"], "llamacpp", "vllm", "sglang", "ollama"]} />
        <Text name="path" label="Its weights" placeholder="/models/hermes-3.gguf" help="A file or a folder below one of the server’s model_folders." />
        <Area name="settings" label="Other settings" rows={2} help={HELP} />
      </>
    ),
    cli: (form) => {
      const flags = named(form).map(([name, value]) => ` --${name} ${quoted(value)}`);
      return `glowplug models add ${quoted(said(form, "name") || "NAME")}${flags.join("")}${sets(others(form))}`;
    },
    ...adds("models", (form) => ({ name: said(form, "name"), ...Object.fromEntries(named(form)), ...others(form) }), after),
  });
}

/** Settings that a person types. */
export function edit(kept: Kept, { settings: lines }: EntryView): void {
  const fields = <Area name="settings" label="Settings to change" rows={4} help={`${HELP} null takes one away.`} />;
  change(kept, { lines, fields, said: (form) => whole(lines, settingsOf(said(form, "settings"))) });
}

/** These options beside those that it has. */
export function keep(kept: Kept, { settings }: EntryView, options: Settings): void {
  const lines = whole(settings, { options });
  change(kept, { lines, said: () => lines });
}

/** Options are one setting: those that are not named stay, and null takes one away. */
function whole(before: Settings, next: Settings): Settings {
  if (next["options"] === undefined || next["options"] === null) return next;
  const options = { ...(before["options"] as Settings | undefined), ...(next["options"] as Settings) };
  return { ...next, options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null)) };
}
