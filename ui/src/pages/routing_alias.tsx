// Aliases that are kept beside the configuration file: add, change, remove.
import { ask } from "../api";
import { quoted } from "../format";
import { Code } from "../parts/basics";
import { act, show } from "../parts/dialog";
import { Area, Select, Text } from "../parts/fields";
import { plain, sets, settingsOf, word, words, yaml } from "../parts/form";
import { Changed, changes, takeAway } from "../parts/written";
import { to } from "../router";
import type { Written } from "../types";

export interface Alias {
  name: string;
  settings: Record<string, unknown>;
  /** Added at run time, so it can be changed here. */
  managed: boolean;
  line: number;
}

const PATH = "/admin/aliases";
/** What the form asks for; the value that says nothing is left out. */
const FORM = ["targets", "policy", "weights", "cold", "fallback", "on_context", "on_content", "sticky"] as const;

function settings(form: FormData): Record<string, unknown> {
  const found: Record<string, unknown> = { targets: words(form, "targets") };
  if (word(form, "policy") !== "order") found["policy"] = word(form, "policy");
  const weights = settingsOf(word(form, "weights"));
  if (Object.keys(weights).length > 0) found["weights"] = weights;
  if (word(form, "cold") !== "") found["cold"] = word(form, "cold");
  for (const name of ["fallback", "on_context", "on_content"]) {
    if (words(form, name).length > 0) found[name] = words(form, name);
  }
  if (word(form, "sticky") !== "") found["sticky"] = plain(word(form, "sticky"));
  return found;
}

function line(name: string, said: Record<string, unknown>): string {
  const { targets, cold, fallback, ...rest } = said;
  const each = (values: unknown, before: string) => (Array.isArray(values) ? values.map((one) => ` ${before}${quoted(String(one))}`).join("") : "");
  const shown = Array.isArray(targets) && targets.length > 0 ? targets : ["MODEL"];
  return `glowplug aliases set ${quoted(name || "NAME")}${each(shown, "")}${each(fallback, "--fallback ")}${cold ? ` --cold ${String(cold)}` : ""}${sets(rest)}`;
}

function lines(value: unknown): string {
  return Array.isArray(value) ? value.join("\n") : "";
}

function Fields({ names, from = {} }: { names: readonly string[]; from?: Record<string, unknown> }) {
  const weights = Object.entries((from["weights"] ?? {}) as Record<string, number>);
  const sticky = from["sticky"];
  return (
    <>
      <Area name="targets" label="Models, one a line" rows={3} value={lines(from["targets"])} help={`There are: ${names.join(", ")}`} />
      <Select
        name="policy"
        label="Which one is asked first"
        value={String(from["policy"] ?? "order")}
        options={[
          ["order", "the first in the list"],
          ["weight", "drawn by weight"],
          ["least-busy", "the one with the fewest requests"],
          ["latency", "the quickest to its first content"],
          ["price", "the cheapest for the request’s size"],
        ]}
      />
      <Select
        name="cold"
        label="While the first is not loaded"
        value={String(from["cold"] ?? "")}
        options={[
          ["", "as the defaults say"],
          ["wait", "wait for it"],
          ["cloud-while-cold", "let the next answer, and load it behind"],
          ["reject", "go on to the next, and start nothing"],
        ]}
      />
      <Area name="fallback" label="Asked when none of them can answer, one a line" rows={2} value={lines(from["fallback"])} />
      <details>
        <summary>More</summary>
        <Area name="on_context" label="Asked when a prompt is too long" rows={2} value={lines(from["on_context"])} />
        <Area name="on_content" label="Asked when a target refuses the content" rows={2} value={lines(from["on_content"])} />
        <Area
          name="weights"
          label="Weights"
          rows={2}
          value={weights.map(([name, weight]) => `${name} = ${weight}`).join("\n")}
          help="model = 3, one a line; for “drawn by weight” and “fewest requests”."
        />
        <Text name="sticky" label="A conversation stays with its target for" placeholder="30m" value={sticky === undefined || sticky === 0 || sticky === "0s" ? "" : String(sticky)} />
      </details>
    </>
  );
}

export function add(names: readonly string[], after: () => void): void {
  act<Written>({
    title: "Add an alias",
    verb: "Add",
    fields: (
      <>
        <Text name="name" label="Name" required autofocus placeholder="chat-default" help="What clients will ask for." />
        <Fields names={names} />
      </>
    ),
    cli: (form) => line(word(form, "name"), settings(form)),
    preview: async (form) => (
      <Changed written={await ask<Written>("POST", `${PATH}?dry_run=1`, { name: word(form, "name"), ...settings(form) })} />
    ),
    run: (form) => ask<Written>("POST", PATH, { name: word(form, "name"), ...settings(form) }),
    done: ({ name }) => `${name} is served`,
    undo: ({ name }) => () => ask("DELETE", `${PATH}/${name}`).then(after),
    after,
  });
}

export function edit(alias: Alias, names: readonly string[], after: () => void): void {
  const { name } = alias;
  const before = Object.fromEntries(Object.entries(alias.settings).filter(([key]) => FORM.includes(key as (typeof FORM)[number])));
  if (!alias.managed) {
    show(`Change ${name}`, () => (
      <>
        <p>
          {name} is in the configuration file, so it is changed there; <a href={to("config", { view: "file" })}>Config</a> does that with a
          preview.
        </p>
        <Code label="Lines of the configuration" text={yaml("aliases", name, before)} />
      </>
    ));
    return;
  }
  // What is not said any more is taken away.
  const change = (form: FormData) => ({ ...Object.fromEntries(FORM.map((key) => [key, null])), ...settings(form) });
  act<Written>({
    title: `Change ${name}`,
    fields: <Fields names={names.filter((one) => one !== name)} from={alias.settings} />,
    ...changes({ section: "aliases", name, after }, change, (form) => line(name, settings(form))),
  });
}

export function remove({ name }: Alias, after: () => void): void {
  takeAway({ section: "aliases", name, after }, `Clients that ask for ${name} are told that there is no such model.`);
}
