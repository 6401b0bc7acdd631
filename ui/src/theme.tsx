import { Options } from "./parts/fields";
import { shared } from "./shared";

const KEY = "theme";
const chosen = shared(localStorage.getItem(KEY) ?? "auto");

export const theme = chosen.now;

const system = matchMedia("(prefers-color-scheme: dark)");
const dark = shared(system.matches);
system.addEventListener("change", () => dark.set(system.matches));
/** Another one whenever the colours are. */
export const useColours = (): string => `${chosen.use()} ${dark.use()}`;

export function setTheme(to: string): void {
  localStorage.setItem(KEY, to);
  document.documentElement.dataset["theme"] = to;
  chosen.set(to);
}

/** Light, dark or as the system has it: the same wherever it is chosen, and kept in this browser. */
export function ThemeChoice() {
  return (
    <select aria-label="Theme" onChange={(event) => setTheme(event.currentTarget.value)}>
      <Options options={[["auto", "System theme"], ["light", "Light"], ["dark", "Dark"]]} chosen={chosen.use()} />
    </select>
  );
}
