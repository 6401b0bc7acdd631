import { at } from "../api";
import { ago } from "../format";
import { useAsk } from "../hooks";
import { useNow } from "../live";
import { Card, Empty, Heading, Pill, Waiting } from "../parts/basics";
import { ChoiceFilter, TextFilter } from "../parts/fields";
import { useActions } from "../parts/palette";
import { filter, go, to, useFilter } from "../router";
import type { ClientList, ClientView, Sighting } from "../types";
import { Client } from "./connect_client";

const KINDS = { agent: "In a terminal", editor: "Editors", app: "Applications", library: "Programs of your own" };
/** What the server says where there is none. */
const NO_MODEL = "MODEL";
/** Milliseconds. */
const OFTEN = 4000;
const SELDOM = 30_000;

export default function Connect() {
  const [chosen] = useFilter("client");
  const [model] = useFilter("model");
  const [url] = useFilter("url");
  const asked = useAsk<ClientList>(at("/admin/clients", { model, url }), { every: chosen === "" ? SELDOM : OFTEN, on: ["client"] });
  const list = asked.data;
  const client = list?.data.find((one) => one.name === chosen);
  useActions((list?.data ?? []).map((one) => ({ label: `Connect ${one.title}`, run: () => go(to("connect", { client: one.name, model, url })) })));
  return (
    <>
      <Heading title={client === undefined ? "Connect" : `Connect ${client.title}`}>
        {chosen !== "" && <a href={to("connect", { model, url })}>All clients</a>}
      </Heading>
      <div class="filters long">
        {list !== null && list.models.length > 0 && (
          <ChoiceFilter name="model" label="Model" options={[["", `${list.model} (usual)`], ...list.models.map((one) => [one, one] as const)]} />
        )}
        <TextFilter name="url" label="Address of this server, as the client reaches it" placeholder={list?.url ?? ""} />
      </div>
      {(list === null || asked.error !== null) && <Waiting asked={{ ...asked, again: () => filter({ model: "", url: "" }) }} />}
      {list?.model === NO_MODEL && (
        <Empty title="No model that chats is served yet" says={<>{NO_MODEL} stands in its place below. <a href={to("first")}>First steps</a> looks for one.</>} />
      )}
      {list !== null && chosen === "" && <Cards list={list} address={(client) => to("connect", { client, model, url })} />}
      {list !== null && client !== undefined && <Client key={client.name} client={client} list={list} />}
      {list !== null && chosen !== "" && client === undefined && (
        <Empty title={`No client is called “${chosen}” here`}>
          <p>
            Whatever speaks OpenAI’s, Anthropic’s or Ollama’s API can be connected: see <a href={to("connect", { client: "curl" })}>curl</a>{" "}
            for the address and the key.
          </p>
        </Empty>
      )}
    </>
  );
}

type CardsProps = Readonly<{ list: ClientList; address: (client: string) => string }>;

function Cards({ list, address }: CardsProps) {
  return (
    <>
      {Object.entries(KINDS).map(([kind, title]) => (
        <section key={kind} aria-label={title}>
          <h2>{title}</h2>
          <ul class="cards small">
            {list.data.filter((one) => one.kind === kind).map((one) => <One key={one.name} client={one} list={list} address={address} />)}
          </ul>
        </section>
      ))}
      {list.others.length > 0 && (
        <>
          <h2>Others that came</h2>
          <ul class="plain">
            {list.others.slice(0, 12).map((one) => (
              <li key={`${one.key} ${one.agent}`}><code>{one.agent || "a program without a name"}</code> <Came seen={one} /></li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function One({ client, list, address }: CardsProps & { client: ClientView }) {
  const good = client.seen.find((one) => one.key !== "");
  const shown = good ?? client.seen[0];
  const pill = shown && <Pill tone={good === undefined ? "bad" : "good"}>{good === undefined ? "refused" : "came"}</Pill>;
  return (
    <Card item title={<a href={address(client.name)}>{client.title}</a>} aside={pill}>
      <p class="line quiet">{shown === undefined ? (client.recognised ? "Has not come yet." : "Known by its key alone.") : <Came seen={shown} />}</p>
      <p class="line quiet">{told(client, list)}</p>
    </Card>
  );
}

/** How it is told, in one line. */
function told(client: ClientView, list: ClientList): string {
  if (client.writes) return `One command writes its settings for ${list.model}.`;
  return client.snippets.length === 0 ? "A few steps by hand." : `A text to copy, filled in for ${list.model}.`;
}

function Came({ seen }: { seen: Sighting }) {
  const when = ago(useNow(), Math.max(seen.last, seen.key_used ?? 0));
  return seen.key === "" ? <>was refused {when}</> : <>{when}, with the key {seen.key}</>;
}
