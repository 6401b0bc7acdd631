// Aliases that are kept beside the configuration file: add, change, remove.
import { quoted } from "../format";
import { act } from "../parts/dialog";
import { Area, said, Select, Text } from "../parts/fields";
import { sets, settingsOf, typed, words } from "../parts/form";
import { adds, change, takeAway } from "../parts/written";
import type { Written } from "../types";

type Settings = Record<string, unknown>;

export interface Alias {
  name: string;
  settings: Settings;
  /** Added at run time, so it can be changed here. */
  managed: boolean;
  line: number;
}

export const COLD: Record<string, string> = {
  wait: "waits for it",
  "cloud-while-cold": "goes to the next, and it is loaded behind",
  reject: "goes on to the next, and starts nothing",
};
export const POLICIES: Record<string, string> = {
  order: "in this order",
  weight: "as drawn by weight",
  "least-busy": "the least busy first",
  latency: "the quickest first",
  price: "the cheapest first",
};
/** What has no field of its own and is typed, where it says something. */
const OTHERS = ["on_context", "on_content", "weights", "sticky"] as const;

export function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}

function others(from: Settings): Settings {
  const silent = (value: unknown) => value === undefined || ["[]", "{}", "0", '"0s"'].includes(JSON.stringify(value));
  return Object.fromEntries(OTHERS.map((name) => [name, from[name]] as const).filter(([, value]) => !silent(value)));
}

function settings(form: FormData): Settings {
  const [policy, cold, fallback] = [said(form, "policy"), said(form, "cold"), words(form, "fallback")];
  return {
    targets: words(form, "targets"),
    ...(policy === "order" ? {} : { policy }),
    ...(cold === "" ? {} : { cold }),
    ...(fallback.length === 0 ? {} : { fallback }),
    ...settingsOf(said(form, "others")),
  };
}

function line(name: string, wanted: Settings): string {
  const { targets, cold, fallback, ...rest } = wanted;
  const models = list(targets).length > 0 ? list(targets) : ["MODEL"];
  const after = list(fallback).map((one) => ` --fallback ${quoted(one)}`);
  return `glowplug aliases set ${[name || "NAME", ...models].map(quoted).join(" ")}${after.join("")}${cold ? ` --cold ${String(cold)}` : ""}${sets(rest)}`;
}

function Fields({ names, from }: { names: readonly string[]; from: Settings }) {
  return (
    <>
      <Area name="targets" label="Models, one a line" rows={3} value={list(from["targets"]).join("\n")} help={`There are: ${names.join(", ")}`} />
      <Select name="policy" label="They are asked" value={String(from["policy"] ?? "order")} options={Object.entries(POLICIES)} />
      <Select name="cold" label="While the first is not loaded, a request" value={String(from["cold"] ?? "")} options={[["", "does as the defaults say"], ...Object.entries(COLD)]} />
      <Area name="fallback" label="Asked when none of them can answer, one a line" rows={2} value={list(from["fallback"]).join("\n")} />
      <Area
        name="others"
        label="Other settings"
        rows={2}
        value={typed(others(from))}
        help={'name = value, one a line: on_context = ["MODEL"] for prompts that are too long, on_content for content that is refused, weights = {"MODEL": 3}, sticky = 30m keeps a conversation where it is.'}
      />
    </>
  );
}

export function add(names: readonly string[], after: () => void): void {
  act<Written>({
    title: "Add an alias",
    fields: (
      <>
        <Text name="name" label="Name" required autofocus placeholder="chat-default" help="What clients will ask for." />
        <Fields names={names} from={{}} />
      </>
    ),
    cli: (form) => line(said(form, "name"), settings(form)),
    ...adds("aliases", (form) => ({ name: said(form, "name"), ...settings(form) }), after),
  });
}

export function edit({ name, settings: before, managed }: Alias, names: readonly string[], after: () => void): void {
  const { targets, policy, cold, fallback } = before;
  const lines = { targets, policy, cold, fallback, ...others(before) };
  // What is not said any more is taken away.
  const none = Object.fromEntries(["policy", "cold", "fallback", ...OTHERS].map((key) => [key, null]));
  change({ section: "aliases", name, managed, after }, {
    lines: Object.fromEntries(Object.entries(lines).filter(([, value]) => value !== undefined)),
    fields: <Fields names={names.filter((one) => one !== name)} from={before} />,
    said: (form) => ({ ...none, ...settings(form) }),
    cli: (form) => line(name, settings(form)),
  });
}

export function remove({ name, managed }: Alias, after: () => void): void {
  takeAway({ section: "aliases", name, managed, after }, `Clients that ask for ${name} are told that there is no such model.`);
}
