// Dialogs that add, change and take away a provider.
import { ask } from "../api";
import { quoted } from "../format";
import { act } from "../parts/dialog";
import { Area, said, Text } from "../parts/fields";
import { sets } from "../parts/form";
import type { ProviderView, Written } from "../types";

type Settings = Record<string, unknown>;

function where(name: string): string {
  return `/admin/providers/${encodeURIComponent(name)}`;
}

function previewed(written: Written) {
  return (
    <>
      <p>{written.changed.length === 0 ? "Nothing that is served changes." : `Changes: ${written.changed.join(", ")}.`}</p>
      {/* A key that is given with it is not stored yet while it is only previewed. */}
      {written.warnings.filter((one) => !(written.dry_run && one.path.endsWith(".api_key"))).map((one) => (
        <p key={`${one.path} ${one.message}`}>{one.path}: {one.message}. {one.hint}</p>
      ))}
    </>
  );
}

export function add(after: () => void): void {
  const wanted = (form: FormData): Settings => ({
    name: said(form, "name"),
    ...(said(form, "url") === "" ? {} : { base_url: said(form, "url") }),
    ...(said(form, "key") === "" ? {} : { api_key: said(form, "key") }),
  });
  act<Written>({
    title: "Add a provider",
    fields: (
      <>
        <Text name="name" label="Name" required autofocus help="Of the catalogue (groq, openai, anthropic, …), or any other with a URL." />
        <Text name="url" label="URL" placeholder="http://192.168.1.20:8000/v1" help="Empty: the one that the catalogue knows." />
        <Text name="key" label="Key" type="password" autocomplete="off" help="Kept sealed, and shown by nothing. secret:NAME names one that is there already." />
      </>
    ),
    cli: (form) => {
      const [name, url, key] = [said(form, "name"), said(form, "url"), said(form, "key")];
      const named = key.startsWith("secret:") ? ` --secret ${quoted(key.slice(7))}` : key === "" ? "" : " --ask-key";
      return `glowplug providers add ${name === "" ? "NAME" : quoted(name)}${url === "" ? "" : ` --base-url ${quoted(url)}`}${named}`;
    },
    request: (form) => ["POST", "/admin/providers", wanted(form)],
    seen: previewed,
    verb: "Add it",
    done: ({ name }) => `${name} was added`,
    undo: ({ name }) => () => ask("DELETE", where(name)),
    after,
  });
}

/** All settings but the key, which is replaced in a dialog of its own. */
export function change(row: ProviderView, after: () => void): void {
  const { api_key: _key, ...before } = row.settings;
  const wanted = (form: FormData): Settings => {
    const now = JSON.parse(said(form, "settings")) as Settings;
    const gone = Object.keys(before).filter((name) => !(name in now));
    const other = Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]));
    if (other.some(([, value]) => JSON.stringify(value)?.includes('"***"'))) {
      throw new Error("what is hidden (***) would be written as stars; write its value, or secret:NAME");
    }
    // Only what is another goes back: what holds otherwise would be written down, and what is hidden with its stars.
    return { ...Object.fromEntries(other), ...Object.fromEntries(gone.map((name) => [name, null])) };
  };
  const flags = (form: FormData) => {
    try {
      return sets(wanted(form));
    } catch {
      return " --set NAME=VALUE"; // while it is half typed
    }
  };
  act<Written>({
    title: `Change ${row.name}`,
    fields: (
      <Area
        name="settings"
        label="Settings"
        rows={8}
        value={JSON.stringify(before, null, 2)}
        help="As the configuration file has them, in JSON. What is taken out goes back to what holds otherwise."
      />
    ),
    cli: (form) => `glowplug providers change ${quoted(row.name)}${flags(form)}`,
    request: (form) => ["PATCH", where(row.name), wanted(form)],
    seen: previewed,
    verb: "Change it",
    done: () => `${row.name} was changed`,
    after,
  });
}

export function key(row: ProviderView, after: () => void): void {
  act<Written>({
    title: `Replace the key of ${row.name}`,
    says: <p>The next request goes out with the new one. The old one is not kept, so there is no way back but to give it again.</p>,
    fields: <Text name="key" label="New key" type="password" autocomplete="off" required autofocus help="Kept sealed, and shown by nothing." />,
    cli: () => `glowplug secrets set ${quoted(`providers/${row.name}`)}`,
    request: (form) => ["PATCH", where(row.name), { api_key: said(form, "key") }],
    seen: previewed,
    verb: "Replace it",
    done: () => `${row.name} has a new key`,
    after,
  });
}

export function remove(row: ProviderView, after: () => void): void {
  act<Written>({
    title: `Remove ${row.name}`,
    says: <p>Its stored key is forgotten, too. Refused while models of it are left.</p>,
    cli: () => `glowplug providers remove ${quoted(row.name)}`,
    request: () => ["DELETE", where(row.name)],
    seen: previewed,
    verb: "Remove it",
    danger: true,
    done: () => `${row.name} was removed`,
    after,
  });
}
