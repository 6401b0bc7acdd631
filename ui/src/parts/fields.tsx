// Form fields: a label each, its explanation below it, and the value in the form's data under `name`.
import type { ComponentChildren, ComponentProps } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useFilter } from "../router";

/** What was written into a field. */
export function said(form: FormData, name: string): string {
  return String(form.get(name) ?? "").trim();
}

/** Roles of people, as choices. */
export const ROLES = [
  ["member", "member: their own keys and usage"],
  ["viewer", "viewer: sees everything, changes nothing"],
  ["admin", "admin: does everything"],
] as const;

interface Common {
  name: string;
  label: string;
  help?: ComponentChildren;
}

interface FieldProps {
  label: string;
  help?: ComponentChildren;
  kind?: "field" | "filter";
  children: ComponentChildren;
}

/** A control under its label. */
export function Field({ label, help, kind = "field", children }: FieldProps) {
  return (
    <label class={kind}>
      <span>{label}</span>
      {children}
      {help !== undefined && <small class="quiet">{help}</small>}
    </label>
  );
}

/** The same among the filters of a page. */
export function Filter(props: FieldProps) {
  return <Field kind="filter" {...props} />;
}

export function Text({ name, label, help, value, ...more }: Common & { value?: string | undefined } & Omit<ComponentProps<"input">, "value">) {
  return <Field label={label} help={help}><input name={name} defaultValue={value ?? ""} {...more} /></Field>;
}

export function Area({ name, label, help, value, ...more }: Common & { value?: string | undefined } & Omit<ComponentProps<"textarea">, "value">) {
  return <Field label={label} help={help}><textarea name={name} rows={6} defaultValue={value ?? ""} spellcheck={false} {...more} /></Field>;
}

export type Option = string | readonly [value: string, label: string];

export function Select({ name, label, help, value, options }: Common & { value?: string; options: readonly Option[] }) {
  return <Field label={label} help={help}><select name={name}><Options options={options} chosen={value ?? ""} /></select></Field>;
}

export function Check({ name, label, help, checked = false }: Common & { checked?: boolean }) {
  return (
    <label class="field check">
      <input type="checkbox" name={name} defaultChecked={checked} />
      <span>{label}</span>
      {help !== undefined && <small class="quiet">{help}</small>}
    </label>
  );
}

export function Options({ options, chosen }: { options: readonly Option[]; chosen: string }) {
  return (
    <>
      {options.map((option) => {
        const [value, label] = typeof option === "string" ? [option, option] : option;
        return <option key={value} value={value} selected={value === chosen}>{label}</option>;
      })}
    </>
  );
}

interface TextFilterProps {
  name: string;
  label: string;
  placeholder?: string;
  /** A day is one in UTC. */
  type?: "search" | "date";
  /** What the API takes: nothing else is asked for, for instance what is half typed. */
  valid?: RegExp;
}

/** A text filter of the page: its value is in the address. */
export function TextFilter({ name, label, placeholder = "", type = "search", valid = /^/ }: TextFilterProps) {
  const [said, say] = useFilter(name);
  const [typed, setTyped] = useState(said);
  const timer = useRef(0);
  useEffect(() => setTyped(said), [said]);
  const good = (text: string) => text === "" || valid.test(text);
  const input = (value: string) => {
    setTyped(value);
    clearTimeout(timer.current);
    if (good(value.trim())) timer.current = window.setTimeout(() => say(value.trim()), 250);
  };
  return (
    <Filter label={label}>
      <input
        type={type}
        value={typed}
        placeholder={placeholder}
        aria-invalid={!good(typed.trim())}
        onInput={(event) => input(event.currentTarget.value)}
      />
    </Filter>
  );
}

/** A filter with few values; the first is what holds when the address says nothing. */
export function ChoiceFilter({ name, label, options }: { name: string; label: string; options: readonly Option[] }) {
  const first = options[0];
  const otherwise = first === undefined ? "" : typeof first === "string" ? first : first[0];
  const [said, say] = useFilter(name, otherwise);
  return (
    <Filter label={label}><select onChange={(event) => say(event.currentTarget.value)}><Options options={options} chosen={said} /></select></Filter>
  );
}
