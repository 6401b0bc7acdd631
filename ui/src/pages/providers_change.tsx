// Providers that are kept beside the configuration file: add, change, remove, a new key, a test.
import { ask } from "../api";
import { quoted } from "../format";
import { Cli, Code } from "../parts/basics";
import { act, show } from "../parts/dialog";
import { Area, Text } from "../parts/fields";
import { sets, settingsOf, word, yaml } from "../parts/form";
import { Changed, changes, takeAway } from "../parts/written";
import { to } from "../router";
import type { CredentialView, ProviderView, Written } from "../types";

const PATH = "/admin/providers";
const HELP = "name = value, one a line: first_byte_timeout = 5m, quirks = [\"+no-stream-options\"].";

export function add(after: () => void): void {
  const said = (form: FormData) => {
    const url = word(form, "base_url");
    return { ...(url === "" ? {} : { base_url: url }), ...settingsOf(word(form, "settings")) };
  };
  const body = (form: FormData) => ({ name: word(form, "name"), ...said(form), ...(word(form, "api_key") === "" ? {} : { api_key: word(form, "api_key") }) });
  act<Written>({
    title: "Add a provider",
    verb: "Add",
    says: (
      <p>
        A name of the catalogue (<code>groq</code>, <code>openai</code>, <code>anthropic</code> …) brings its address along; any other needs one.
      </p>
    ),
    fields: (
      <>
        <Text name="name" label="Name" required autofocus placeholder="groq" />
        <Text name="base_url" label="Address" placeholder="http://192.168.1.20:8000/v1" help="Up to and including the version; empty for one of the catalogue." />
        <Text name="api_key" label="Key" type="password" autocomplete="off" help="Kept sealed and shown by nothing; secret:NAME for one that is stored, empty for none." />
        <Area name="settings" label="Other settings" rows={2} help={HELP} />
      </>
    ),
    cli: (form) => {
      const { base_url: url, ...rest } = said(form) as Record<string, unknown>;
      const key = word(form, "api_key");
      const how = key === "" ? "" : key.startsWith("secret:") ? ` --secret ${quoted(key.slice(7))}` : " --ask-key";
      return `glowplug providers add ${quoted(word(form, "name") || "NAME")}${url === undefined ? "" : ` --base-url ${quoted(String(url))}`}${how}${sets(rest)}`;
    },
    preview: async (form) => <Changed written={await ask<Written>("POST", `${PATH}?dry_run=1`, body(form))} />,
    run: (form) => ask<Written>("POST", PATH, body(form)),
    done: ({ name }) => `${name} can be used`,
    undo: ({ name }) => () => ask("DELETE", `${PATH}/${name}`).then(after),
    after,
  });
}

export function change(row: ProviderView, after: () => void): void {
  const { name } = row;
  if (row.source !== "managed") {
    show(`Change ${name}`, () => (
      <>
        <p>
          {name} is in the configuration file, so it is changed there; <a href={to("config", { view: "file" })}>Config</a> does that with a
          preview. As it is now:
        </p>
        <Code label="Lines of the configuration" text={yaml("providers", name, row.settings)} />
      </>
    ));
    return;
  }
  const said = (form: FormData) => {
    const url = word(form, "base_url");
    return { ...(url === "" || url === row.settings["base_url"] ? {} : { base_url: url }), ...settingsOf(word(form, "settings")) };
  };
  act<Written>({
    title: `Change ${name}`,
    fields: (
      <>
        <Text name="base_url" label="Address" value={String(row.settings["base_url"] ?? "")} />
        <Area name="settings" label="Other settings to change" rows={3} help={`${HELP} null takes one away.`} />
      </>
    ),
    ...changes({ section: "providers", name, after }, said),
  });
}

/** A new key in the place of the old one, which nothing can show: so there is no way back. */
export function setKey({ name }: ProviderView, sealed: string, after: () => void): void {
  const secret = sealed === "" ? `providers/${name}` : sealed;
  const put = (form: FormData, dry: boolean) => ask<CredentialView>("PUT", `/admin/credentials${dry ? "?dry_run=1" : ""}`, { name: secret, value: word(form, "value") });
  act<unknown>({
    title: `Set the key of ${name}`,
    verb: "Set",
    says: <p>It is sealed and holds at once, for the next request. The key that is there now cannot be had back.</p>,
    fields: <Text name="value" label="Key" type="password" autocomplete="off" required autofocus />,
    cli: () => `glowplug secrets set ${quoted(secret)}`,
    preview: async (form) => {
      const { used_by } = await put(form, true);
      return <p>Stored as {secret}; used by {used_by.length === 0 ? `providers.${name}.api_key` : used_by.join(", ")}.</p>;
    },
    run: async (form) => {
      await put(form, false);
      if (sealed === "") await ask("PATCH", `${PATH}/${name}`, { api_key: `secret:${secret}` });
    },
    done: () => `${name} has its new key`,
    after,
  });
}

/** Only a real request shows that a provider answers; it may cost something, so a person sends it. */
export function test({ name, models }: ProviderView): void {
  show(`Test ${name}`, (close) => (
    <>
      <p>A real request shows that it answers. It may cost a little.</p>
      <ul>
        {models.slice(0, 12).map((model) => (
          <li key={model}>
            <a href={to("playground", { models: model })} onClick={close}>
              Talk to {model}
            </a>
          </li>
        ))}
      </ul>
      <p class="quiet">Or all that its models promise:</p>
      <Cli line={`glowplug smoke ${models.slice(0, 12).map(quoted).join(" ")}`} />
    </>
  ));
}

export function remove({ name, models }: ProviderView, after: () => void): void {
  const used = models.length === 0 ? "Nothing is served by it." : `It serves ${models.join(", ")}: they are to be removed first.`;
  takeAway({ section: "providers", name, after }, `${used} Its key is forgotten, and an undo does not bring that back.`);
}
