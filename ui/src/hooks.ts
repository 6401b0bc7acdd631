// How a page asks: what it had stays while it asks again.
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import { ask, at, type Rows } from "./api";
import { useEvents, type Kind } from "./live";
import { usePlace } from "./router";
import type { Me } from "./types";

/** Who is logged in, for everything within the shell. */
export const Who = createContext<Me | null>(null);
export const useMe = (): Me => useContext(Who) as Me;
export const useAdmin = (): boolean => useMe().role === "admin";

export interface Asked<T> {
  data: T | null;
  error: unknown;
  loading: boolean;
  again: () => void;
}
interface Often {
  /** Milliseconds between one time and the next. */
  every?: number;
  /** Also after events of these kinds. */
  on?: readonly Kind[];
  /** How, where it is no single GET. */
  by?: (path: string) => Promise<unknown>;
}
/** For what looks at something, which no address holds. */
export const post = (path: string): Promise<unknown> => ask("POST", path);
const get = (path: string): Promise<unknown> => ask("GET", path);
const NEVER: readonly Kind[] = [];

/** What is answered; a null path asks nothing. */
export function useAsk<T>(path: string | null, { every, on = NEVER, by = get }: Often = {}): Asked<T> {
  const [held, setHeld] = useState<Omit<Asked<T>, "again">>({ data: null, error: null, loading: path !== null });
  const latest = useRef(0);
  const again = useCallback(() => {
    if (path === null) return;
    const mine = ++latest.current;
    setHeld((old) => ({ ...old, loading: true }));
    (by(path) as Promise<T>).then(
      (data) => mine === latest.current && setHeld({ data, error: null, loading: false }),
      (error: unknown) => mine === latest.current && setHeld((old) => ({ ...old, error, loading: false })),
    );
  }, [path]);
  useEffect(again, [again]);
  useEffect(() => {
    if (every === undefined) return undefined;
    const timer = setInterval(() => document.hidden || again(), every);
    return () => clearInterval(timer);
  }, [again, every]);
  useEvents(on, again);
  return { ...held, again };
}

export interface Listed<T> extends Asked<Rows<T>> {
  rows: readonly T[] | null;
  /** The `after` of the next page; null at the end. */
  next: string | null;
}

/** One page of a list: `filters` are the names in the address that the API takes, `after` is there always. */
export function useList<T>(path: string, filters: readonly string[], often: Often & { limit?: number } = {}): Listed<T> {
  const { query } = usePlace();
  const said: Record<string, string | number> = { limit: often.limit ?? 50 };
  for (const name of [...filters, "after"]) said[name] = query.get(name) ?? "";
  const asked = useAsk<Rows<T>>(at(path, said), often);
  const next = asked.data?.has_more ? (asked.data.next ?? null) : null;
  return { ...asked, rows: asked.data?.data ?? null, next };
}

interface Steady {
  onPointerEnter: () => void;
  onPointerLeave: () => void;
}

/** Rows in an order that does not change while the pointer is over them; what is new comes last till then. */
export function useSteady<T>(rows: readonly T[], id: (row: T) => string): [readonly T[], Steady] {
  const over = useRef(false);
  const order = useRef<readonly string[]>([]);
  let shown = rows;
  if (over.current) {
    const place = new Map(order.current.map((name, index) => [name, index]));
    const rank = (row: T) => place.get(id(row)) ?? place.size;
    shown = [...rows].sort((one, other) => rank(one) - rank(other));
  }
  order.current = shown.map(id);
  return [shown, { onPointerEnter: () => void (over.current = true), onPointerLeave: () => void (over.current = false) }];
}
