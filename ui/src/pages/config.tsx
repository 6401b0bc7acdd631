// What is in force and where each value is from, the file in an editor, and what can be moved in.
import { post, useAsk, type Asked } from "../hooks";
import { Card, Cli, Empty, Heading, Pill, Problem, Waiting } from "../parts/basics";
import { act } from "../parts/dialog";
import { ChoiceFilter, TextFilter } from "../parts/fields";
import { from, leavesOf, written, type Leaf } from "../parts/origin";
import { Offer } from "../parts/palette";
import { Table } from "../parts/table";
import { Tabs, useTab } from "../parts/tabs";
import { usePlace } from "../router";
import type { Checked, Shown } from "../types";
import { ConfigFile } from "./config_file";
import { Plan, Problems, type Planned } from "./config_parts";

const TABS = [
  { name: "values", title: "In force" },
  { name: "file", title: "File" },
  { name: "imports", title: "Imports" },
];

export default function Config() {
  const tab = useTab(TABS);
  const shown = useAsk<Shown>("/admin/config", { on: ["config"] });
  const checked = useAsk<Checked>("/admin/config/check", { by: post, on: ["config", "config_refused"] });
  const reload = () => reloadNow(() => (shown.again(), checked.again()));
  return (
    <>
      <Heading title="Config"><Offer label="Reload the configuration" short="Reload" run={reload} /></Heading>
      <Standing checked={checked} />
      <Tabs page="config" label="Parts of the configuration" tabs={TABS} />
      {tab === "values" && (shown.data === null ? <Waiting asked={shown} /> : <Values shown={shown.data} />)}
      {tab === "file" && <ConfigFile saved={checked.again} />}
      {tab === "imports" && <Imports />}
    </>
  );
}

/** Whether the file on the disk could be in force. */
function Standing({ checked: { data, error, again } }: { checked: Asked<Checked> }) {
  if (data === null) return error === null ? <p class="line quiet">Looking at the file …</p> : <Problem error={error} again={again} />;
  return (
    <>
      <p class="line">
        <Pill tone={data.ok ? "good" : "bad"}>{data.ok ? "fine" : "not in force"}</Pill>{" "}
        {data.path === "" ? <span class="quiet">There is no configuration file; what is in force is defaults and what was added here.</span> : <code>{data.path}</code>}
      </p>
      {!data.ok && <p>What is on the disk cannot be in force; what was in force before goes on serving.</p>}
      <Problems rows={data.problems} />
      <Problems rows={data.warnings} warnings />
    </>
  );
}

function reloadNow(done: () => void): void {
  act<Planned>({
    title: "Reload the configuration",
    says: "The file is read anyhow when it is saved; this reads it now, secrets that it names included.",
    cli: () => "glowplug config reload",
    request: () => ["POST", "/admin/config/reload"],
    seen: (plan) => <Plan plan={plan} />,
    done: (made) => (made.changed.length === 0 ? "Read; nothing has changed" : `In force: ${made.changed.join(", ")}`),
    after: done,
  });
}

// ---- in force

function Values({ shown }: { shown: Shown }) {
  const { query } = usePlace();
  const words = (query.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const from = query.get("from") ?? "given";
  const leaves = leavesOf(shown);
  const found = leaves.filter(
    (one) =>
      (from === "all" || (from === "given" ? one.origin.kind !== "default" : one.origin.kind === from)) &&
      words.every((word) => one.path.toLowerCase().includes(word) || written(one.value).toLowerCase().includes(word)),
  );
  const sections = [...new Set(found.map((one) => one.section))];
  return (
    <>
      <div class="filters">
        <TextFilter name="q" label="Setting or value" placeholder="keep_alive" />
        <ChoiceFilter
          name="from"
          label="From"
          options={[
            ["given", "wherever it was given"],
            ["file", "the file"],
            ["managed", "added here"],
            ["environment", "the environment"],
            ["default", "defaults"],
            ["all", "everywhere"],
          ]}
        />
        <span class="quiet">{found.length} of {leaves.length} values</span>
      </div>
      {found.length === 0 && (
        <Empty title={leaves.length === 0 ? "Nothing is configured" : "No value is from there, or called so"}>
          {words.length === 0 && <p>Everything has its default. <a href="/ui/config?from=all">Show the defaults</a></p>}
        </Empty>
      )}
      {sections.map((section) => <Section key={section} name={section} rows={found.filter((one) => one.section === section)} />)}
      <Cli line="glowplug config show" />
    </>
  );
}

function Section({ name, rows }: { name: string; rows: readonly Leaf[] }) {
  return (
    <>
      <h2>{name}</h2>
      <div class="values">
        <Table<Leaf>
          caption={`Values of ${name}`}
          rows={rows}
          id={(row) => row.path}
          columns={[
            { title: "Setting", cell: (row) => row.path.slice(row.section.length).replace(/^\./, "") || row.path },
            { title: "Value", cell: (row) => <code>{written(row.value)}</code> },
            { title: "From", cell: (row) => <span class="quiet">{from(row.origin)}</span>, also: true },
          ]}
        />
      </div>
    </>
  );
}

// ---- imports

const IMPORTS = [
  {
    title: "LiteLLM’s file",
    says: "Providers, models, names, fallbacks and limits; secrets are sealed in the database.",
    line: "glowplug import litellm --config config.yaml",
  },
  {
    title: "LiteLLM with its database",
    says: "Also keys, which go on working, people, teams, budgets and what was used. It asks that no server runs here meanwhile.",
    line: "glowplug import litellm --config config.yaml --database env:DATABASE_URL --salt-key-file salt.key",
  },
  {
    title: "llama-swap",
    says: "Its models with their commands, names and times.",
    line: "glowplug import llama-swap config.yaml",
  },
  { title: "Ollama", says: "The library of a running Ollama, a model each.", line: "glowplug import ollama" },
];

function Imports() {
  return (
    <>
      <p>
        What is in the configuration stays as it is, a copy of it is kept, and doing it again does nothing. The commands are
        for the machine that Glowplug runs on, because the files are there.
      </p>
      <div class="cards broad">
        {IMPORTS.map(({ title, says, line }) => (
          <Card key={title} title={title}>
            <p>{says}</p>
            <p class="quiet">First only look:</p>
            <Cli line={`${line} --dry-run`} />
            <p class="quiet">Then move in:</p>
            <Cli line={line} />
          </Card>
        ))}
        <Card title="Models that are here already">
          <p>
            Asks the configured providers, an Ollama and servers on this machine, and looks for weights in folders and in the
            cache of Hugging Face. It prints lines for the <a href="/ui/config?view=file">file</a> and changes nothing.
          </p>
          <Cli line="glowplug models discover --folder ~/models" />
        </Card>
      </div>
    </>
  );
}
