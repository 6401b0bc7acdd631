// A whole list, whatever its pages: for names, sums, and lists that are searched where they are shown.
import { ask, at, type Rows } from "../api";
import { useAsk, type Asked } from "../hooks";
import type { KeyView, ModelView, UserView } from "../types";
import type { Option } from "./fields";

/** `rows` is its `data`: null until they are there. */
export interface Every<T> extends Asked<readonly T[]> {
  rows: readonly T[] | null;
}

/** Every row; a null path asks nothing. */
export function useEvery<T>(path: string | null, query: Record<string, string | number> = {}): Every<T> {
  const asked = useAsk<readonly T[]>(path === null ? null : at(path, query), { by: every });
  return { ...asked, rows: asked.data };
}

async function every<T>(path: string): Promise<readonly T[]> {
  const rows: T[] = [];
  for (let after: string | null = ""; after !== null; ) {
    const place = after === "" ? "" : `${path.includes("?") ? "&" : "?"}after=${encodeURIComponent(after)}`;
    const page: Rows<T> = await ask<Rows<T>>("GET", path + place);
    rows.push(...page.data);
    after = page.has_more === true ? (page.next ?? null) : null;
  }
  return rows;
}

interface Named {
  id: string;
  name?: string;
  email?: string;
  display?: string;
}

/** What a key, a person or a team is called. */
export function called(one: Named): string {
  return one.name || one.email || one.display || one.id;
}

/** As choices. */
export function choices(rows: readonly Named[] | null): readonly Option[] {
  return (rows ?? []).map((row) => [row.id, called(row)]);
}

/** The name of a person or a key by its id; the id where there is none. */
export type Names = (id: string) => string;

export function useNames(reads: boolean): Names {
  const users = useEvery<UserView>(reads ? "/admin/users" : null).rows;
  const keys = useEvery<KeyView>(reads ? "/admin/keys" : null).rows;
  return (id) => {
    const user = users?.find((one) => one.id === id);
    const key = keys?.find((one) => one.id === id);
    return user !== undefined ? called(user) : key?.name ? `key ${key.name}` : id;
  };
}

/** Keys by id, and as choices of a filter. */
export function useKeys(): { byId: ReadonlyMap<string, KeyView>; options: readonly Option[] } {
  const keys = useEvery<KeyView>("/admin/keys").rows ?? [];
  return {
    byId: new Map(keys.map((key) => [key.id, key])),
    options: [["", "Any key"], ...choices(keys)],
  };
}

/** Models, and models with aliases, as choices of a filter. */
export function useModels(): { models: readonly Option[]; names: readonly Option[] } {
  const rows = useEvery<ModelView>("/admin/models").rows ?? [];
  return {
    models: [["", "Any model"], ...rows.filter((row) => row.kind === "model").map((row) => row.name)],
    names: [["", "Any name"], ...rows.map((row) => row.name)],
  };
}
