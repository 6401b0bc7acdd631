// The small things that every page is made of.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Refused } from "../api";

/** What went wrong, to what, and what to do about it; takes whatever was thrown. */
export function Problem({ error, again }: { error: unknown; again?: (() => void) | undefined }) {
  if (error === null || error === undefined || error === "") return null;
  const [what, hint] = told(error);
  return (
    <div role="alert" class="problem">
      <p>
        <strong>{sentence(what)}</strong>
      </p>
      {hint !== "" && <p>{sentence(hint)}</p>}
      {again !== undefined && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** An error's words and its hint. */
export function told(error: unknown): [string, string] {
  if (error instanceof Refused) return [error.message, error.hint];
  if (error instanceof TypeError) return ["the server does not answer", "it may be restarting; this page tries again by itself"];
  return [error instanceof Error ? error.message : String(error), ""];
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** A list with nothing in it says what would be there and what to do for it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p>
        <strong>{title}</strong>
      </p>
      {children}
    </div>
  );
}

export function Card({
  title,
  aside,
  children,
  label,
}: {
  title?: ComponentChildren;
  aside?: ComponentChildren;
  children: ComponentChildren;
  label?: string;
}) {
  return (
    <section class="card" aria-label={label}>
      {title !== undefined && (
        <header>
          <h2>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

/** One figure with its name. */
export function Figure({ name, value, note }: { name: string; value: ComponentChildren; note?: ComponentChildren }) {
  return (
    <div class="figure">
      <span class="quiet">{name}</span>
      <strong>{value}</strong>
      <span class="quiet note">{note}</span>
    </div>
  );
}

export type Tone = "good" | "warm" | "bad" | "quiet";

export function Pill({ tone = "quiet", children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`pill ${tone}`}>{children}</span>;
}

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  const copy = () => {
    void navigator.clipboard?.writeText(text).then(() => {
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    });
  };
  return (
    <button type="button" class="copy" aria-label={`${label}: ${text}`} onClick={copy}>
      {done ? "Copied" : label}
    </button>
  );
}

/** The command that does the same. */
export function Cli({ line }: { line: string }) {
  return (
    <div class="cli">
      <code tabIndex={0} role="region" aria-label="Command that does the same">
        {line}
      </code>
      <Copy text={line} />
    </div>
  );
}

/** Text of programs: logs, configurations, answers. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div class="code">
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <Copy text={text} />
    </div>
  );
}

/** A difference as `diff -u` writes it. */
export function Diff({ text, label = "What changes" }: { text: string; label?: string }) {
  const tone = (line: string) => (/^\+(?!\+\+)/.test(line) ? "plus" : /^-(?!--)/.test(line) ? "minus" : undefined);
  return (
    <pre class="diff" tabIndex={0} role="region" aria-label={label}>
      {text.split("\n").map((line, index) => (
        <span key={index} class={tone(line)}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}

/** A secret that is shown this once. */
export function SecretOnce({ label, value, children }: { label: string; value: string; children?: ComponentChildren }) {
  return (
    <div class="secret" role="group" aria-label={label}>
      <p>
        <strong>{label}</strong> is shown this once. Copy it now.
      </p>
      <div class="cli">
        <code tabIndex={0} role="region" aria-label={label}>
          {value}
        </code>
        <Copy text={value} label="Copy" />
      </div>
      {children}
    </div>
  );
}
