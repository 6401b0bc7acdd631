// Form fields: a label each, its explanation below it, and the value in the form's data under `name`.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useFilter } from "../router";

interface Common {
  name: string;
  label: string;
  help?: ComponentChildren;
}

export function Text({
  name,
  label,
  help,
  value,
  ...more
}: Common & {
  value?: string | undefined;
  type?: "text" | "number" | "password" | "email" | "date";
  required?: boolean;
  placeholder?: string;
  autocomplete?: string;
  minLength?: number;
  min?: number | string;
  max?: number | string;
  step?: number | string;
  autofocus?: boolean;
  onInput?: (event: InputEvent & { currentTarget: HTMLInputElement }) => void;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <input name={name} defaultValue={value ?? ""} {...more} />
      {help !== undefined && <small class="quiet">{help}</small>}
    </label>
  );
}

export function Area({ name, label, help, value, rows = 6 }: Common & { value?: string; rows?: number }) {
  return (
    <label class="field">
      <span>{label}</span>
      <textarea name={name} rows={rows} defaultValue={value ?? ""} spellcheck={false} />
      {help !== undefined && <small class="quiet">{help}</small>}
    </label>
  );
}

export type Option = string | readonly [value: string, label: string];

export function Select({ name, label, help, value, options }: Common & { value?: string; options: readonly Option[] }) {
  return (
    <label class="field">
      <span>{label}</span>
      <select name={name}>
        <Options options={options} chosen={value ?? ""} />
      </select>
      {help !== undefined && <small class="quiet">{help}</small>}
    </label>
  );
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

function Options({ options, chosen }: { options: readonly Option[]; chosen: string }) {
  return (
    <>
      {options.map((option) => {
        const [value, label] = typeof option === "string" ? [option, option] : option;
        return (
          <option key={value} value={value} selected={value === chosen}>
            {label}
          </option>
        );
      })}
    </>
  );
}

/** A text filter of the page: its value is in the address. */
export function TextFilter({ name, label, placeholder }: { name: string; label: string; placeholder?: string }) {
  const [said, say] = useFilter(name);
  const [typed, setTyped] = useState(said);
  const timer = useRef(0);
  useEffect(() => setTyped(said), [said]);
  const input = (value: string) => {
    setTyped(value);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => say(value.trim()), 250);
  };
  return (
    <label class="filter">
      <span>{label}</span>
      <input
        type="search"
        value={typed}
        placeholder={placeholder ?? ""}
        onInput={(event) => input(event.currentTarget.value)}
      />
    </label>
  );
}

/** A filter with few values; the first is what holds when the address says nothing. */
export function ChoiceFilter({ name, label, options }: { name: string; label: string; options: readonly Option[] }) {
  const first = options[0];
  const otherwise = first === undefined ? "" : typeof first === "string" ? first : first[0];
  const [said, say] = useFilter(name, otherwise);
  return (
    <label class="filter">
      <span>{label}</span>
      <select onChange={(event) => say(event.currentTarget.value)}>
        <Options options={options} chosen={said} />
      </select>
    </label>
  );
}
