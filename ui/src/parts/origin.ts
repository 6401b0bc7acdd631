// The configuration in force as rows: each value, and where it is from.
import type { Origin, Shown } from "../types";

export interface Leaf {
  /** The dotted path, as messages about the configuration have it. */
  path: string;
  section: string;
  value: unknown;
  origin: Origin;
}

/** Where a value is from, in words. */
export function from(origin: Origin): string {
  const places: Record<string, string> = {
    file: `line ${origin.line}`,
    managed: `added here (managed.yaml line ${origin.line})`,
    environment: "the environment",
  };
  const parts = [places[origin.kind] ?? origin.kind];
  if (origin.variables.length > 0) parts.push(origin.variables.join(", "));
  if (origin.inherited !== "") parts.push(`from ${origin.inherited}`);
  return parts.join(", ");
}

export function leavesOf(shown: Shown): Leaf[] {
  const found: Leaf[] = [];
  const walk = (value: unknown, path: string, section: string) => {
    const origin = shown.sources[path];
    if (origin !== undefined) found.push({ path, section, value, origin });
    else if (value !== null && typeof value === "object") {
      for (const [name, child] of Object.entries(value)) walk(child, dotted(path, name), section === "" ? name : section);
    }
  };
  walk(shown.tree, "", "");
  return found;
}

/** As `dotted` of the configuration's reader writes a path. */
export function dotted(path: string, name: string): string {
  if (name !== "" && /^[A-Za-z0-9_/:@-]+$/.test(name)) return path === "" ? name : `${path}.${name}`;
  const clean = [...name.slice(0, 81)].map((one) => (/[\p{C}"]/u.test(one) ? "?" : one)).join("");
  return `${path}["${clean.length <= 80 ? clean : `${clean.slice(0, 80)}…`}"]`;
}

export function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  return typeof value === "string" ? value : JSON.stringify(value);
}
