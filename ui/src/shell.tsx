// What is around every page: navigation, palette, dialogs, what was said.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { leave } from "./api";
import { moment } from "./format";
import { useMe } from "./hooks";
import { live, useLive } from "./live";
import { PAGES, type Page } from "./pages";
import { Button, Empty, Problem, told } from "./parts/basics";
import { Dialogs } from "./parts/dialog";
import { Palette } from "./parts/palette";
import { Toasts } from "./parts/toast";
import { followLinks, to, usePlace } from "./router";
import { ThemeChoice } from "./theme";

export function Shell() {
  const who = useMe();
  const { page: name } = usePlace();
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  const reads = who.role !== "member";
  const pages = PAGES.filter((page) => reads || page.member === true);
  const page = pages.find((one) => one.name === name) ?? (name === "now" ? pages[0] : undefined);
  useEffect(followLinks, []);
  useEffect(() => (reads ? live() : undefined), [reads]);
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setPalette((open) => !open);
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  useEffect(() => {
    setMenu(false);
    document.title = page === undefined ? "Glowplug" : `${page.title} · Glowplug`;
  }, [page]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={() => document.getElementById("main")?.focus()}>Skip to the page</a>
      <header class="top">
        <Button class="plain menu" aria-label="Menu" aria-expanded={menu} aria-controls="nav" onClick={() => setMenu(!menu)}>☰</Button>
        <a class="brand" href="/ui/">Glowplug</a>
        <Button class="find" onClick={() => setPalette(true)}>Go to … <kbd>Ctrl K</kbd></Button>
      </header>
      <nav id="nav" class={menu ? "side open" : "side"} aria-label="Pages">
        <ul>
          {pages.map((one) => (
            <li key={one.name}><a href={to(one.name)} data-page={one.name} aria-current={one === page ? "page" : undefined}>{one.title}</a></li>
          ))}
        </ul>
        <Account />
      </nav>
      <main id="main" tabIndex={-1}>
        {reads && <Stale />}
        {page === undefined ? <Missing name={name} /> : <Body key={page.name} page={page} />}
      </main>
      <Toasts />
      <Dialogs />
      {palette && <Palette close={() => setPalette(false)} />}
    </div>
  );
}

function Body({ page }: { page: Page }) {
  const [Shown, setShown] = useState<ComponentType | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => void page.load().then((found) => setShown(() => found.default), setError), [page]);
  if (error !== null) return <Problem error={error} again={() => location.reload()} />;
  return Shown === null ? <p class="quiet waiting">Loading …</p> : <Shown />;
}

/** A line that is there while the server does not answer; its room is kept, so nothing moves. */
function Stale() {
  const { seen, problem } = useLive();
  const since = seen === null ? "" : ` What is shown is of ${moment(seen.asked.here / 1000).slice(11)}.`;
  return <p class="stale" role="status">{problem === null ? "" : `${told(problem)[0].replace(/^./, (first) => first.toUpperCase())}.${since}`}</p>;
}

function Missing({ name }: { name: string }) {
  return <Empty title={`There is no page “${name}” here`} says={<a href="/ui/">Go to the first page</a>} />;
}

function Account() {
  const who = useMe();
  return (
    <div class="account">
      <span class="quiet">{who.name || who.email} ({who.role})</span>
      <ThemeChoice />
      <Button onClick={leave}>Log out</Button>
    </div>
  );
}
