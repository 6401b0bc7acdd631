// What the checks found last: looking costs the machine something, so it stays while other pages are looked at.
import { ask } from "../api";
import { shared } from "../shared";
import type { Examination, Looked, Severity } from "../types";

/** The worst first. */
export const ORDER: readonly Severity[] = ["error", "warning", "note"];

export interface Seen {
  /** Unix seconds. */
  at: number;
  checks: readonly Looked[];
}
export const seen = shared<Seen | null>(null);

/** Look at these, or at all that is quick; the rest stays as it was seen. */
export async function look(what: { checks?: readonly string[]; slow?: boolean }): Promise<void> {
  const { checks } = await ask<Examination>("POST", "/admin/doctor/examine", what);
  const names = new Set(checks.map((one) => one.check));
  const before = seen.now()?.checks ?? [];
  seen.set({ at: Date.now() / 1000, checks: [...checks, ...before.filter((one) => !names.has(one.check))] });
}

/** How many findings there are of each severity. */
export function tally({ checks }: Seen): readonly (readonly [Severity, number])[] {
  const found = checks.flatMap((one) => one.findings ?? []);
  return ORDER.map((severity) => [severity, found.filter((one) => one.severity === severity).length]);
}
