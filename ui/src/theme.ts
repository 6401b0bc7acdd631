const KEY = "theme";

export function theme(): string {
  return localStorage.getItem(KEY) ?? "auto";
}

export function setTheme(chosen: string): void {
  localStorage.setItem(KEY, chosen);
  document.documentElement.dataset["theme"] = chosen;
}
