// What a change of something that was added would do, or did.
import type { Written } from "../types";
import { yaml } from "./form";

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
