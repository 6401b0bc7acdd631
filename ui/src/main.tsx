import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { me, onEnd } from "./api";
import { Who } from "./hooks";
import { Login } from "./pages/login";
import { Shell } from "./shell";
import "./style.css";
import { setTheme, theme } from "./theme";
import type { Me } from "./types";

function App() {
  const [who, setWho] = useState<Me | null | undefined>(undefined);
  useEffect(() => {
    onEnd(() => setWho(null));
    me().then(setWho, () => setWho(null));
  }, []);
  if (who === undefined) return <p class="quiet waiting">Loading …</p>;
  if (who === null) return <Login entered={setWho} />;
  return <Who.Provider value={who}><Shell /></Who.Provider>;
}

setTheme(theme());
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
