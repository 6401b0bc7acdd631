// What the parts of the page have in common: problems with their lines, and what a reload would do.
import { Button } from "../parts/basics";
import { count } from "../format";
import { Prose } from "../parts/prose";
import type { ProblemView, Reloaded } from "../types";
import "./config.css";

/** What a reload would do, where the server says more than names. */
export type Planned = Reloaded & {
  restarts?: readonly string[];
  adds?: readonly string[];
  removes?: readonly string[];
  needs_new_process?: readonly string[];
};

interface ProblemsProps {
  rows: readonly ProblemView[];
  /** Goes to a line of the file. */
  go?: (line: number) => void;
  warnings?: boolean;
}

export function Problems({ rows, go, warnings = false }: ProblemsProps) {
  if (rows.length === 0) return null;
  return (
    <ul class={warnings ? "problems warnings" : "problems"} aria-label={warnings ? "Warnings" : "Problems"}>
      {rows.map((one) => (
        <li key={`${one.file}${one.line}${one.path}${one.message}`}>
          {one.line > 0 && go !== undefined && one.file === "" && <Button onClick={() => go(one.line)}>Line {one.line}</Button>}
          {one.line > 0 && (go === undefined || one.file !== "") && <strong>{`${one.file} line ${one.line} `}</strong>}
          {one.path !== "" && <code>{one.path}</code>} <Prose text={one.message} />
          {one.hint !== "" && <span class="quiet"> (<Prose text={one.hint} />)</span>}
        </li>
      ))}
    </ul>
  );
}

/** What is changed by putting the file in force. */
export function Plan({ plan }: { plan: Planned }) {
  const said: readonly (readonly [what: string, names: readonly string[]])[] = [
    ["comes", plan.adds ?? []],
    ["goes", plan.removes ?? []],
    ["is started anew, after the requests it has", plan.restarts ?? []],
    ["is changed only when Glowplug itself is started anew", plan.needs_new_process ?? []],
  ];
  const named = new Set(said.flatMap(([, names]) => names));
  const rest = plan.changed.filter((name) => !named.has(name) && !named.has(name.replace(/^server\./, "")));
  if (plan.changed.length === 0) return <p>Nothing that is in force changes.</p>;
  return (
    <>
      <p>{plan.changed.length === 1 ? "One thing changes:" : `${count(plan.changed.length)} things change:`}</p>
      <ul class="plan">
        {[...said, ["is changed", rest] as const].flatMap(([what, names]) =>
          names.map((name) => <li key={what + name}><strong>{name}</strong> {what}</li>),
        )}
      </ul>
      <Problems rows={plan.warnings} warnings />
    </>
  );
}
