// What changes by itself, for all pages together: one stream of events, polls where it is missing.  While the server
// does not answer, what was seen last stays on the screen and `problem` says so.
import { useEffect, useState } from "preact/hooks";
import { ask } from "./api";
import { shared } from "./shared";
import type { InstanceView, MemoryView, Status } from "./types";

const KINDS = ["instance", "loading", "config", "config_refused", "keys", "worker", "failure", "leak", "ledger", "client"] as const;
export type Kind = (typeof KINDS)[number];
export interface LiveEvent {
  kind: Kind;
  at: number;
  data: unknown;
}
export interface Live {
  rows: readonly InstanceView[];
  memory: MemoryView;
  status: Status;
  /** Unix seconds as the server had them when it was asked, and when that was by this machine's own clock. */
  asked: { server: number; here: number };
}

/** Milliseconds. */
const POLL = 5000;
const TOGETHER = 80;
const MOST_WAIT = 15_000;

/** What is seen now (null: not yet), and why it is not newer. */
interface Known {
  seen: Live | null;
  problem: unknown;
}
const NOTHING: Known = { seen: null, problem: null };
const known = shared(NOTHING);
let source: EventSource | null = null;
let wait = 1000;
let poll = 0;
let soon = 0;
let again = 0;
let asking = false;
let stale = false;
const listeners = new Set<(event: LiveEvent) => void>();

/** Begin; returns how to end it.  The shell does this once a session. */
export function live(): () => void {
  listen();
  void refresh();
  poll = window.setInterval(() => document.hidden || void refresh(), POLL);
  return () => {
    clearInterval(poll);
    clearTimeout(soon);
    clearTimeout(again);
    source?.close();
    source = null;
    known.set(NOTHING);
  };
}

/** Ask now, for instance after something was done. */
export async function refresh(): Promise<void> {
  if (asking) {
    stale = true;
    return;
  }
  asking = true;
  try {
    const [rows, memory, status] = await Promise.all([
      ask<{ data: readonly InstanceView[] }>("GET", "/admin/instances"),
      ask<MemoryView>("GET", "/admin/memory").catch(() => ({ data: [], problems: [] })),
      ask<Status>("GET", "/admin/status"),
    ]);
    const asked = { server: status.started_at + status.uptime, here: Date.now() };
    known.set({ seen: { rows: rows.data, memory, status, asked }, problem: null });
  } catch (problem) {
    known.set({ ...known.now(), problem });
  }
  asking = false;
  if (stale) {
    stale = false;
    await refresh();
  }
}

function listen(): void {
  source = new EventSource("/admin/events");
  source.onopen = () => {
    wait = 1000;
    void refresh();
  };
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return; // the browser itself tries again
    clearTimeout(again);
    again = window.setTimeout(listen, wait);
    wait = Math.min(wait * 2, MOST_WAIT);
  };
  for (const kind of KINDS) {
    source.addEventListener(kind, (message) => {
      const event = JSON.parse((message as MessageEvent<string>).data) as LiveEvent;
      for (const told of listeners) told(event);
      clearTimeout(soon);
      soon = window.setTimeout(() => void refresh(), TOGETHER);
    });
  }
}

export const useLive = known.use;

/** Events of some kinds, as they come. */
export function useEvents(kinds: readonly Kind[], told: (event: LiveEvent) => void): void {
  useEffect(() => {
    const one = (event: LiveEvent) => {
      if (kinds.includes(event.kind)) told(event);
    };
    listeners.add(one);
    return () => void listeners.delete(one);
  });
}

/** The server's time in Unix seconds, a second at a time. */
export function useNow(): number {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || draw((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const { seen } = known.now();
  return seen === null ? Date.now() / 1000 : seen.asked.server + (Date.now() - seen.asked.here) / 1000;
}
