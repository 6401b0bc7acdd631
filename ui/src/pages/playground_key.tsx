// The key that the playground asks with.  It is in this tab's memory and nowhere else.
import { Button } from "../parts/basics";
import { useAdmin } from "../hooks";
import { shared } from "../shared";
import { said } from "../parts/fields";
import { newKey } from "../parts/newkey";
import type { KeyView } from "../types";
import { revoke } from "./keys_form";

/** `made` is what is known of one that was made here. */
const NONE = { secret: "", made: null as KeyView | null };
const key = shared(NONE);

export function useKey(): string {
  return key.use().secret;
}

export function KeyBar() {
  const admin = useAdmin();
  const { secret, made } = key.use();
  const forget = () => key.set(NONE);
  const use = (event: SubmitEvent) => {
    event.preventDefault();
    key.set({ secret: said(new FormData(event.currentTarget as HTMLFormElement), "key"), made: null });
  };
  const make = () =>
    newKey({
      title: "A key for the playground",
      name: "playground",
      expires: "3600",
      says: "What is asked here is counted under this key, as for any client.",
      made: (one) => key.set({ secret: one.key ?? "", made: one }),
      gone: forget,
    });
  if (secret !== "") {
    return (
      <p class="keybar">
        Asks with the key <strong>{made?.name ?? "that you gave"}</strong> <code>{`${secret.slice(0, 10)}…`}</code>{" "}
        <Button onClick={made === null ? forget : () => revoke(made, forget)}>{made === null ? "Forget it" : "Revoke it"}</Button>
      </p>
    );
  }
  return (
    <section class="card keybar" aria-label="Key">
      <p>Models are asked with a key, here as everywhere; being logged in is not enough. It stays in this tab until you leave or reload it.</p>
      <form class="actions" onSubmit={use}>
        {admin && <Button class="main" onClick={make}>Make a key for an hour</Button>}
        <input name="key" type="password" required aria-label="A key that you have" placeholder={`${admin ? "or " : ""}paste one: sk-gp-…`} autocomplete="off" />
        <button>Use it</button>
      </form>
    </section>
  );
}
