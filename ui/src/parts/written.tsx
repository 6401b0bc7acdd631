// What a change of something that was added would do, or did.
import { ask, at } from "../api";
import { quoted } from "../format";
import { act } from "./dialog";
import { sets, yaml } from "./form";
import type { Written } from "../types";

/** The settings of an entry as they were written, without what it inherits: what an undo puts back. */
export async function asWritten(path: string): Promise<Record<string, unknown>> {
  return (await ask<Written>("PATCH", at(path, { dry_run: true }), {})).settings ?? {};
}

export function Changed({ written }: { written: Written }) {
  const { changed, warnings, settings, section, name } = written;
  return (
    <>
      {settings === null ? (
        <p>{name} is taken away, at once.</p>
      ) : (
        <>
          <p>In force at once, and after a restart:</p>
          <pre class="diff">{yaml(section, name, settings)}</pre>
        </>
      )}
      {changed.length > 0 && <p class="quiet">Not what it was: {changed.join(", ")}.</p>}
      {warnings.map((one) => (
        <p key={one.path} class="bad">
          {one.path} {one.message}
          {one.hint !== "" && `: ${one.hint}`}
        </p>
      ))}
    </>
  );
}

export interface Kept {
  section: "aliases" | "models" | "providers";
  name: string;
  /** To ask anew. */
  after: () => void;
}

/** What a dialog that changes an entry has in common: the look at it, the doing, and putting it back. */
export function changes({ section, name, after }: Kept, said: (form: FormData) => Record<string, unknown>, cli?: (form: FormData) => string) {
  const path = `/admin/${section}/${name}`;
  let old: Record<string, unknown> = {};
  return {
    cli: cli ?? ((form: FormData) => `glowplug ${section} change ${quoted(name)}${sets(said(form))}`),
    preview: async (form: FormData) => <Changed written={await ask<Written>("PATCH", at(path, { dry_run: true }), said(form))} />,
    run: async (form: FormData) => {
      const next = said(form);
      const before = await asWritten(path);
      old = Object.fromEntries(Object.keys(next).map((key) => [key, before[key] ?? null]));
      return ask<Written>("PATCH", path, next);
    },
    verb: "Save",
    done: () => `${name} was changed`,
    undo: () => () => ask("PATCH", path, old).then(after),
    after,
  };
}

/** Take an entry away, after a look at what that does. */
export function takeAway({ section, name, after }: Kept, says: string, gone: () => void = () => undefined): void {
  const path = `/admin/${section}/${name}`;
  let old: Record<string, unknown> = {};
  act<Written>({
    title: `Remove ${name}`,
    verb: "Remove",
    danger: true,
    says: <p>{says}</p>,
    cli: () => `glowplug ${section} remove ${quoted(name)}`,
    preview: async () => <Changed written={await ask<Written>("DELETE", at(path, { dry_run: true }))} />,
    run: async () => {
      old = await asWritten(path);
      return ask<Written>("DELETE", path);
    },
    done: () => `${name} is gone`,
    undo: () => () => ask("POST", `/admin/${section}`, { name, ...old }).then(after),
    after: () => (after(), gone()),
  });
}
