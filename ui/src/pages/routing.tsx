// Which models stand behind which name: aliases and what comes after them, drawn, and where a request would go.
import type { ComponentChildren } from "preact";
import { useAdmin, useAsk } from "../hooks";
import { Button, Card, Cli, Empty, Heading, Pill, Waiting } from "../parts/basics";
import { dotted } from "../parts/origin";
import { Offer, useActions } from "../parts/palette";
import { to } from "../router";
import type { ModelView, Shown } from "../types";
import { add, COLD, edit, list, POLICIES, remove, type Alias } from "./routing_alias";
import { Simulator } from "./routing_simulator";
import "./routing.css";

export default function Routing() {
  const admin = useAdmin();
  const models = useAsk<{ data: readonly ModelView[] }>("/admin/models", { on: ["config", "instance", "failure"] });
  const shown = useAsk<Shown>("/admin/config", { on: ["config"] });
  const rows = models.data?.data ?? [];
  const aliases = shown.data === null ? [] : aliasesOf(shown.data);
  const others = list((shown.data?.tree["defaults"] as Record<string, unknown> | undefined)?.["fallback"]);
  const again = () => (models.again(), shown.again());
  const names = rows.filter((row) => row.kind === "model").map((row) => row.name);
  const changing = (alias: Alias) => () => edit(alias, names, again);
  useActions(admin ? aliases.map((one) => ({ label: `Change the alias ${one.name}`, run: changing(one) })) : []);
  const there = models.data !== null && shown.data !== null;
  const error = models.error ?? shown.error;
  return (
    <>
      <Heading title="Routing"><Offer main label="Add an alias" run={() => add(names, again)} /></Heading>
      {(!there || error !== null) && <Waiting asked={{ error, again }} />}
      {rows.length > 0 && <Simulator models={rows} />}
      <h2>Aliases</h2>
      {there && aliases.length === 0 && (
        <Empty title="No alias yet">
          <p>
            An alias is a name that clients keep while the models behind it change: the first that can answer does.{" "}
            {rows.length === 0 && <>It needs a model first: see <a href={to("models")}>Models</a>.</>}
          </p>
          <Cli line="glowplug aliases set chat-default MODEL OTHER-MODEL" />
        </Empty>
      )}
      {there &&
        aliases.map((alias) => (
          <Drawn key={alias.name} alias={alias} rows={rows}>
            <a href={to("routing", { ask: alias.name })}>Where would it go?</a>
            {admin && <Button aria-label={`Change the alias ${alias.name}`} onClick={changing(alias)}>Change</Button>}
            {admin && alias.managed && <Button aria-label={`Remove the alias ${alias.name}`} onClick={() => remove(alias, again)}>Remove</Button>}
          </Drawn>
        ))}
      {others.length > 0 && (
        <Drawn alias={{ name: "any name without a fallback", settings: { fallback: others }, managed: false, line: 0 }} rows={rows}>
          <a href={to("config", { q: "defaults.fallback" })}>defaults.fallback of the configuration</a>
        </Drawn>
      )}
    </>
  );
}

/** The aliases of the configuration in force, by name. */
function aliasesOf(shown: Shown): Alias[] {
  const said = (shown.tree["aliases"] ?? {}) as Record<string, Record<string, unknown>>;
  return Object.entries(said).map(([name, settings]) => {
    const from = shown.sources[dotted(dotted("aliases", name), "targets")];
    return { name, settings, managed: from?.kind === "managed", line: from?.line ?? 0 };
  });
}

function Drawn({ alias, rows, children }: { alias: Alias; rows: readonly ModelView[]; children: ComponentChildren }) {
  const { name, settings } = alias;
  const targets = list(settings["targets"]);
  const policy = String(settings["policy"] ?? "order");
  const weights = (settings["weights"] ?? {}) as Record<string, number>;
  const weighed = policy === "weight" || policy === "least-busy";
  const cold = String(settings["cold"] ?? "wait");
  const facts = [
    targets.length > 0 ? `while it is not loaded a request ${COLD[cold] ?? cold}` : "",
    Number(settings["sticky"] ?? 0) !== 0 && settings["sticky"] !== "0s" ? `a conversation stays with its target for ${String(settings["sticky"])}` : "",
    settings["rpm"] ? `${String(settings["rpm"])} requests a minute` : "",
    settings["deprecated"] ? `deprecated since ${String(settings["deprecated"])}` : "",
  ].filter((one) => one !== "");
  return (
    <Card label={`Alias ${name}`} title={name} aside={<span class="quiet">{alias.managed ? "added here" : `in the file${alias.line > 0 ? `, line ${alias.line}` : ""}`}</span>}>
      <ol class="chain" aria-label={`Who answers for ${name}`}>
        <li class="name">
          <small class="stage">clients ask for</small>
          <strong>{name}</strong>
        </li>
        <Stage says={targets.length > 1 ? (POLICIES[policy] ?? policy) : "answered by"} names={targets} rows={rows} numbered={policy === "order"} weights={weighed ? weights : null} />
        <Stage says="when none of them can" names={list(settings["fallback"])} rows={rows} numbered />
        <Stage says="when the prompt is too long" names={list(settings["on_context"])} rows={rows} />
        <Stage says="when the content is refused" names={list(settings["on_content"])} rows={rows} />
      </ol>
      <p class="line quiet">{facts.join(" · ")}</p>
      <footer>{children}</footer>
    </Card>
  );
}

interface StageProps {
  says: string;
  names: readonly string[];
  rows: readonly ModelView[];
  /** They are asked one after the other. */
  numbered?: boolean;
  weights?: Record<string, number> | null;
}

function Stage({ says, names, rows, numbered = false, weights = null }: StageProps) {
  if (names.length === 0) return null;
  return (
    <li>
      <small class="stage">{says}</small>
      <ol class={numbered && names.length > 1 ? "numbered" : undefined}>
        {names.map((name) => (
          <li key={name}>
            <Name name={name} row={rows.find((one) => one.name === name)} />{" "}
            {weights !== null && <span class="quiet">weight {weights[name] ?? 1}</span>}
          </li>
        ))}
      </ol>
    </li>
  );
}

function Name({ name, row }: { name: string; row: ModelView | undefined }) {
  if (row === undefined) return <span title="served by a pattern">{name}</span>;
  const alias = row.kind === "alias";
  const bad = (row.problems ?? []).length > 0;
  const up = row.state === "ready" || row.state === "busy";
  return (
    <>
      <a href={alias ? to("routing", { ask: name }) : to("models", { model: name })} title={row.problems?.join("; ")}>{name}</a>{" "}
      <Pill tone={bad ? "bad" : up ? "good" : "quiet"}>{alias ? "alias" : bad ? "cannot be used" : (row.state ?? "elsewhere")}</Pill>
    </>
  );
}
