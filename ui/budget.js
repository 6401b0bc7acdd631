// The build fails when the UI outgrows what was agreed: 200 kB of script as it travels, 8,000 lines of source that people
// write and read; `types.ts` is made from the API, and not counted.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const MOST_BYTES = 200_000;
const MOST_LINES = 8_000;
const MADE = "types.ts";

/** @returns {import("vite").Plugin} */
export function budget() {
  return {
    name: "budget",
    generateBundle(_options, bundle) {
      let bytes = 0;
      for (const file of Object.values(bundle)) {
        if (file.type === "chunk") bytes += gzipSync(file.code).length;
      }
      const lines = count(join(import.meta.dirname, "src"));
      if (bytes > MOST_BYTES) this.error(`the script is ${bytes} bytes gzipped, at most ${MOST_BYTES}`);
      if (lines > MOST_LINES) this.error(`the sources are ${lines} lines, at most ${MOST_LINES}`);
      console.log(`admin UI: ${bytes} bytes of script (gzip), ${lines} lines`);
    },
  };
}

function count(folder) {
  let lines = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === MADE) continue;
    const path = join(folder, entry.name);
    lines += entry.isDirectory() ? count(path) : readFileSync(path, "utf8").split("\n").length - 1;
  }
  return lines;
}
