// The key that the playground asks with.  It is in this tab's memory and nowhere else.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { act } from "../parts/dialog";
import { newKey } from "../parts/newkey";
import type { KeyView } from "../types";

interface Held {
  secret: string;
  /** What is known of one that was made here. */
  made: KeyView | null;
}

let held: Held = { secret: "", made: null };
const watchers = new Set<() => void>();

function hold(to: Held): void {
  held = to;
  for (const told of watchers) told();
}

export function useKey(): string {
  const [, draw] = useState(0);
  useEffect(() => {
    const told = () => draw((count) => count + 1);
    watchers.add(told);
    return () => void watchers.delete(told);
  }, []);
  return held.secret;
}

const NONE: Held = { secret: "", made: null };

export function KeyBar({ admin }: { admin: boolean }) {
  const secret = useKey();
  const [typed, type] = useState("");
  const make = () =>
    newKey({
      title: "A key for the playground",
      name: "playground",
      expires: "3600",
      says: <p>What is asked here is counted under this key, as for any client.</p>,
      made: (key) => hold({ secret: key.key ?? "", made: key }),
      gone: () => hold(NONE),
    });
  const forget = () => {
    const { made } = held;
    if (made === null) return hold(NONE);
    return act({
      title: `Revoke the key ${made.name}`,
      says: <p>Nothing can be asked with it from then on. What it was used for stays in the records.</p>,
      cli: () => `glowplug keys revoke ${made.id}`,
      run: () => ask("POST", `/admin/keys/${encodeURIComponent(made.id)}/revoke`),
      verb: "Revoke",
      danger: true,
      done: () => `The key ${made.name} was revoked`,
      after: () => hold(NONE),
    });
  };
  if (secret !== "") {
    return (
      <p class="keybar">
        Asks with the key <strong>{held.made?.name ?? "that you gave"}</strong> <code>{`${secret.slice(0, 10)}…`}</code>{" "}
        <button type="button" onClick={forget}>
          {held.made === null ? "Forget it" : "Revoke it"}
        </button>
      </p>
    );
  }
  return (
    <section class="card keybar" aria-label="Key">
      <p>Models are asked with a key, here as everywhere; being logged in is not enough. It stays in this tab until you leave or reload it.</p>
      <form
        class="actions"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() !== "") hold({ secret: typed.trim(), made: null });
          type("");
        }}
      >
        {admin && (
          <button type="button" class="main" onClick={make}>
            Make a key for an hour
          </button>
        )}
        <input
          type="password"
          aria-label="A key that you have"
          placeholder={admin ? "or paste one: sk-gp-…" : "paste one: sk-gp-…"}
          autocomplete="off"
          value={typed}
          onInput={(event) => type(event.currentTarget.value)}
        />
        <button>Use it</button>
      </form>
    </section>
  );
}
