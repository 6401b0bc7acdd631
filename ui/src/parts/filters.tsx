// Filters that only some pages have.
import type { ComponentChildren } from "preact";
import { Button } from "./basics";
import { filter } from "../router";

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
  return <Button onClick={() => filter(Object.fromEntries(names.map((name) => [name, ""])))}>Clear filters</Button>;
}
