// What is said of keys, people and teams in several places.
import { ask, type Rows } from "../api";
import { count, quoted } from "../format";
import type { Tone } from "../parts/basics";
import type { BudgetView, KeyView, UsageSum } from "../types";

export type Stands = "good" | "unused" | "ending" | "blocked" | "expired" | "revoked";
export const TONES: Record<Stands, Tone> = { good: "good", unused: "quiet", ending: "warm", blocked: "bad", expired: "quiet", revoked: "quiet" };
const SOON = 7 * 86_400;

export function stands(key: KeyView, now: number): Stands {
  if (key.revoked_at !== null) return "revoked";
  if (key.expires_at !== null && key.expires_at <= now) return "expired";
  if (key.blocked_at !== null) return "blocked";
  if (key.expires_at !== null && key.expires_at - now < SOON) return "ending";
  return key.last_used_at === null ? "unused" : "good";
}

export function over(key: KeyView, now: number): boolean {
  return ["revoked", "expired"].includes(stands(key, now));
}

/** The id that budgets and usage of a key go by: that of the first one it replaces. */
export function identity(key: KeyView, keys: readonly KeyView[]): string {
  let id = key.id;
  const seen = new Set([id]);
  for (let one: KeyView | undefined = key; one !== undefined && one.replaces !== "" && !seen.has(one.replaces); ) {
    id = one.replaces;
    seen.add(id);
    one = keys.find((other) => other.id === id);
  }
  return id;
}

/** Days that spend is added up over. */
export const DAYS = 30;

export function since(): string {
  return new Date(Date.now() - (DAYS - 1) * 86_400_000).toISOString().slice(0, 10);
}

export function spent(sums: readonly UsageSum[] | null, by: "key" | "user" | "team", id: string): number | null {
  return sums === null ? null : sums.filter((sum) => sum[by] === id).reduce((whole, sum) => whole + sum.cost, 0);
}

/** `20/month`, as the API and the command take it. */
export function written(budget: Pick<BudgetView, "amount" | "window" | "seconds">): string {
  const dollars = (budget.amount / 1e9).toFixed(9).replace(/\.?0+$/, "");
  return `${dollars}/${budget.window === "rolling" ? `${budget.seconds}s` : budget.window}`;
}

/** Its limits in words; empty where it has none. */
export function limitsOf(one: KeyView): string {
  const said = [
    one.rpm !== null && `${count(one.rpm)} requests/min`,
    one.tpm !== null && `${count(one.tpm)} tokens/min`,
    one.concurrency !== null && `${one.concurrency} at once`,
  ];
  return said.filter(Boolean).join(", ");
}

export async function budgetsOf(scope: string, name: string): Promise<readonly BudgetView[]> {
  const { data } = await ask<Rows<BudgetView>>("GET", "/admin/budgets");
  return data.filter((one) => one.scope === scope && one.name === name);
}

/** What is sent. */
export type Wanted = Record<string, unknown>;

/** Of something new: what differs from one of which nothing is said. */
export function saying(wanted: Wanted, usual: Wanted): Wanted {
  const says = (value: unknown) => (Array.isArray(value) ? value.length > 0 : value !== "" && value !== null && value !== false);
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => says(value) && value !== usual[name]));
}

/** The options of the command. */
export function options(wanted: Wanted): string {
  return Object.entries(wanted)
    .flatMap(([name, value]): readonly string[] => {
      if (name === "expires_in") return [`--expires ${value === null ? "-1" : `${value as number}s`}`];
      if (name === "tags" && Array.isArray(value)) return value.length === 0 ? ['--tag ""'] : value.map((tag) => `--tag ${quoted(tag)}`);
      if (typeof value === "boolean") return value ? [`--${name.replaceAll("_", "-")}`] : [];
      if (Array.isArray(value)) return [`--${name} ${value.length === 0 ? '""' : quoted(value.join(","))}`];
      return [`--${name} ${value === "" ? '""' : value === null ? "0" : quoted(String(value))}`];
    })
    .map((option) => ` ${option}`)
    .join("");
}

/** Of `values` those that are others at what is there. */
export function differing(values: Wanted, there: object): Wanted {
  const before = there as Wanted;
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => !alike(value, before[name])));
}

/** Lists of names are alike in any order. */
function alike(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  return one.length === other.length && one.every((name) => other.includes(name));
}
