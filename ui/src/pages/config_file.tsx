// The configuration file in an editor: what is wrong is said while one types, nothing is written unseen.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api";
import { many } from "../format";
import { useAdmin, useAsk } from "../hooks";
import { Button, Cli, Diff, Empty, Problem, Waiting } from "../parts/basics";
import { act } from "../parts/dialog";
import type { ConfigText, Edited } from "../types";
import { Plan, Problems } from "./config_parts";

const PATH = "/admin/config/file";
const EDITING = '$EDITOR "$(glowplug config path)" && glowplug config check && glowplug config reload';
/** Milliseconds without a key before the text is looked at. */
const STILL = 500;

/** What somebody has typed and not saved; it stays while other pages are looked at. */
let draft: { digest: string; text: string } | null = null;

export function ConfigFile({ saved }: { saved: () => void }) {
  if (!useAdmin()) return <Empty title="The file itself is for admins: what is written in it is nobody else’s business" />;
  return <File saved={saved} />;
}

function File({ saved }: { saved: () => void }) {
  const file = useAsk<ConfigText>(PATH, { on: ["config", "config_refused"] });
  const there = file.data;
  if (there === null) return <Waiting asked={file} />;
  if (there.why_not !== "") {
    return <Empty title="There is no file that can be edited here" says={`${there.why_not}.`}><Cli line={EDITING} /></Empty>;
  }
  const after = () => {
    file.again();
    saved();
  };
  return <Editor there={there} saved={after} />;
}

function Editor({ there, saved }: { there: ConfigText; saved: () => void }) {
  // What is edited is what was there when the editing began, until somebody takes the newer one.
  const [base, setBase] = useState(draft === null || draft.digest === there.digest ? there : { ...there, digest: draft.digest });
  const [text, setText] = useState(draft?.text ?? there.text);
  const [seen, setSeen] = useState<Edited | null>(null);
  const [error, setError] = useState<unknown>(null);
  const timer = useRef(0);
  const dirty = text !== base.text;
  const moved = there.digest !== base.digest;
  const take = (next: ConfigText) => {
    draft = null;
    setBase(next);
    setText(next.text);
    setSeen(null);
    setError(null);
  };
  useEffect(() => {
    if (moved && !dirty) take(there);
  }, [moved, dirty]);
  useEffect(() => {
    draft = dirty ? { digest: base.digest, text } : null;
    clearTimeout(timer.current);
    if (!dirty) {
      setSeen(null);
      return undefined;
    }
    let over = false;
    timer.current = window.setTimeout(() => {
      if (there.digest !== base.digest) return;
      put(text, base.digest, true).then(
        (found) => over || (setSeen(found), setError(null)),
        (problem: unknown) => over || setError(problem),
      );
    }, STILL);
    return () => {
      over = true;
      clearTimeout(timer.current);
    };
  }, [text, base, there.digest]);
  const area = useRef<HTMLTextAreaElement>(null);
  const save = () => write(text, base, (now) => (take(now), saved()));
  return (
    <>
      <p>
        <code>{there.path}</code>{" "}
        <span class="quiet">
          {there.masked.length > 0 && (
            <>
              <code>***</code> keeps a secret as it is. A new one is named instead of written: <code>secret:NAME</code>, after{" "}
              <code>glowplug secrets set NAME</code>.{" "}
            </>
          )}
          What is run, where models lie, addresses of providers and who is let in can be changed on the machine only.
        </span>
      </p>
      {moved && dirty && (
        <div class="problem" role="alert">
          <p><strong>The file was saved by somebody else meanwhile.</strong> What you typed cannot be saved over it.</p>
          <Button onClick={() => take(there)}>Take the file as it is now</Button>
        </div>
      )}
      <Lines text={text} area={area} bad={(seen?.problems ?? []).map((one) => one.line)} say={setText} save={save} />
      <div class="actions">
        <Button class="main" disabled={!dirty || moved || seen?.ok === false} onClick={save}>Save</Button>
        <Button disabled={!dirty} onClick={() => take(there)}>Discard</Button>
        <span class="quiet" role="status">
          {!dirty ? "No change." : seen === null ? "Not looked at yet." : seen.ok ? "It can be saved." : `${many(seen.problems.length, "problem")}: it cannot be saved.`}
        </span>
      </div>
      <Problem error={error} />
      {seen !== null && <Problems rows={seen.problems} go={(line) => goTo(area.current, line)} />}
      {seen?.ok === true && seen.diff !== "" && (
        <>
          <h2>What would be saved</h2>
          <Change seen={seen} />
        </>
      )}
    </>
  );
}

function Change({ seen }: { seen: Edited }) {
  return (
    <>
      {seen.diff === "" ? <p>Nothing differs.</p> : <Diff text={seen.diff} />}
      {seen.plan !== null && <Plan plan={seen.plan} />}
    </>
  );
}

interface LinesProps {
  text: string;
  area: { current: HTMLTextAreaElement | null };
  bad: readonly number[];
  say: (text: string) => void;
  save: () => void;
}

/** A text with its line numbers. */
function Lines({ text, area, bad, say, save }: LinesProps) {
  const numbers = useRef<HTMLPreElement>(null);
  const lines = text.split("\n").length;
  const scrolled = () => {
    if (numbers.current !== null && area.current !== null) numbers.current.scrollTop = area.current.scrollTop;
  };
  const key = (event: KeyboardEvent) => {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    save();
  };
  return (
    <div class="editor">
      <pre ref={numbers} aria-hidden="true">
        {Array.from({ length: lines }, (_, index) => <span key={index} class={bad.includes(index + 1) ? "bad" : undefined}>{index + 1}</span>)}
      </pre>
      <textarea
        ref={area}
        aria-label="Configuration file"
        spellcheck={false}
        autocomplete="off"
        value={text}
        onInput={(event) => say(event.currentTarget.value)}
        onScroll={scrolled}
        onKeyDown={key}
      />
    </div>
  );
}

function goTo(area: HTMLTextAreaElement | null, line: number): void {
  if (area === null) return;
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  area.scrollTop = Math.max(0, (area.scrollHeight / lines.length) * (line - 5));
}

function put(text: string, digest: string, dry: boolean): Promise<Edited> {
  return ask("PUT", dry ? `${PATH}?dry_run=1` : PATH, { text, digest });
}

function write(text: string, base: ConfigText, saved: (now: ConfigText) => void): void {
  act<Edited>({
    title: "Save the configuration file",
    says: "A copy of the file as it is stays beside it, and the change is in force at once.",
    cli: () => EDITING,
    preview: async () => {
      const seen = await put(text, base.digest, true);
      return seen.ok ? <Change seen={seen} /> : <Problems rows={seen.problems} />;
    },
    run: async () => {
      const made = await put(text, base.digest, false);
      saved(await ask<ConfigText>("GET", PATH));
      return made;
    },
    done: (made) => (made.copy === "" ? "Nothing differed" : `Saved, and in force. What was there is in ${made.copy}`),
    undo: (made) => (made.copy === "" ? null : () => back(base.digest, made.digest, saved)),
  });
}

/** The copy of what was there before, unless somebody has saved since. */
async function back(to: string, digest: string, saved: (now: ConfigText) => void): Promise<void> {
  await ask("PUT", PATH, { back_to: to, digest });
  saved(await ask<ConfigText>("GET", PATH));
}
