import { defineConfig } from "vite";
import { budget } from "./budget.js";

export default defineConfig({
  base: "/ui/",
  plugins: [budget()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    modulePreload: false,
    // Nothing is inlined: the page's policy allows no style or script in it.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
