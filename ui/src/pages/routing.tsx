// Which models stand behind which name: aliases and what comes after them, drawn, and where a request would go.
import { useAsk } from "../hooks";
import { Card, Cli, Empty, Pill, Problem } from "../parts/basics";
import { dotted } from "../parts/origin";
import { useActions } from "../parts/palette";
import { to } from "../router";
import type { ModelView, Shown } from "../types";
import type { PageProps } from "./index";
import { add, edit, remove, type Alias } from "./routing_alias";
import { Simulator } from "./routing_simulator";
import "./routing.css";

const COLD: Record<string, string> = {
  wait: "waits while it is loaded",
  "cloud-while-cold": "the next answers while it is loaded",
  reject: "goes on and starts nothing while it is not loaded",
};
const POLICIES: Record<string, string> = {
  order: "in this order",
  weight: "drawn by weight",
  "least-busy": "the least busy first",
  latency: "the quickest first",
  price: "the cheapest first",
};

export default function Routing({ admin }: PageProps) {
  const models = useAsk<{ data: readonly ModelView[] }>("/admin/models", { on: ["config", "instance", "failure"] });
  const shown = useAsk<Shown>("/admin/config", { on: ["config"] });
  const rows = models.data?.data ?? [];
  const aliases = shown.data === null ? [] : aliasesOf(shown.data);
  const again = () => (models.again(), shown.again());
  const names = rows.filter((row) => row.kind === "model").map((row) => row.name);
  useActions(
    admin
      ? [
          { label: "Add an alias", run: () => add(names, again) },
          ...aliases.map((one) => ({ label: `Change the alias ${one.name}`, run: () => edit(one, names, again) })),
        ]
      : [],
  );
  return (
    <>
      <div class="heading">
        <h1>Routing</h1>
        {admin && (
          <button type="button" class="main" onClick={() => add(names, again)}>
            Add an alias
          </button>
        )}
      </div>
      <Problem error={models.error ?? shown.error} again={again} />
      {models.data !== null && rows.length > 0 && <Simulator models={rows} />}
      <h2>Aliases</h2>
      {(models.data === null || shown.data === null) && models.error === null && shown.error === null && <p class="quiet waiting">Loading …</p>}
      {shown.data !== null && models.data !== null && aliases.length === 0 && (
        <Empty title="No alias yet">
          <p>
            An alias is a name that clients keep while the models behind it change: the first that can answer does.
            {rows.length === 0 && (
              <>
                {" "}
                It needs a model first: see <a href={to("models")}>Models</a>.
              </>
            )}
          </p>
          <Cli line="glowplug aliases set chat-default MODEL OTHER-MODEL" />
        </Empty>
      )}
      {models.data !== null &&
        aliases.map((alias) => (
          <Drawn key={alias.name} alias={alias} rows={rows} admin={admin} names={names} again={again} />
        ))}
      {shown.data !== null && <Defaults shown={shown.data} rows={rows} />}
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

export function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}

function Drawn({
  alias,
  rows,
  admin,
  names,
  again,
}: {
  alias: Alias;
  rows: readonly ModelView[];
  admin: boolean;
  names: readonly string[];
  again: () => void;
}) {
  const { name, settings } = alias;
  const targets = list(settings["targets"]);
  const policy = String(settings["policy"] ?? "order");
  const weights = (settings["weights"] ?? {}) as Record<string, number>;
  const weighed = policy === "weight" || policy === "least-busy";
  const cold = String(settings["cold"] ?? "wait");
  const facts = [
    COLD[cold] ?? cold,
    Number(settings["sticky"] ?? 0) !== 0 && settings["sticky"] !== "0s" ? `a conversation stays with its target for ${String(settings["sticky"])}` : "",
    settings["rpm"] ? `${String(settings["rpm"])} requests a minute` : "",
    settings["deprecated"] ? `deprecated since ${String(settings["deprecated"])}` : "",
  ].filter((one) => one !== "");
  return (
    <Card
      label={`Alias ${name}`}
      title={name}
      aside={<span class="quiet">{alias.managed ? "added here" : `in the file${alias.line > 0 ? `, line ${alias.line}` : ""}`}</span>}
    >
      <ol class="chain" aria-label={`Who answers for ${name}`}>
        <li class="name">
          <small class="stage">clients ask for</small>
          <strong>{name}</strong>
        </li>
        <Stage says={targets.length > 1 ? (POLICIES[policy] ?? policy) : "answered by"} names={targets} rows={rows} numbered={policy === "order" && targets.length > 1} note={(target) => (weighed ? `weight ${weights[target] ?? 1}` : "")} />
        <Stage says="when none of them can" names={list(settings["fallback"])} rows={rows} numbered={list(settings["fallback"]).length > 1} />
        <Stage says="when the prompt is too long" names={list(settings["on_context"])} rows={rows} />
        <Stage says="when the content is refused" names={list(settings["on_content"])} rows={rows} />
      </ol>
      <p class="line quiet">{facts.join(" · ")}</p>
      <footer>
        <a href={to("routing", { ask: name })}>Where would it go?</a>
        {admin && (
          <button type="button" aria-label={`Change the alias ${name}`} onClick={() => edit(alias, names, again)}>
            Change
          </button>
        )}
        {admin && alias.managed && (
          <button type="button" aria-label={`Remove the alias ${name}`} onClick={() => remove(alias, again)}>
            Remove
          </button>
        )}
      </footer>
    </Card>
  );
}

function Stage({
  says,
  names,
  rows,
  numbered = false,
  note = () => "",
}: {
  says: string;
  names: readonly string[];
  rows: readonly ModelView[];
  numbered?: boolean;
  note?: (name: string) => string;
}) {
  if (names.length === 0) return null;
  return (
    <li>
      <small class="stage">{says}</small>
      <ol class={numbered ? "numbered" : undefined}>
        {names.map((name) => (
          <li key={name}>
            <Name name={name} row={rows.find((one) => one.name === name)} /> {note(name) !== "" && <span class="quiet">{note(name)}</span>}
          </li>
        ))}
      </ol>
    </li>
  );
}

function Name({ name, row }: { name: string; row: ModelView | undefined }) {
  if (row === undefined) return <span title="served by a pattern">{name}</span>;
  if (row.kind === "alias") {
    return (
      <>
        <a href={to("routing", { ask: name })}>{name}</a> <Pill>alias</Pill>
      </>
    );
  }
  const bad = (row.problems ?? []).length > 0;
  const up = row.state === "ready" || row.state === "busy";
  return (
    <>
      <a href={to("models", { model: name })}>{name}</a>{" "}
      {bad ? (
        <span title={row.problems?.join("; ")}>
          <Pill tone="bad">cannot be used</Pill>
        </span>
      ) : (
        <Pill tone={up ? "good" : "quiet"}>{row.state ?? "elsewhere"}</Pill>
      )}
    </>
  );
}

/** What is asked after whatever has no fallback of its own. */
function Defaults({ shown, rows }: { shown: Shown; rows: readonly ModelView[] }) {
  const defaults = (shown.tree["defaults"] ?? {}) as Record<string, unknown>;
  const fallback = list(defaults["fallback"]);
  if (fallback.length === 0) return null;
  return (
    <Card title="Every other name">
      <ol class="chain">
        <li class="name">
          <small class="stage">clients ask for</small>
          <strong>a model, or an alias without a fallback</strong>
        </li>
        <Stage says="when it cannot" names={fallback} rows={rows} numbered={fallback.length > 1} />
      </ol>
      <p class="line quiet">
        This is <code>defaults.fallback</code> of the <a href={to("config", { q: "fallback" })}>configuration</a>.
      </p>
    </Card>
  );
}
