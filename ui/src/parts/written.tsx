// Entries of the configuration that are kept beside its file: adding, changing and taking away, each after a look.
import type { ComponentChildren } from "preact";
import { ask, at } from "../api";
import { quoted } from "../format";
import { to } from "../router";
import type { Written } from "../types";
import { Code } from "./basics";
import { act, once, show } from "./dialog";
import { sets, yaml } from "./form";

type Settings = Record<string, unknown>;

export interface Kept {
  section: "aliases" | "models";
  name: string;
  /** Kept beside the file; what is in the file is changed there. */
  managed: boolean;
  /** To ask anew. */
  after?: () => void;
}

/** What a change would do, or did. */
function seen({ changed, warnings, settings, section, name }: Written) {
  return (
    <>
      <p>{settings === null ? `${name} is taken away, at once.` : "In force at once, and after a restart:"}</p>
      {settings !== null && <pre class="diff">{yaml(section, name, settings)}</pre>}
      {changed.length > 0 && <p class="quiet">Not what it was: {changed.join(", ")}.</p>}
      {warnings.map((one) => <p key={one.path} class="bad">{`${one.path} ${one.message}. ${one.hint}`}</p>)}
    </>
  );
}

/** The settings as they were written, without what is inherited: what an undo puts back. */
async function asWritten(path: string): Promise<Settings> {
  return (await ask<Written>("PATCH", at(path, { dry_run: true }), {})).settings ?? {};
}

/** What a dialog that adds an entry has in common. */
export function adds(section: Kept["section"], said: (form: FormData) => Settings, after: () => void) {
  return {
    ...once<Written>((form) => ["POST", `/admin/${section}`, said(form)], seen),
    verb: "Add",
    done: ({ name }: Written) => `${name} is served`,
    undo: ({ name }: Written) => () => ask("DELETE", `/admin/${section}/${name}`),
    after,
  };
}

/** The same of one that changes an entry. */
function changes({ section, name, after = () => undefined }: Kept, said: (form: FormData) => Settings) {
  const path = `/admin/${section}/${name}`;
  const { preview, run } = once<Written>((form) => ["PATCH", path, said(form)], seen);
  let old: Settings = {};
  return {
    cli: (form: FormData) => `glowplug ${section} change ${quoted(name)}${sets(said(form))}`,
    preview,
    run: async (form: FormData) => {
      const before = await asWritten(path);
      old = Object.fromEntries(Object.keys(said(form)).map((key) => [key, before[key] ?? null]));
      return run(form);
    },
    verb: "Save",
    done: () => `${name} was changed`,
    undo: () => () => ask("PATCH", path, old),
    after,
  };
}

interface Change {
  title?: string;
  says?: ComponentChildren;
  fields?: ComponentChildren;
  /** What is sent, as the fields say it. */
  said: (form: FormData) => Settings;
  cli?: (form: FormData) => string;
  /** What the lines for the file say, where it is in the file. */
  lines: Settings;
}

/** Change an entry after a look; of what is in the file the lines are shown instead. */
export function change(kept: Kept, { title = `Change ${kept.name}`, says, lines, said, ...more }: Change): void {
  const { section, name, managed } = kept;
  if (managed) return act<Written>({ title, says, ...changes(kept, said), ...more });
  return show(title, () => (
    <>
      {says}
      <p>
        {name} is in the configuration file, so it is changed there; <a href={to("config", { view: "file" })}>Config</a> does that with a preview:
      </p>
      <Code label="Lines of the configuration" text={yaml(section, name, lines)} />
    </>
  ));
}

/** Take an entry away, after a look at what that does. */
export function takeAway({ section, name, after = () => undefined }: Kept, says: string): void {
  const path = `/admin/${section}/${name}`;
  const { preview, run } = once<Written>(() => ["DELETE", path], seen);
  let old: Settings = {};
  act<Written>({
    title: `Remove ${name}`,
    verb: "Remove",
    danger: true,
    says: <p>{says}</p>,
    cli: () => `glowplug ${section} remove ${quoted(name)}`,
    preview,
    run: async (form) => {
      old = await asWritten(path);
      return run(form);
    },
    done: () => `${name} is gone`,
    undo: () => () => ask("POST", `/admin/${section}`, { name, ...old }),
    after,
  });
}
