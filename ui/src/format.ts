// Sizes, times and money as they are written everywhere.  null is unknown, which is not 0.
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const NANO = 1e9;

export function size(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return "unknown";
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** How long something takes or is ago: two units at most. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 1 && seconds > 0) return `${Math.round(seconds * 1000)} ms`;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** How long ago something was; null is never. */
export function ago(now: number, unix: number | null): string {
  return unix === null ? "never" : `${duration(Math.max(0, now - unix))} ago`;
}

/** `1 key`, `4 keys`. */
export function many(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Unix seconds → `2026-11-26 17:40:36` in this browser's zone. */
export function moment(unix: number | null | undefined): string {
  if (unix === null || unix === undefined || unix === 0) return "never";
  const date = new Date(unix * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Nano-dollars, with as many digits as say something. */
export function money(nano: number | null | undefined): string {
  if (nano === null || nano === undefined) return "unknown";
  const dollars = nano / NANO;
  if (dollars === 0) return "$0.00";
  return Math.abs(dollars) >= 0.1 ? `$${dollars.toFixed(2)}` : `$${dollars.toPrecision(2)}`;
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "unknown" : value.toLocaleString("en-US");
}

/** Millijoules. */
export function energy(millijoules: number | null | undefined): string {
  if (millijoules === null || millijoules === undefined) return "unknown";
  const hours = millijoules / 3.6e6;
  return hours >= 1000 ? `${(hours / 1000).toFixed(2)} kWh` : `${hours.toPrecision(2)} Wh`;
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command line: words as they are, and options; `true` is one without a value, what is empty or false is left out. */
export function command(words: string, options: Readonly<Record<string, string | number | boolean | null | undefined>>): string {
  const said = Object.entries(options).filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false);
  return [words, ...said.map(([name, value]) => `--${name}${value === true ? "" : ` ${quoted(String(value))}`}`)].join(" ");
}

/** The day in UTC, as the ledger counts days. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** JSON with a line for each member; anything else as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
