// A key that was just made: its secret, once, and what can be done with it.
import { at } from "../api";
import { useAsk } from "../hooks";
import { Code, SecretOnce } from "../parts/basics";
import { to } from "../router";
import type { ClientList, KeyView } from "../types";

/** By name, in this order. */
const CLIENTS = ["curl", "openai", "anthropic", "claude-code"];

export function Made({ made }: { made: KeyView }) {
  const secret = made.key ?? "";
  const model = made.models.find((name) => !name.includes("*")) ?? "";
  const asked = useAsk<ClientList>(made.role === "viewer" ? null : at("/admin/clients", { model }));
  const list = asked.data;
  return (
    <>
      <SecretOnce label={`The key ${made.name}`} value={secret} />
      {list !== null && (
        <>
          <p>Filled in and ready to paste:</p>
          {CLIENTS.flatMap((name) => list.data.filter((one) => one.name === name)).map((client) => (
            <details key={client.name} class="snippet">
              <summary>{client.title}</summary>
              {client.snippets.slice(0, 1).map((one) => (
                <Code key={one.title} label={`${client.title}: ${one.title}`} text={one.text.replaceAll(list.placeholder, secret)} />
              ))}
            </details>
          ))}
          <p class="quiet">Other programs are on <a href={to("connect")}>Connect</a>.</p>
        </>
      )}
    </>
  );
}
