// The admin API as a page asks it: with the session's cookie, and its CSRF token for whatever changes something.
import type { Me } from "./types";

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

let csrf = "";
let ended: () => void = () => undefined;

/** Called when the session is over. */
export function onEnd(told: () => void): void {
  ended = told;
}

export async function ask<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (method !== "GET" && csrf !== "") headers["x-glowplug-csrf"] = csrf;
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  const answer = await fetch(path, init);
  const text = await answer.text();
  if (answer.ok) return (text === "" ? {} : JSON.parse(text)) as T;
  if (answer.status === 401 && path !== "/auth/login" && path !== "/auth/claim") ended();
  throw refusal(answer.status, text);
}

function refusal(status: number, text: string): Refused {
  try {
    const { error } = JSON.parse(text) as { error: { message: string; hint?: string } };
    return new Refused(status, error.message, error.hint ?? "");
  } catch {
    return new Refused(status, `the server answered ${status}`, "");
  }
}

export async function enter(path: "/auth/login" | "/auth/claim", body: unknown): Promise<Me> {
  return remember(await ask<Me>("POST", path, body));
}

export async function me(): Promise<Me> {
  return remember(await ask<Me>("GET", "/auth/me"));
}

function remember(who: Me): Me {
  csrf = who.csrf;
  return who;
}
