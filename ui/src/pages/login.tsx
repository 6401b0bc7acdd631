import { useState } from "preact/hooks";
import { ask, enter } from "../api";
import { Problem } from "../parts/basics";
import { Text } from "../parts/fields";
import { go } from "../router";
import type { Me } from "../types";

const HELP = "At least 12 characters. For a new password of your own user the address may stay empty.";
const NEW = { autocomplete: "new-password", minLength: 12, help: HELP } as const;

/** Reads the one-time token behind the `#`, which no server is sent, and takes it out of the address. */
function tokenOnce(): string {
  if (location.pathname !== "/ui/welcome") return "";
  const token = location.hash.slice(1);
  history.replaceState(null, "", "/ui/welcome");
  return token;
}

/** Where somebody who was invited begins: with the first steps where nothing is served yet. */
async function begin(who: Me): Promise<string> {
  if (who.role !== "admin") return "/ui/";
  const models = await ask<{ data: readonly unknown[] }>("GET", "/admin/models").catch(() => null);
  return models?.data.length === 0 ? "/ui/first" : "/ui/";
}

export function Login({ entered }: { entered: (who: Me) => void }) {
  const [token] = useState(tokenOnce);
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const said = (name: string) => String(form.get(name) ?? "");
    setBusy(true);
    try {
      const who =
        token === ""
          ? await enter("/auth/login", { user: said("email"), password: said("password") })
          : await enter("/auth/claim", { token, email: said("email"), password: said("password"), name: said("name") });
      if (token !== "") go(await begin(who), true);
      entered(who);
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <main class="narrow">
      <h1>{token === "" ? "Log in" : "Welcome to Glowplug"}</h1>
      <form onSubmit={send}>
        {token !== "" && <Text name="name" label="Name (optional)" autocomplete="name" />}
        <Text name="email" label="E-mail address" autocomplete="username" required={token === ""} autofocus />
        <Text name="password" label="Password" type="password" required {...(token === "" ? { autocomplete: "current-password" } : NEW)} />
        <Problem error={problem} />
        <button class="main" disabled={busy}>{token === "" ? "Log in" : "Set the password"}</button>
      </form>
    </main>
  );
}
