// What a form's fields say, as the configuration and its commands have it.
import { quoted } from "../format";
import { said } from "./fields";

/** A name a line, or between commas. */
export function words(form: FormData, name: string): string[] {
  return said(form, name).split(/[\n,]/).map((one) => one.trim()).filter((one) => one !== "");
}

/** `name = value` a line, as settings; `options.context` is a member of `options`. */
export function settingsOf(text: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const line of text.split("\n")) {
    const at = line.search(/[=:]/);
    if (at <= 0) continue;
    const [first = "", ...rest] = line.slice(0, at).trim().split(".");
    const value = plain(line.slice(at + 1).trim());
    if (rest.length === 0) found[first] = value;
    else found[first] = { ...(found[first] as Record<string, unknown> | undefined), [rest.join(".")]: value };
  }
  return found;
}

/** Numbers, true, false and lists are what they look like. */
function plain(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Settings as they are typed: what `settingsOf` reads. */
export function typed(settings: Record<string, unknown>): string {
  return Object.entries(settings).map(([name, value]) => `${name} = ${text(value)}`).join("\n");
}

/** Options of a command that set these. */
export function sets(settings: Record<string, unknown>): string {
  const pairs = Object.entries(settings).flatMap(([name, value]) =>
    name === "options" && value !== null && typeof value === "object"
      ? Object.entries(value).map(([option, one]): [string, unknown] => [`options.${option}`, one])
      : [[name, value] as [string, unknown]],
  );
  return pairs.map(([name, value]) => (value === undefined ? "" : ` --set ${quoted(`${name}=${text(value)}`)}`)).join("");
}

/** Settings as lines of the configuration file, below `section` and `name`. */
export function yaml(section: string, name: string, settings: Record<string, unknown>): string {
  const lines = Object.entries(settings).map(([key, value]) => `    ${key}: ${text(value)}`);
  return `${section}:\n  ${name}:\n${lines.join("\n")}`;
}
