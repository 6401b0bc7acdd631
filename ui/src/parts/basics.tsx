// The small things that every page is made of.
import type { ComponentChildren, ComponentProps } from "preact";
import { useState } from "preact/hooks";
import { Refused } from "../api";
import { Prose } from "./prose";

/** One that sends no form. */
export function Button(props: ComponentProps<"button">) {
  return <button type="button" {...props} />;
}

/** Above a page or a part of it: its title, or what is there instead, and beside it what can be done. */
export function Heading({ title, kind = "", children }: { title: ComponentChildren; kind?: string; children: ComponentChildren }) {
  return (
    <div class={`heading ${kind}`}>
      {typeof title === "string" ? <h1>{title}</h1> : title}
      {children}
    </div>
  );
}

/** What went wrong, to what, and what to do about it; takes whatever was thrown. */
export function Problem({ error, again }: { error: unknown; again?: (() => void) | undefined }) {
  if (error === null || error === undefined || error === "") return null;
  const [what, hint] = told(error);
  return (
    <div role="alert" class="problem">
      <p><strong>{sentence(what)}</strong></p>
      {hint !== "" && <p>{sentence(hint)}</p>}
      {again !== undefined && <Button onClick={again}>Try again</Button>}
    </div>
  );
}

/** An error's words and its hint. */
export function told(error: unknown): [string, string] {
  if (error instanceof Refused) return [error.message, error.hint];
  if (error instanceof TypeError) return ["the server does not answer", "it may be restarting; this page tries again by itself"];
  if (error instanceof Error) return [error.message, ""];
  return saysHint(error) ? [error.message, error.hint] : [String(error), ""];
}

/** What the server says of something that failed by itself. */
function saysHint(error: unknown): error is { message: string; hint: string } {
  return typeof error === "object" && error !== null && "message" in error && "hint" in error;
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** While what was asked for is not there: that it is waited for, or why it does not come. */
export function Waiting({ asked }: { asked: { error: unknown; again?: () => void } }) {
  if (asked.error !== null) return <Problem error={asked.error} again={asked.again} />;
  return <p class="quiet waiting">Loading …</p>;
}

/** What was asked for, once it is there, and below the reason where it cannot be had anew. */
export function Loaded<T>({ asked, children }: { asked: LoadedOf<T>; children: (data: T) => ComponentChildren }) {
  return (
    <>
      {(asked.data === null || asked.error !== null) && <Waiting asked={asked} />}
      {asked.data !== null && children(asked.data)}
    </>
  );
}
interface LoadedOf<T> {
  data: T | null;
  error: unknown;
  again: () => void;
}

/** Names and what is said of them; what is empty is left out. */
export function Facts({ facts, kind = "" }: { facts: readonly Fact[]; kind?: string }) {
  return (
    <dl class={`facts ${kind}`}>
      {facts
        .filter(([, value]) => value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
export type Fact = readonly [name: string, value: ComponentChildren];

/** A list with nothing in it says what would be there and what to do for it. */
export function Empty({ title, says, children }: { title: string; says?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p><strong>{title}</strong></p>
      {says !== undefined && <p>{typeof says === "string" ? <Prose text={says} /> : says}</p>}
      {children}
    </div>
  );
}

interface CardProps {
  title?: ComponentChildren;
  aside?: ComponentChildren;
  children: ComponentChildren;
  label?: string;
  /** More classes. */
  kind?: string;
  /** One of a list: what is under a heading already. */
  item?: boolean;
}

export function Card({ title, aside, children, label, kind = "", item = false }: CardProps) {
  const Frame = item ? "li" : "section";
  return (
    <Frame class={`card ${kind}`} aria-label={label}>
      {title !== undefined && (
        <header>
          {item ? <h3>{title}</h3> : <h2>{title}</h2>}
          {aside}
        </header>
      )}
      {children}
    </Frame>
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

/** Several, in a row. */
export function Figures({ of, children }: { of: readonly FigureOf[]; children?: ComponentChildren }) {
  return (
    <div class="figures">
      {of.map(([name, value, note]) => <Figure key={name} name={name} value={value} note={note} />)}
      {children}
    </div>
  );
}
export type FigureOf = readonly [name: string, value: ComponentChildren, note?: ComponentChildren];

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
  return <Button class="copy" aria-label={`${label}: ${text}`} onClick={copy}>{done ? "Copied" : label}</Button>;
}

/** The command that does the same. */
export function Cli({ line, label = "Command that does the same" }: { line: string; label?: string }) {
  return (
    <div class="cli">
      <code tabIndex={0} role="region" aria-label={label}>{line}</code>
      <Copy text={line} />
    </div>
  );
}

/** Text of programs: logs, configurations, answers. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div class="code">
      <pre tabIndex={0} role="region" aria-label={label}>{text}</pre>
      <Copy text={text} />
    </div>
  );
}

/** A difference as `diff -u` writes it. */
export function Diff({ text, label = "What changes" }: { text: string; label?: string }) {
  const tone = (line: string) => (/^\+(?!\+\+)/.test(line) ? "plus" : /^-(?!--)/.test(line) ? "minus" : undefined);
  return (
    <pre class="diff" tabIndex={0} role="region" aria-label={label}>
      {text.split("\n").map((line, index) => <span key={index} class={tone(line)}>{line + "\n"}</span>)}
    </pre>
  );
}

/** A secret that is shown this once. */
export function SecretOnce({ label, value, children }: { label: string; value: string; children?: ComponentChildren }) {
  return (
    <div class="secret" role="group" aria-label={label}>
      <p><strong>{label}</strong> is shown this once. Copy it now.</p>
      <Cli line={value} label={label} />
      {children}
    </div>
  );
}
