// The admin API as a page asks it: with the session's cookie, and its CSRF token for whatever changes something.
import type { Me } from "./types";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
/** One page of a list as the API cuts it. */
export interface Rows<T> {
  data: readonly T[];
  has_more?: boolean;
  next?: string | null;
}

export class Refused extends Error {
  constructor(readonly status: number, message: string, readonly hint: string, readonly code = "") {
    super(message);
  }
}

/** That a session was begun here.  Without it nobody is asked who is logged in, so no refusal fills the console. */
const MARK = "session";
const OPEN = ["/auth/login", "/auth/claim", "/admin/me/password"];
let csrf = "";
/** Ends what is still asked when the session does, so that its refusal fills no console. */
let session = new AbortController();
let ended: () => void = () => undefined;

/** Called when the session is over. */
export function onEnd(told: () => void): void {
  ended = told;
}

export async function ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const answer = await send(method, path, body);
  const text = await answer.text();
  return (text === "" ? {} : JSON.parse(text)) as T;
}

/** The answer itself, for text and for what is read as it comes.  Throws Refused where it is no good one. */
export async function send(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (method !== "GET" && csrf !== "") headers["x-glowplug-csrf"] = csrf;
  const ends = signal === undefined ? session.signal : AbortSignal.any([signal, session.signal]);
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store", signal: ends };
  if (body !== undefined) init.body = JSON.stringify(body);
  const answer = await fetch(path, init);
  if (answer.ok) return answer;
  if (answer.status === 401 && !OPEN.includes(path)) over();
  throw refusal(answer.status, await answer.text());
}

/** `path?a=1&b=2` of whatever is not empty. */
export function at(path: string, query: Record<string, string | number | boolean | null | undefined>): string {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== "" && value !== null && value !== undefined && value !== false) said.set(name, String(value));
  }
  const text = said.toString();
  return text === "" ? path : `${path}?${text}`;
}

function refusal(status: number, text: string): Refused {
  try {
    const { error } = JSON.parse(text) as { error: { message: string; hint?: string; code?: string } };
    return new Refused(status, error.message, error.hint ?? "", error.code ?? "");
  } catch {
    return new Refused(status, `the server answered ${status}`, "look into the log of the gateway");
  }
}

export async function enter(path: "/auth/login" | "/auth/claim", body: unknown): Promise<Me> {
  return remember(await ask<Me>("POST", path, body));
}

/** Who is logged in; null where nobody ever was, without asking. */
export async function me(): Promise<Me | null> {
  const back = location.hash === "#entered";
  if (back) history.replaceState(null, "", location.pathname + location.search);
  if (localStorage.getItem(MARK) === null && !back) return null;
  return remember(await ask<Me>("GET", "/auth/me"));
}

export function leave(): void {
  session.abort();
  session = new AbortController();
  over();
  void ask("POST", "/auth/logout");
}

function over(): void {
  localStorage.removeItem(MARK);
  ended();
}

function remember(who: Me): Me {
  csrf = who.csrf;
  localStorage.setItem(MARK, "1");
  return who;
}
