import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ask, me, onEnd } from "./api";
import { Login } from "./pages/login";
import { Now } from "./pages/now";
import "./style.css";
import type { Me } from "./types";

function App() {
  const [who, setWho] = useState<Me | null | undefined>(undefined);
  useEffect(() => {
    onEnd(() => setWho(null));
    me().then(setWho, () => setWho(null));
  }, []);
  if (who === undefined) return <p class="quiet">Loading …</p>;
  if (who === null) return <Login entered={setWho} />;
  const leave = () => void ask("POST", "/auth/logout").finally(() => setWho(null));
  return (
    <>
      <header>
        <strong>Glowplug</strong>
        <span class="quiet">
          {who.name || who.email} ({who.role})
        </span>
        <ThemeSwitch />
        <button onClick={leave}>Log out</button>
      </header>
      <Now admin={who.role === "admin"} />
    </>
  );
}

function ThemeSwitch() {
  const [theme, setTheme] = useState(localStorage.getItem("theme") ?? "auto");
  useEffect(() => {
    localStorage.setItem("theme", theme);
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  return (
    <select aria-label="Theme" value={theme} onChange={(event) => setTheme(event.currentTarget.value)}>
      <option value="auto">System theme</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  );
}

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
