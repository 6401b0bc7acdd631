// Ctrl-K: every page, and what the page that is open offers.
import { useEffect, useMemo, useState } from "preact/hooks";
import { useAdmin } from "../hooks";
import { PAGES } from "../pages";
import { go, to } from "../router";
import { Button } from "./basics";
import { useModal } from "./dialog";

export interface Action {
  label: string;
  run: () => void;
}

const offered = new Map<symbol, readonly Action[]>();

/** Offer actions in the palette while the component is there. */
export function useActions(actions: readonly Action[]): void {
  const mine = useMemo(() => Symbol(), []);
  useEffect(() => {
    offered.set(mine, actions);
    return () => void offered.delete(mine);
  });
}

interface OfferProps extends Action {
  /** On the button, where the palette says more. */
  short?: string;
  main?: boolean;
}

/** A button that only admins have, and that the palette offers them, too. */
export function Offer({ label, short = label, main = false, run }: OfferProps) {
  const admin = useAdmin();
  useActions(admin ? [{ label, run }] : []);
  return admin ? <Button class={main ? "main" : ""} onClick={run}>{short}</Button> : null;
}

export function Palette({ close }: { close: () => void }) {
  const dialog = useModal();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const pages = PAGES.map((page) => ({ label: page.title, run: () => go(to(page.name)) }));
  const all = useMemo(() => [...pages, ...[...offered.values()].flat()], []);
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((one) => words.every((word) => one.label.toLowerCase().includes(word))).slice(0, 12);
  const chosen = Math.min(at, found.length - 1);
  const run = (action: Action | undefined) => {
    close();
    action?.run();
  };
  const key = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt(Math.max(0, Math.min(found.length - 1, chosen + step)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(found[chosen]);
    }
  };
  return (
    <dialog ref={dialog} class="palette" aria-label="Go to a page or do something" onClose={close}>
      <input
        role="combobox"
        aria-label="Page or action"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length > 0 ? `palette-${chosen}` : undefined}
        placeholder="Page or action …"
        value={typed}
        autofocus
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={key}
      />
      <ul id="palette-list" role="listbox" aria-label="Found">
        {found.map((one, index) => (
          <li key={one.label} id={`palette-${index}`} role="option" aria-selected={index === chosen} onClick={() => run(one)}>{one.label}</li>
        ))}
      </ul>
      {found.length === 0 && <p class="quiet">Nothing is called so.</p>}
    </dialog>
  );
}
