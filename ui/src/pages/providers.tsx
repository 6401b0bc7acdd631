// Whom models are asked for elsewhere: how each stands, with which credential, and what it serves.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { duration } from "../format";
import { useAdmin, useAsk, useSteady } from "../hooks";
import { Button, Card, Empty, Heading, Pill, Problem, type Tone, told, Waiting } from "../parts/basics";
import { Offer } from "../parts/palette";
import { to } from "../router";
import type { CredentialView, KeyView, ProviderView, RoutePlan, TargetPlan, TargetState } from "../types";
import { add, change, key, remove } from "./providers_form";

const TONES: Partial<Record<TargetState, Tone>> = {
  ready: "good",
  trying: "warm",
  cooling: "bad",
  paused: "warm",
  limited: "warm",
  full: "warm",
  unavailable: "bad",
};
/** Milliseconds. */
const EVERY = 15_000;
/** Of a provider's models, so many are looked at: a breaker is each model's own. */
const MOST = 8;
const NONE =
  "A provider serves models from elsewhere, beside those of this machine. Some are known by name alone: `groq`, `openai`, `anthropic` and others.";

export default function Providers() {
  const asked = useAsk<{ data: readonly ProviderView[] }>("/admin/providers", { on: ["config"] });
  const secrets = useAsk<{ data: readonly CredentialView[] }>("/admin/credentials", { on: ["config"] });
  const keys = useAsk<{ data: readonly KeyView[] }>("/admin/keys", { on: ["keys"] });
  const [rows, steady] = useSteady(asked.data?.data ?? [], (row) => row.name);
  const changed = () => (asked.again(), secrets.again());
  const asks = keys.data?.data.find(usable)?.id ?? "";
  return (
    <>
      <Heading title="Providers"><Offer main label="Add a provider" run={() => add(changed)} /></Heading>
      {(asked.data === null || asked.error !== null) && <Waiting asked={asked} />}
      {asked.data?.data.length === 0 && <Empty title="No provider is configured" says={NONE} />}
      {keys.data !== null && asks === "" && rows.length > 0 && (
        <p class="quiet">How models stand is asked in the name of an API key, and there is none that may use models.</p>
      )}
      <ul class="cards broad" {...steady}>
        {rows.map((row) => <Provider key={row.name} row={row} asks={asks} secrets={secrets.data?.data ?? null} changed={changed} />)}
      </ul>
    </>
  );
}

function usable(one: KeyView): boolean {
  return one.role === "user" && one.models.length === 0 && one.revoked_at === null && one.blocked_at === null;
}

interface ProviderProps {
  row: ProviderView;
  asks: string;
  secrets: readonly CredentialView[] | null;
  changed: () => void;
}

function Provider({ row, asks, secrets, changed }: ProviderProps) {
  const { name, models } = row;
  const managed = row.source === "managed";
  const { type, base_url: url } = row.settings;
  return (
    <Card item kind="instance" title={name} aside={<Pill>{managed ? "added here" : "of the file"}</Pill>}>
      <p class="line quiet">{[type, url].filter((one) => typeof one === "string").join(", ") || "as the catalogue knows it"}</p>
      <Credential row={row} secrets={secrets} />
      {models.length === 0 && <p class="line quiet">It serves no model yet.</p>}
      <ul>{models.slice(0, MOST).map((model) => <Model key={model} model={model} asks={asks} />)}</ul>
      {models.length > MOST && (
        <details>
          <summary>{models.length - MOST} more models</summary>
          <ul>{models.slice(MOST).map((model) => <li key={model}><a href={to("models", { model })}>{model}</a></li>)}</ul>
        </details>
      )}
      {useAdmin() && managed && (
        <footer>
          <Button aria-label={`Change ${name}`} onClick={() => change(row, changed)}>Change</Button>
          <Button aria-label={`Replace the key of ${name}`} onClick={() => key(row, changed)}>Replace the key</Button>
          <Button aria-label={`Remove ${name}`} onClick={() => remove(row, changed)}>Remove</Button>
        </footer>
      )}
    </Card>
  );
}

/** Where its key is and whether it can be opened; never the key. */
function Credential({ row, secrets }: { row: ProviderView; secrets: readonly CredentialView[] | null }) {
  const said = row.settings["api_key"];
  const uses = secrets?.filter((one) => one.used_by.some((where) => where.startsWith(`providers.${row.name}.`))) ?? [];
  const broken = uses.find((one) => one.problem !== "");
  if (broken !== undefined) return <Problem error={`the secret ${broken.name} cannot be used: ${broken.problem}`} />;
  const kept = uses.map((one) => one.name).join(", ");
  return <p class="line">{kept !== "" ? `Its key is the secret ${kept}.` : said ? "Its key is in its settings." : "No key is given here."}</p>;
}

/** How a model of it stands for a request that is only thought of: nothing is sent. */
function Model({ model, asks }: { model: string; asks: string }) {
  const [seen, setSeen] = useState<TargetPlan | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (asks === "") return undefined;
    const look = () => {
      if (document.hidden) return;
      ask<RoutePlan>("POST", "/admin/route", { model, key: asks }).then(
        (plan) => (setSeen(plan.targets.find((one) => one.name === model) ?? null), setProblem("")),
        (error: unknown) => setProblem(told(error)[0]),
      );
    };
    look();
    const timer = setInterval(look, EVERY);
    return () => clearInterval(timer);
  }, [model, asks]);
  return (
    <li>
      <a href={to("models", { model })}>{model}</a> {seen !== null && <Pill tone={TONES[seen.state] ?? "quiet"}>{seen.state}</Pill>}
      {seen !== null && seen.state !== "ready" && (
        <small class="quiet">
          {" "}
          {seen.why}
          {seen.wait !== null && `, for ${duration(seen.wait)} yet`}
          {seen.change !== "" && `; otherwise if ${seen.change}`}
        </small>
      )}
      {problem !== "" && <small class="bad"> {problem}</small>}
    </li>
  );
}
