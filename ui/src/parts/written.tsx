// What a change of something that was added would do, or did.
import { ask, at } from "../api";
import type { Written } from "../types";
import { yaml } from "./form";

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
      {changed.length === 0 && settings !== null && <p class="quiet">That is what is in force already.</p>}
      {warnings.map((one) => (
        <p key={one.path} class="bad">
          {one.path} {one.message}
          {one.hint !== "" && `: ${one.hint}`}
        </p>
      ))}
    </>
  );
}
