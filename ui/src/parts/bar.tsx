// Stacked bars: who holds how much of something.
import { size } from "../format";
import type { Tone } from "./basics";

export interface Part {
  label: string;
  amount: number;
  /** Which of the bar's colours: weights, kv, overhead, others, lease, reserve, free, or a tone. */
  kind: "weights" | "kv" | "overhead" | "others" | "lease" | "reserve" | "free" | Tone;
}

interface StackedBarProps {
  total: number;
  parts: readonly Part[];
  label: string;
  says?: (amount: number) => string;
}

/** A bar of `total`, and below it what each part is; the list is what screen readers read. */
export function StackedBar({ total, parts, label, says = size }: StackedBarProps) {
  const shown = parts.filter((part) => part.amount > 0);
  const whole = Math.max(total, shown.reduce((sum, part) => sum + part.amount, 0), 1);
  return (
    <div class="stacked">
      <div class="bar" aria-hidden="true">
        {shown.map((part) => (
          <span
            key={part.label}
            class={part.kind}
            title={`${part.label}: ${says(part.amount)}`}
            style={{ width: `${(part.amount / whole) * 100}%` }}
          />
        ))}
      </div>
      <ul class="legend" aria-label={label}>
        {shown.map((part) => (
          <li key={part.label}>
            <i class={part.kind} aria-hidden="true" />
            {part.label} <span class="quiet">{says(part.amount)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** One value of a whole. */
export function Meter({ value, max, label, tone = "warm" }: { value: number; max: number; label: string; tone?: Tone }) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
  return (
    <div class="bar slim" role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={max} aria-valuenow={value}>
      <span class={tone} style={{ width: `${share * 100}%` }} />
    </div>
  );
}
