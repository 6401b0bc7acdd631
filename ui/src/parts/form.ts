// What a form's fields say, as the configuration has it.
import { quoted } from "../format";

/** A field's text without blanks around it; empty where there is no such field. */
export function word(form: FormData, name: string): string {
  const said = form.get(name);
  return typeof said === "string" ? said.trim() : "";
}

/** A name a line, or between commas. */
export function words(form: FormData, name: string): string[] {
  return word(form, name)
    .split(/[\n,]/)
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

/** `name = value` a line, as settings; numbers, true, false and lists are what they look like. */
export function settingsOf(text: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const line of text.split("\n")) {
    const at = line.search(/[=:]/);
    if (at > 0) put(found, line.slice(0, at).trim(), plain(line.slice(at + 1).trim()));
  }
  return found;
}

/** `options.context` is a member of `options`. */
function put(into: Record<string, unknown>, name: string, value: unknown): void {
  const [first = "", ...rest] = name.split(".");
  if (first === "options" && rest.length > 0) {
    into[first] = { ...(into[first] as Record<string, unknown> | undefined), [rest.join(".")]: value };
  } else into[name] = value;
}

export function plain(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Options of a command that set these. */
export function sets(settings: Record<string, unknown>): string {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => {
      if (name === "options" && value !== null && typeof value === "object") {
        return Object.entries(value).map(([option, one]) => ` --set ${quoted(`options.${option}=${said(one)}`)}`);
      }
      return [` --set ${quoted(`${name}=${said(value)}`)}`];
    })
    .join("");
}

function said(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Settings as lines of the configuration file, below `section` and `name`. */
export function yaml(section: string, name: string, settings: Record<string, unknown>): string {
  const lines = Object.entries(settings).map(([key, value]) => `    ${key}: ${said(value)}`);
  return `${section}:\n  ${name}:\n${lines.join("\n")}`;
}
