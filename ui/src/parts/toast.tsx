// What was done, said in a corner, with the way back where there is one.
import { useEffect, useState } from "preact/hooks";
import { shared } from "../shared";
import { Button, told } from "./basics";

interface Said {
  id: number;
  text: string;
  hint: string;
  bad: boolean;
  undo: (() => Promise<unknown>) | null;
}

/** Milliseconds. */
const SHORT = 6000;
const LONG = 20_000;

const shown = shared<readonly Said[]>([]);
let last = 0;

function say(text: string, more: Partial<Said>): void {
  shown.set([...shown.now().slice(-2), { id: ++last, text, hint: "", bad: false, undo: null, ...more }]);
}

/** Say what was done; `undo` puts it back. */
export function toast(text: string, undo: (() => Promise<unknown>) | null = null): void {
  say(text, { undo });
}

/** Say what could not be done. */
export function toastError(error: unknown): void {
  const [text, hint] = told(error);
  say(text, { hint, bad: true });
}

export function Toasts() {
  return <div class="toasts" role="status" aria-live="polite">{shown.use().map((one) => <Toast key={one.id} said={one} />)}</div>;
}

function Toast({ said }: { said: Said }) {
  const [held, hold] = useState(false);
  const close = () => shown.set(shown.now().filter((one) => one.id !== said.id));
  useEffect(() => {
    if (held) return undefined;
    const timer = setTimeout(close, said.undo !== null || said.bad ? LONG : SHORT);
    return () => clearTimeout(timer);
  }, [held]);
  const back = () => {
    close();
    said.undo?.().then(() => toast("Undone"), toastError);
  };
  return (
    <div class={said.bad ? "toast bad" : "toast"} onPointerEnter={() => hold(true)} onPointerLeave={() => hold(false)}>
      <span>
        {said.text}
        {said.hint !== "" && <small> {said.hint}</small>}
      </span>
      {said.undo !== null && <Button onClick={back}>Undo</Button>}
      <Button aria-label="Close" onClick={close}>×</Button>
    </div>
  );
}
