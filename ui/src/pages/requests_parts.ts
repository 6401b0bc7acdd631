// What the list and the drawer of the requests both say.
import type { Tone } from "../parts/basics";
import type { RequestView } from "../types";

export const FAILURES = [
  ["upstream_error", "Upstream error"],
  ["timeout", "Timeout"],
  ["client_gone", "Client gone"],
  ["interrupted", "Interrupted"],
] as const;

export function nameOf(outcome: string): string {
  return outcome === "" ? "in flight" : outcome.replaceAll("_", " ");
}

export function tone(outcome: string): Tone {
  if (outcome === "") return "warm";
  if (outcome === "ok") return "good";
  return outcome === "client_gone" ? "quiet" : "bad";
}

/** When its last attempt ended, as far as is known (Unix seconds). */
export function end(row: RequestView): number {
  return Math.max(row.started, ...row.attempts.map((one) => one.started + one.duration));
}
