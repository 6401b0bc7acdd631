import { useState } from "preact/hooks";
import { enter, Refused } from "../api";
import type { Me } from "../types";

/** Reads the one-time token behind the `#`, which no server is sent, and takes it out of the address. */
function tokenOnce(): string {
  if (location.pathname !== "/ui/welcome") return "";
  const token = location.hash.slice(1);
  history.replaceState(null, "", "/ui/welcome");
  return token;
}

export function Login({ entered }: { entered: (who: Me) => void }) {
  const [token] = useState(tokenOnce);
  const [problem, setProblem] = useState("");
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
      history.replaceState(null, "", "/ui/");
      entered(who);
    } catch (error) {
      setProblem(error instanceof Refused ? `${error.message}. ${error.hint}` : String(error));
      setBusy(false);
    }
  };
  return (
    <main class="narrow">
      <h1>{token === "" ? "Log in" : "Welcome to Glowplug"}</h1>
      <form onSubmit={send}>
        {token !== "" && (
          <label>
            Name (optional)
            <input name="name" autocomplete="name" />
          </label>
        )}
        <label>
          E-mail address
          <input name="email" autocomplete="username" required={token === ""} autofocus />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            autocomplete={token === "" ? "current-password" : "new-password"}
            minLength={token === "" ? 1 : 12}
            required
          />
        </label>
        {token !== "" && (
          <p class="quiet">
            At least 12 characters. For a new password of your own user the address may stay empty.
          </p>
        )}
        <p role="alert" class="bad">
          {problem}
        </p>
        <button class="main" disabled={busy}>
          {token === "" ? "Log in" : "Set the password"}
        </button>
      </form>
    </main>
  );
}
