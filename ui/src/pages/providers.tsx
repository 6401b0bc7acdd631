// Who serves models elsewhere: whether they can be asked now, where their keys are, and what they serve.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { duration, moment } from "../format";
import { useAsk } from "../hooks";
import { Card, Cli, Empty, Pill, Problem, type Tone } from "../parts/basics";
import { useActions } from "../parts/palette";
import { to } from "../router";
import type { CredentialView, KeyView, ModelView, ProviderView, RoutePlan, TargetPlan, TargetState } from "../types";
import type { PageProps } from "./index";
import { add, change, remove, setKey, test } from "./providers_change";

const STATES: Partial<Record<TargetState, readonly [string, Tone]>> = {
  ready: ["can be asked", "good"],
  trying: ["tried again by the next request", "warm"],
  cooling: ["rests after failures", "bad"],
  paused: ["asked for fewer requests", "bad"],
  limited: ["at its limit", "warm"],
  full: ["busy", "warm"],
  unavailable: ["cannot be used", "bad"],
};
/** How many models of one provider are asked about. */
const MOST = 8;
/** Milliseconds. */
const OFTEN = 10_000;

export default function Providers({ admin }: PageProps) {
  const providers = useAsk<{ data: readonly ProviderView[] }>("/admin/providers", { on: ["config"] });
  const models = useAsk<{ data: readonly ModelView[] }>("/admin/models", { on: ["config"] });
  const credentials = useAsk<{ data: readonly CredentialView[] }>("/admin/credentials", { on: ["config"] });
  const rows = providers.data?.data ?? [];
  const stands = useStands(rows.flatMap((row) => row.models.filter((name) => !name.includes("*")).slice(0, MOST)));
  const again = () => (providers.again(), models.again(), credentials.again());
  useActions(admin ? [{ label: "Add a provider", run: () => add(again) }] : []);
  return (
    <>
      <div class="heading">
        <h1>Providers</h1>
        {admin && (
          <button type="button" class="main" onClick={() => add(again)}>
            Add a provider
          </button>
        )}
      </div>
      <Problem error={providers.error} again={again} />
      {providers.data === null && providers.error === null && <p class="quiet waiting">Loading …</p>}
      {providers.data !== null && rows.length === 0 && (
        <Empty title="No provider is configured">
          <p>Models of a cloud, or of a server elsewhere that speaks OpenAI’s wire, come through a provider.</p>
          <Cli line="glowplug providers" />
        </Empty>
      )}
      <div class="cards broad">
        {rows.map((row) => (
          <Provider key={row.name} row={row} models={models.data?.data ?? []} credentials={credentials.data?.data ?? []} stands={stands} admin={admin} again={again} />
        ))}
      </div>
      {rows.length > 0 && <Cli line="glowplug providers list" />}
    </>
  );
}

/** How models stand for a request now, as a worker knows it. */
function useStands(names: readonly string[]): ReadonlyMap<string, TargetPlan> {
  const keys = useAsk<{ data: readonly KeyView[] }>(names.length > 0 ? "/admin/keys" : null);
  const key = keys.data?.data.find((one) => one.revoked_at === null && one.blocked_at === null && one.role !== "viewer" && one.models.length === 0);
  const [stands, setStands] = useState<ReadonlyMap<string, TargetPlan>>(new Map());
  const list = names.join("\n");
  useEffect(() => {
    if (key === undefined || list === "") return undefined;
    const look = async () => {
      const found = await Promise.all(
        list.split("\n").map((model) => ask<RoutePlan>("POST", "/admin/route", { model, key: key.id }).then(({ targets }) => targets.find((one) => one.name === model), () => undefined)),
      );
      setStands(new Map(found.flatMap((one) => (one === undefined ? [] : [[one.name, one] as const]))));
    };
    void look();
    const timer = setInterval(() => document.hidden || void look(), OFTEN);
    return () => clearInterval(timer);
  }, [key?.id, list]);
  return stands;
}

function Provider({
  row,
  models,
  credentials,
  stands,
  admin,
  again,
}: {
  row: ProviderView;
  models: readonly ModelView[];
  credentials: readonly CredentialView[];
  stands: ReadonlyMap<string, TargetPlan>;
  admin: boolean;
  again: () => void;
}) {
  const { name, settings } = row;
  const managed = row.source === "managed";
  const known = models.filter((one) => row.models.includes(one.name));
  const secret = String(settings["api_key"] ?? "");
  const sealed = secret.startsWith("secret:") ? secret.slice("secret:".length) : "";
  const credential = credentials.find((one) => one.name === sealed);
  return (
    <Card label={`Provider ${name}`} title={name} aside={<span class="quiet">{managed ? "added here" : "in the file"}</span>}>
      <p class="line">
        <code>{String(settings["base_url"] ?? "the catalogue’s address")}</code>
      </p>
      <p>
        <Key secret={secret} sealed={sealed} credential={credential} />
      </p>
      {row.models.length === 0 ? (
        <p class="quiet">
          Serves no model yet: <a href={to("models")}>add one</a>.
        </p>
      ) : (
        <ul class="plain">
          {row.models.map((model) => (
            <li key={model}>
              <a href={to("models", { model })}>{model}</a> <Stand target={stands.get(model)} problem={known.find((one) => one.name === model)?.problems?.[0] ?? ""} />
            </li>
          ))}
        </ul>
      )}
      <footer>
        <a href={to("requests", { outcome: "failed", model: row.models[0] ?? "" })}>Failures</a>
        <a href={to("config", { q: `providers.${name}`, from: "all" })}>Settings</a>
        {admin && row.models.length > 0 && (
          <button type="button" aria-label={`Test ${name}`} onClick={() => test(row)}>
            Test
          </button>
        )}
        {admin && (sealed !== "" || managed) && (
          <button type="button" aria-label={`Set the key of ${name}`} onClick={() => setKey(row, sealed, again)}>
            Set the key
          </button>
        )}
        {admin && (
          <button type="button" aria-label={`Change ${name}`} onClick={() => change(row, again)}>
            Change
          </button>
        )}
        {admin && managed && (
          <button type="button" aria-label={`Remove ${name}`} onClick={() => remove(row, again)}>
            Remove
          </button>
        )}
      </footer>
    </Card>
  );
}

function Stand({ target, problem }: { target: TargetPlan | undefined; problem: string }) {
  if (problem !== "" || target === undefined) {
    return problem === "" ? null : (
      <>
        <Pill tone="bad">cannot be used</Pill> <small class="bad">{problem}</small>
      </>
    );
  }
  const [word, tone] = STATES[target.state] ?? [target.state, "quiet" as Tone];
  return (
    <>
      <Pill tone={tone}>{word}</Pill>{" "}
      {target.state !== "ready" && (
        <small class="quiet">
          {target.why}
          {target.wait !== null && `; over in ${duration(target.wait)}`}
        </small>
      )}
    </>
  );
}

/** Where its key is; never the key. */
function Key({ secret, sealed, credential }: { secret: string; sealed: string; credential: CredentialView | undefined }) {
  if (sealed !== "" && credential === undefined) return <Pill tone="bad">its key {sealed} is not stored</Pill>;
  if (credential !== undefined) {
    return (
      <>
        <Pill tone={credential.problem === "" ? "good" : "bad"}>{credential.problem === "" ? "key sealed here" : "key cannot be opened"}</Pill>{" "}
        <span class="quiet">{credential.problem === "" ? `as ${credential.name}, set ${moment(credential.updated_at)}` : credential.problem}</span>
      </>
    );
  }
  const where = secret === "" ? "no key is said" : secret.startsWith("${") ? `key from the variable ${secret.slice(2, -1)}` : secret.startsWith("file:") ? "key from a file" : "key in the configuration file";
  return (
    <>
      <Pill>{where}</Pill> {secret === "***" && <span class="quiet">better sealed, or in a variable</span>}
    </>
  );
}
