// One client: a key, what it is told, and whether it came.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { at } from "../api";
import { ago, count, money } from "../format";
import { useAdmin, useAsk } from "../hooks";
import { useNow } from "../live";
import { Button, Cli, Code, Pill } from "../parts/basics";
import { newKey } from "../parts/newkey";
import { to } from "../router";
import type { ClientList, ClientView, KeyView, RequestView, Sighting } from "../types";

/** Milliseconds. */
const OFTEN = 3000;

export function Client({ client, list }: { client: ClientView; list: ClientList }) {
  const admin = useAdmin();
  const now = useNow();
  const [since] = useState(() => now);
  const [made, setMade] = useState<KeyView | null>(null);
  const secret = made?.key ?? "";
  const filled = (text: string) => (secret === "" ? text : text.replaceAll(list.placeholder, secret));
  const make = () =>
    newKey({
      title: `A key for ${client.title}`,
      name: client.name,
      says: "A key for each client tells their costs apart, and one can be revoked without the others.",
      made: setMade,
      gone: () => setMade(null),
    });
  const line = secret === "" ? client.command : client.command.replace("--new-key", `--key ${secret}`);
  return (
    <>
      <Step number={1} title="A key">
        {made !== null ? (
          <p>The key <strong>{made.name}</strong> ({made.display}) is filled in below until you leave this page.</p>
        ) : (
          <p>
            <code>{list.placeholder}</code> stands where the key belongs.{" "}
            {admin ? "Fill in one that you have, or make one for it." : "Fill in yours; whoever runs this server can make one."}
          </p>
        )}
        {admin && <Button class={made === null ? "main" : ""} onClick={make}>{made === null ? "Make a key" : "Make another key"}</Button>}
      </Step>
      <Step number={2} title="What it is told">
        <p>{client.writes ? "On its machine this does everything, and keeps what was there:" : "On its machine this says the same:"}</p>
        <Cli line={line} />
        {client.snippets.length > 0 && <p>{client.writes ? "Or by hand:" : "Copy:"}</p>}
        {client.snippets.map((one) => (
          <section key={one.title} aria-label={one.title}>
            <h3>{one.title}</h3>
            <Code text={filled(one.text)} label={one.title} />
          </section>
        ))}
        {client.steps.length > 0 && <ol>{client.steps.map((one) => <li key={one}>{filled(one)}</li>)}</ol>}
        {client.notes.map((one) => <p key={one} class="quiet">{one}</p>)}
      </Step>
      <Step number={3} title="Its first request"><Check client={client} list={list} since={since} made={made} /></Step>
    </>
  );
}

export function Step({ number, title, children }: { number: number; title: string; children: ComponentChildren }) {
  return (
    <section class="card step" aria-label={title}>
      <h2><span aria-hidden="true">{number}</span> {title}</h2>
      {children}
    </section>
  );
}

function Check({ client, list, since, made }: { client: ClientView; list: ClientList; since: number; made: KeyView | null }) {
  const now = useNow();
  const every = [...list.data.flatMap((one) => one.seen), ...list.others];
  const its = (one: Sighting) => one.client === client.name || (!client.recognised && one.client === "");
  const came = every.find((one) =>
    made === null ? one.key !== "" && its(one) && Math.max(one.last, one.key_used ?? 0) >= since : one.key === made.id,
  );
  const refused = every.find((one) => one.key === "" && its(one) && one.last >= since);
  return (
    <div class="check" role="status">
      {came !== undefined ? (
        <p>
          <Pill tone="good">came</Pill> {client.title} came {ago(now, Math.max(came.first, since))} with the key {made?.name ?? came.key}, as{" "}
          <code>{came.agent || "a program without a name"}</code>.
        </p>
      ) : refused !== undefined ? (
        <>
          <p>
            <Pill tone="bad">refused</Pill> <code>{refused.agent || "A program without a name"}</code> came {ago(now, refused.last)} and was sent
            away: it brought no key that is known here.
          </p>
          <p class="quiet">
            Look whether the whole key was copied, into the place that step 2 names, and whether the client was started anew since. This goes on
            waiting.
          </p>
        </>
      ) : (
        <>
          <p><Pill tone="warm">waiting</Pill> Ask it something; its first request is shown here by itself.</p>
          <p class="quiet">{before(client, now)}</p>
        </>
      )}
      {useAdmin() && came !== undefined && <Answered key={came.key} id={came.key} since={since} />}
    </div>
  );
}

/** What is known of it while it is waited for. */
function before(client: ClientView, now: number): string {
  const last = client.seen.find((one) => one.key !== "");
  if (last !== undefined) return `It came before, last ${ago(now, Math.max(last.last, last.key_used ?? 0))} with the key ${last.key}.`;
  if (client.recognised) return "Nothing of it has come since the workers began.";
  return "It says no name of its own: make a key for it in step 1, by which it is told from others.";
}

/** What became of the newest request with the key. */
function Answered({ id, since }: { id: string; since: number }) {
  const asked = useAsk<{ data: readonly RequestView[] }>(at("/admin/requests", { key: id, limit: 1 }), { every: OFTEN });
  const last = asked.data?.data.find((one) => one.started >= since - 1);
  if (last === undefined) {
    return (
      <p class="quiet">
        Its key is good; no request of it was sent to a model yet. Where the client shows an error, a model of that name may be missing: it
        is shown what there is.
      </p>
    );
  }
  const end = last.attempts.at(-1);
  return (
    <p>
      It asked for <strong>{last.asked}</strong>
      {last.outcome === "ok" && `, answered by ${end?.model ?? "nobody"}: ${count(last.completion_tokens)} tokens for ${money(last.cost)}. `}
      {last.outcome === "" && " and is being answered. "}
      {last.outcome !== "" && last.outcome !== "ok" && ` and got no good answer (${last.outcome.replaceAll("_", " ")}, status ${end?.status ?? 0}). `}
      <a href={to("requests", { request: last.request })}>Look at the request</a>
    </p>
  );
}
