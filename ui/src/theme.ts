import { useEffect, useState } from "preact/hooks";

const KEY = "theme";
const CHOSEN = "glowplug:theme";

export function theme(): string {
  return localStorage.getItem(KEY) ?? "auto";
}

export function setTheme(chosen: string): void {
  localStorage.setItem(KEY, chosen);
  document.documentElement.dataset["theme"] = chosen;
  dispatchEvent(new Event(CHOSEN));
}

/** What is chosen, wherever it was chosen. */
export function useTheme(): string {
  const [chosen, choose] = useState(theme);
  useEffect(() => {
    const look = () => choose(theme());
    addEventListener(CHOSEN, look);
    return () => removeEventListener(CHOSEN, look);
  }, []);
  return chosen;
}
