import { shared } from "./shared";

const KEY = "theme";
const chosen = shared(localStorage.getItem(KEY) ?? "auto");

/** What is chosen, wherever it was chosen. */
export const useTheme = chosen.use;
export const theme = chosen.now;

export function setTheme(to: string): void {
  localStorage.setItem(KEY, to);
  document.documentElement.dataset["theme"] = to;
  chosen.set(to);
}
