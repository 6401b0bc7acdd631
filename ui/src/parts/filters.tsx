// Filters of a page whose values the API would refuse half typed: the address has them when they are whole.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { filter, useFilter } from "../router";
import "./filters.css";

/** A text that counts once it looks right, and when it is empty. */
export function CheckedFilter({
  name,
  label,
  placeholder,
  valid,
}: {
  name: string;
  label: string;
  placeholder: string;
  valid: RegExp;
}) {
  const [said, say] = useFilter(name);
  const [typed, setTyped] = useState(said);
  useEffect(() => setTyped(said), [said]);
  const input = (value: string) => {
    setTyped(value);
    const text = value.trim();
    if (text === "" || valid.test(text)) say(text);
  };
  return (
    <label class="filter">
      <span>{label}</span>
      <input
        type="search"
        value={typed}
        placeholder={placeholder}
        aria-invalid={typed.trim() !== "" && !valid.test(typed.trim())}
        onInput={(event) => input(event.currentTarget.value)}
      />
    </label>
  );
}

/** A day (UTC). */
export function DayFilter({ name, label }: { name: string; label: string }) {
  const [said, say] = useFilter(name);
  return (
    <label class="filter">
      <span>{label}</span>
      <input type="date" value={said} onChange={(event) => say(event.currentTarget.value)} />
    </label>
  );
}

/** Filters that few need; open when one of them is `used`. */
export function More({ used, children }: { used: boolean; children: ComponentChildren }) {
  return (
    <details class="filter" open={used}>
      <summary>More filters</summary>
      <div class="filters">{children}</div>
    </details>
  );
}

/** Takes all of these filters away. */
export function Clear({ names }: { names: readonly string[] }) {
  return (
    <button type="button" onClick={() => filter(Object.fromEntries(names.map((name) => [name, ""])))}>
      Clear filters
    </button>
  );
}
