// Lists that a page needs whole: names for its filters, sums for its chart.
import { useEffect, useState } from "preact/hooks";
import { ask, type Rows } from "../api";
import { useAsk } from "../hooks";
import type { KeyView, ModelView } from "../types";
import type { Option } from "./fields";

/** Pages of a list that are asked for at most. */
const MOST = 10;

/** Every row of a list, whatever its pages; null until they are there. */
export function useAll<T>(path: string): { rows: readonly T[] | null; error: unknown } {
  const [held, setHeld] = useState<{ rows: readonly T[] | null; error: unknown }>({ rows: null, error: null });
  useEffect(() => {
    let over = false;
    const look = async () => {
      const rows: T[] = [];
      let after = "";
      for (let page = 0; page < MOST; page++) {
        const part = await ask<Rows<T>>("GET", after === "" ? path : `${path}&after=${encodeURIComponent(after)}`);
        rows.push(...part.data);
        if (!part.next) break;
        after = part.next;
      }
      if (!over) setHeld({ rows, error: null });
    };
    look().catch((error: unknown) => over || setHeld((old) => ({ ...old, error })));
    return () => void (over = true);
  }, [path]);
  return held;
}

/** Keys by id, and as choices of a filter. */
export function useKeys(): { byId: ReadonlyMap<string, KeyView>; options: readonly Option[] } {
  const keys = useAsk<Rows<KeyView>>("/admin/keys").data?.data ?? [];
  return {
    byId: new Map(keys.map((key) => [key.id, key])),
    options: [["", "Any key"], ...keys.map((key): Option => [key.id, key.name || key.display || key.id])],
  };
}

/** Models, and models with aliases, as choices of a filter. */
export function useModels(): { models: readonly Option[]; names: readonly Option[] } {
  const rows = useAsk<Rows<ModelView>>("/admin/models").data?.data ?? [];
  return {
    models: [["", "Any model"], ...rows.filter((row) => row.kind === "model").map((row) => row.name)],
    names: [["", "Any name"], ...rows.map((row) => row.name)],
  };
}
