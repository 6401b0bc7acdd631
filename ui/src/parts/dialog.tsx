// One dialog for whatever changes something: what will happen, the command that does the same, then the doing.
import type { ComponentChildren, Ref } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ask, type Method } from "../api";
import { shared } from "../shared";
import { refresh } from "../live";
import { Button, Cli, Problem } from "./basics";
import { toast } from "./toast";

export interface Act<T> {
  title: string;
  /** What it means, above the fields. */
  says?: ComponentChildren;
  /** Fields (`parts/fields`); their values are what the functions below are given. */
  fields?: ComponentChildren;
  /** The command line that does the same; empty for none. */
  cli: (form: FormData) => string;
  /** What would happen, asked for when it opens and (with fields) on the button. */
  preview?: (form: FormData) => Promise<ComponentChildren>;
  run?: (form: FormData) => Promise<T>;
  /** Instead of both, where one request does it: what the server says of it with `dry_run`, as `seen` writes that, and the doing. */
  request?: (form: FormData) => Request;
  seen?: (found: T, form: FormData) => ComponentChildren;
  /** The button; the first word of the title where nothing is said. */
  verb?: string;
  danger?: boolean;
  /** Said afterwards. */
  done?: (result: T) => string;
  /** How to put it back. */
  undo?: (result: T, form: FormData) => (() => Promise<unknown>) | null;
  /** Shown in the place of the form when it is done, a secret for instance; null closes it. */
  shows?: (result: T) => ComponentChildren | null;
  /** Called after it was done, and after it was undone, to ask anew. */
  after?: () => void;
}

type Request = readonly [method: Method, path: string, body?: unknown];

/** The preview and the doing of one request. */
export function once<T>(
  request: (form: FormData) => Request,
  seen: (found: T, form: FormData) => ComponentChildren,
): Required<Pick<Act<T>, "preview" | "run">> {
  return {
    preview: async (form) => {
      const [method, path, body] = request(form);
      const dry = `${path}${path.includes("?") ? "&" : "?"}dry_run=1`;
      return seen(await ask<T>(method, dry, body), form);
    },
    run: async (form) => ask<T>(...request(form)),
  };
}

interface Open {
  id: number;
  title: string;
  /** Given a way to close itself. */
  body: (close: () => void) => ComponentChildren;
  wide: boolean;
}

const open = shared<Open | null>(null);
let last = 0;

/** Ask before something is changed, then change it. */
export function act<T>(asked: Act<T>): void {
  const { request, seen = () => null } = asked;
  const whole = request === undefined ? asked : { ...asked, ...once(request, seen) };
  show(asked.title, (close) => <Form asked={whole} close={close} />);
}

/** Show anything in the dialog: a log, a detail. */
export function show(title: string, body: (close: () => void) => ComponentChildren, wide = false): void {
  open.set({ id: ++last, title, body, wide });
}

export function Dialogs() {
  const opened = open.use();
  const close = () => open.set(null);
  if (opened === null) return null;
  return <Frame key={opened.id} title={opened.title} kind={opened.wide ? "wide" : ""} close={close}>{opened.body(close)}</Frame>;
}

/** For a dialog that is open while it is there; what had the focus gets it back. */
export function useModal(): Ref<HTMLDialogElement> {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => before instanceof HTMLElement && before.isConnected && before.focus();
  }, []);
  return dialog;
}

/** A dialog with its title and the way out. */
export function Frame({ title, kind, close, children }: { title: string; kind: string; close: () => void; children: ComponentChildren }) {
  const dialog = useModal();
  const id = useId();
  return (
    <dialog ref={dialog} class={kind} aria-labelledby={id} onClose={close}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button class="plain" aria-label="Close" onClick={close}>×</Button>
      </header>
      {children}
    </dialog>
  );
}
/** A sentence alone is a paragraph. */
function paragraph(said: ComponentChildren): ComponentChildren {
  return typeof said === "string" ? <p>{said}</p> : said;
}

function Form<T>({ asked, close }: { asked: Act<T>; close: () => void }) {
  const form = useRef<HTMLFormElement>(null);
  const [line, setLine] = useState(() => asked.cli(new FormData()));
  const [seen, setSeen] = useState<ComponentChildren>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<ComponentChildren | null>(null);
  const data = () => new FormData(form.current ?? undefined);
  const look = () => {
    asked.preview?.(data()).then((found) => {
      setSeen(paragraph(found));
      setError(null);
    }, setError);
  };
  useEffect(() => {
    setLine(asked.cli(data()));
    if (asked.fields === undefined) look();
  }, []);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const sent = data();
      const made = (await asked.run?.(sent)) as T;
      asked.after?.();
      void refresh();
      const back = asked.undo?.(made, sent) ?? null;
      if (asked.done !== undefined) toast(asked.done(made), back && (() => back().then(asked.after)));
      const left = asked.shows?.(made) ?? null;
      if (left === null) close();
      else setResult(left);
    } catch (problem) {
      setError(problem);
    }
    setBusy(false);
  };
  if (result !== null) {
    return (
      <>
        {result}
        <footer><Button class="main" onClick={close}>Done</Button></footer>
      </>
    );
  }
  return (
    <form ref={form} onSubmit={send} onInput={() => setLine(asked.cli(data()))}>
      {asked.says !== undefined && <div>{paragraph(asked.says)}</div>}
      {asked.fields}
      {asked.preview !== undefined && (
        <div class="preview" aria-live="polite">
          {seen ?? <p class="quiet">{asked.fields === undefined ? "Looking …" : "“Preview” says what would happen."}</p>}
        </div>
      )}
      <Problem error={error} />
      {line !== "" && <Cli line={line} />}
      <footer>
        {asked.preview !== undefined && asked.fields !== undefined && <Button onClick={look}>Preview</Button>}
        <Button onClick={close}>Cancel</Button>
        <button class={asked.danger ? "main danger" : "main"} disabled={busy}>{asked.verb ?? asked.title.split(" ")[0]}</button>
      </footer>
    </form>
  );
}
