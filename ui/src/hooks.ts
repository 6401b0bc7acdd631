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

/** Something that is held outside of any page; whoever uses it is drawn anew when it is another. */
export interface Shared<T> {
  now: () => T;
  set: (to: T) => void;
  use: () => T;
}

export function shared<T>(first: T): Shared<T> {
  let held = first;
  const watchers = new Set<() => void>();
  const now = () => held;
  const set = (to: T) => {
    held = to;
    for (const told of watchers) told();
  };
  const use = () => {
    const [, draw] = useState(0);
    useEffect(() => {
      const told = () => draw((count) => count + 1);
      watchers.add(told);
      return () => void watchers.delete(told);
    }, []);
    return held;
  };
  return { now, set, use };
}

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
}
const NEVER: readonly Kind[] = [];

/** The answer of a GET; a null path asks nothing. */
export function useAsk<T>(path: string | null, { every, on = NEVER }: Often = {}): Asked<T> {
  const [held, setHeld] = useState<{ path: string | null; data: T | null; error: unknown; loading: boolean }>({
    path,
    data: null,
    error: null,
    loading: path !== null,
  });
  const latest = useRef(0);
  const again = useCallback(() => {
    if (path === null) return;
    const mine = ++latest.current;
    setHeld((old) => ({ ...old, path, loading: true }));
    ask<T>("GET", path).then(
      (data) => mine === latest.current && setHeld({ path, data, error: null, loading: false }),
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
  return { data: held.data, error: held.error, loading: held.loading, again };
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
