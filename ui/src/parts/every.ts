// A whole list, whatever its pages: for names, sums, and lists that are searched where they are shown.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, at, type Rows } from "../api";

export interface Every<T> {
  /** null until they are there. */
  rows: readonly T[] | null;
  error: unknown;
  again: () => void;
}

/** Every row; a null path asks nothing. */
export function useEvery<T>(path: string | null, query: Record<string, string> = {}): Every<T> {
  const [held, setHeld] = useState<{ rows: readonly T[] | null; error: unknown }>({ rows: null, error: null });
  const latest = useRef(0);
  const asked = path === null ? "" : at(path, query);
  const again = useCallback(() => {
    if (asked === "") return;
    const mine = ++latest.current;
    every<T>(asked).then(
      (rows) => mine === latest.current && setHeld({ rows, error: null }),
      (error: unknown) => mine === latest.current && setHeld((old) => ({ ...old, error })),
    );
  }, [asked]);
  useEffect(again, [again]);
  return { ...held, again };
}

async function every<T>(path: string): Promise<readonly T[]> {
  const rows: T[] = [];
  for (let after: string | null = ""; after !== null; ) {
    const page: Rows<T> = await ask<Rows<T>>("GET", after === "" ? path : `${path}${path.includes("?") ? "&" : "?"}after=${encodeURIComponent(after)}`);
    rows.push(...page.data);
    after = page.has_more === true ? (page.next ?? null) : null;
  }
  return rows;
}
