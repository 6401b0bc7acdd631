// What was done, said in a corner, with the way back where there is one.
import { useEffect, useState } from "preact/hooks";
import { told } from "./basics";

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

let shown: readonly Said[] = [];
let last = 0;
let draw: () => void = () => undefined;

function change(to: readonly Said[]): void {
  shown = to;
  draw();
}

/** Say what was done; `undo` puts it back. */
export function toast(text: string, undo: (() => Promise<unknown>) | null = null): void {
  change([...shown.slice(-2), { id: ++last, text, hint: "", bad: false, undo }]);
}

/** Say what could not be done. */
export function toastError(error: unknown): void {
  const [text, hint] = told(error);
  change([...shown.slice(-2), { id: ++last, text, hint, bad: true, undo: null }]);
}

export function Toasts() {
  const [, again] = useState(0);
  useEffect(() => {
    draw = () => again((count) => count + 1);
    return () => void (draw = () => undefined);
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <Toast key={one.id} said={one} />
      ))}
    </div>
  );
}

function Toast({ said }: { said: Said }) {
  const [held, hold] = useState(false);
  const close = () => change(shown.filter((one) => one.id !== said.id));
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
      {said.undo !== null && (
        <button type="button" onClick={back}>
          Undo
        </button>
      )}
      <button type="button" aria-label="Close" onClick={close}>
        ×
      </button>
    </div>
  );
}
