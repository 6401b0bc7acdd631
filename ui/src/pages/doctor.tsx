// What is wrong here, what was seen, what comes of it, and the repair: previewed, carried out, undone.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { count, duration, moment, quoted } from "../format";
import { useAsk } from "../hooks";
import { useNow } from "../live";
import { Button, Cli, Diff, Empty, Pill, Problem, type Tone } from "../parts/basics";
import { act } from "../parts/dialog";
import { ChoiceFilter } from "../parts/fields";
import { useActions } from "../parts/palette";
import { Prose } from "../parts/prose";
import { Table } from "../parts/table";
import { usePlace } from "../router";
import type { CheckView, Examination, Finding, Group, Looked, RemedyView, Repaired, RepairView, Severity } from "../types";
import type { PageProps } from "./index";
import "./doctor.css";

const TONES: Record<Severity, Tone> = { error: "bad", warning: "warm", note: "quiet" };
const ORDER: readonly Severity[] = ["error", "warning", "note"];
const GROUPS: Record<Group, string> = {
  ourselves: "This installation",
  models: "Models and routes",
  machine: "The machine",
  litellm: "LiteLLM",
};

/** What was found last; it stays while other pages are looked at. */
let kept: { at: number; checks: readonly Looked[] } | null = null;

export default function Doctor({ admin }: PageProps) {
  const [seen, setSeen] = useState(kept);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState("");
  const all = useAsk<{ data: readonly CheckView[] }>("/admin/doctor/checks");
  const history = useAsk<{ data: readonly RepairView[] }>("/admin/doctor/repairs");
  const look = async (what: { checks?: readonly string[]; slow?: boolean }, says: string) => {
    setBusy(says);
    try {
      const { checks } = await ask<Examination>("POST", "/admin/doctor/examine", what);
      const before = what.checks === undefined && !what.slow ? slowOnes(all.data?.data, kept?.checks) : (kept?.checks ?? []);
      kept = { at: Date.now() / 1000, checks: merged(before, checks) };
      setSeen(kept);
      setError(null);
    } catch (problem) {
      setError(problem);
    }
    setBusy("");
  };
  const again = () => void look({}, "Looking …");
  useEffect(again, []);
  const repaired = (name: string) => {
    history.again();
    void look({ checks: [name] }, "Looking again …");
  };
  const fixable = (seen?.checks ?? []).flatMap((one) => (one.remedy ? [one.remedy] : []));
  useActions(admin ? fixable.map((remedy) => ({ label: `Fix ${remedy.check}`, run: () => fix(remedy, repaired) })) : []);
  return (
    <>
      <div class="heading">
        <h1>Doctor</h1>
        <div class="actions">
          <Button disabled={busy !== ""} onClick={again}>Look again</Button>
          <button type="button" disabled={busy !== ""} onClick={() => void look({ slow: true }, "Looking at what takes long, too …")}>
            Also the slow checks
          </button>
        </div>
      </div>
      <Summary seen={seen} busy={busy} />
      <Problem error={error} again={again} />
      {seen !== null && <Found seen={seen.checks} admin={admin} repaired={repaired} />}
      <History asked={history.data?.data ?? null} error={history.error} admin={admin} undone={repaired} />
      {seen !== null && <Everything seen={seen.checks} all={all.data?.data ?? []} busy={busy !== ""} look={look} />}
    </>
  );
}

/** With the newer look at each check. */
function merged(before: readonly Looked[], now: readonly Looked[]): readonly Looked[] {
  const names = new Set(now.map((one) => one.check));
  return [...now, ...before.filter((one) => !names.has(one.check))];
}

/** What a look at everything else leaves as it was. */
function slowOnes(all: readonly CheckView[] | undefined, seen: readonly Looked[] | undefined): readonly Looked[] {
  const slow = new Set((all ?? []).filter((one) => one.slow).map((one) => one.name));
  return (seen ?? []).filter((one) => slow.has(one.check));
}

function Summary({ seen, busy }: { seen: typeof kept; busy: string }) {
  const now = useNow();
  if (seen === null) return <p class="line quiet waiting">{busy === "" ? "Nothing was looked at yet." : busy}</p>;
  const found = seen.checks.flatMap((one) => one.findings ?? []);
  const said = ORDER.map((severity) => [severity, found.filter((one) => one.severity === severity).length] as const);
  const lost = seen.checks.filter((one) => one.could_not).length;
  const idle = seen.checks.filter((one) => one.skipped).length;
  return (
    <p class="line" role="status">
      {said.map(([severity, number]) => (
        <span key={severity}>
          <Pill tone={number > 0 ? TONES[severity] : "quiet"}>{`${number} ${severity}${number === 1 ? "" : "s"}`}</Pill>{" "}
        </span>
      ))}
      <span class="quiet">
        {busy === "" ? `${seen.checks.length} checks ${Math.max(0, Math.round(now - seen.at)) < 5 ? "now" : `${duration(now - seen.at)} ago`}` : busy}
        {idle > 0 && `, ${idle} with nothing to look at`}
        {lost > 0 && `, ${lost} could not look`}
      </span>
    </p>
  );
}

function Found({ seen, admin, repaired }: { seen: readonly Looked[]; admin: boolean; repaired: (name: string) => void }) {
  const { query } = usePlace();
  const group = query.get("group") ?? "";
  const least = ORDER.indexOf((query.get("severity") as Severity | null) ?? "note");
  const worst = (one: Looked) => Math.min(...(one.findings ?? []).map((finding) => ORDER.indexOf(finding.severity)));
  const all = seen.filter((one) => (one.findings ?? []).length > 0);
  const shown = all
    .filter((one) => (group === "" || one.group === group) && worst(one) <= least)
    .sort((one, other) => worst(one) - worst(other) || one.title.localeCompare(other.title));
  return (
    <section class="found" aria-label="Findings">
      <div class="filters">
        <ChoiceFilter
          name="severity"
          label="At least"
          options={[["note", "notes"], ["warning", "warnings"], ["error", "errors"]]}
        />
        <ChoiceFilter name="group" label="About" options={[["", "everything"], ...Object.entries(GROUPS)]} />
      </div>
      {all.length === 0 && (
        <Empty title="Nothing is wrong here, as far as these checks go">
          <p>
            <code>glowplug smoke</code> asks every model what it promises, which shows what a look cannot.
          </p>
        </Empty>
      )}
      {all.length > 0 && shown.length === 0 && <Empty title="No finding is of this kind" />}
      {shown.map((one) => (
        <Checked key={one.check} one={one} admin={admin} repaired={repaired} />
      ))}
    </section>
  );
}

function Checked({ one, admin, repaired }: { one: Looked; admin: boolean; repaired: (name: string) => void }) {
  const { remedy } = one;
  return (
    <section class="card check" aria-label={one.check}>
      <header>
        <h2>
          {one.title} <small class="quiet">{one.check}</small>
        </h2>
        {admin && remedy && (
          <Button class="main" aria-label={`Fix ${one.check}`} onClick={() => fix(remedy, repaired)}>Fix</Button>
        )}
      </header>
      <ul class="findings">
        {(one.findings ?? []).map((finding) => (
          <Seen key={finding.subject + finding.summary} finding={finding} />
        ))}
      </ul>
      {remedy && (
        <details>
          <summary>
            {remedy.steps.length === 1 ? "One step repairs it" : `${remedy.steps.length} steps repair it`}
            {remedy.reversible === false ? ", and cannot be undone" : ", and can be undone"}
          </summary>
          <Steps remedy={remedy} />
          <Cli line={`glowplug doctor ${quoted(one.check)} --fix`} />
        </details>
      )}
    </section>
  );
}

function Seen({ finding }: { finding: Finding }) {
  return (
    <li>
      <Pill tone={TONES[finding.severity]}>{finding.severity}</Pill>
      <div>
        <p>
          <strong>{finding.subject}</strong> <Prose text={finding.summary} />
        </p>
        {(finding.evidence ?? []).length > 0 && <div class="evidence">{(finding.evidence ?? []).join("\n")}</div>}
        {finding.consequence && <p><Prose text={finding.consequence} /></p>}
        {finding.advice && <p class="quiet">What to do: <Prose text={finding.advice} /></p>}
      </div>
    </li>
  );
}

function Steps({ remedy }: { remedy: RemedyView }) {
  return (
    <>
      <ol class="steps">
        {remedy.steps.map((step) => (
          <li key={step.says}>
            {step.says}
            {step.diff && <Diff text={step.diff} label={`What changes: ${step.says}`} />}
          </li>
        ))}
      </ol>
      <p class="quiet">Risk: {remedy.risk || "none that is known."}</p>
    </>
  );
}

function fix(remedy: RemedyView, repaired: (name: string) => void): void {
  const name = remedy.check;
  act<Repaired>({
    title: `Fix ${name}`,
    verb: "Fix",
    says: (
      <p>
        {remedy.reversible === false
          ? "What is done cannot be undone."
          : "What is there now is kept first, so that it can be put back."}
      </p>
    ),
    cli: () => `glowplug doctor ${quoted(name)} --fix`,
    preview: async () => {
      const { checks } = await ask<Examination>("POST", "/admin/doctor/repair", { checks: [name], dry_run: true });
      const now = checks.find((one) => one.check === name)?.remedy;
      return now ? <Steps remedy={now} /> : <p>There is nothing to do any more.</p>;
    },
    run: async () => {
      const { repaired: done } = await ask<Examination>("POST", "/admin/doctor/repair", { checks: [name] });
      const mine = done?.find((one) => one.check === name) ?? { check: name };
      if (mine.failed) throw new Error(`It was not repaired: ${mine.failed}`);
      return mine;
    },
    done: (mine) => (mine.done?.length ? `Repaired: ${mine.done.join("; ")}` : `${name}: there was nothing to do`),
    undo: (mine) => (mine.undo ? () => undo(mine.undo ?? "") : null),
    after: () => repaired(name),
  });
}

function undo(id: string): Promise<{ undone: readonly string[] }> {
  return ask("POST", `/admin/doctor/repairs/${encodeURIComponent(id)}/undo`);
}

interface HistoryProps {
  asked: readonly RepairView[] | null;
  error: unknown;
  admin: boolean;
  undone: (name: string) => void;
}

function History({ asked, error, admin, undone }: HistoryProps) {
  const back = (row: RepairView) =>
    act({
      title: `Undo the repair ${row.id}`,
      verb: "Undo",
      says: (
        <p>
          Puts back what {row.check} changed on {moment(row.at)}: {row.changes === 1 ? "one thing" : `${row.changes} things`}. What
          somebody has changed since is not touched, and said.
        </p>
      ),
      cli: () => `glowplug doctor --undo ${quoted(row.id)}`,
      run: () => undo(row.id),
      done: (made) => `Undone: ${made.undone.join("; ") || "there was nothing to put back"}`,
      after: () => undone(row.check),
    });
  return (
    <>
      <h2>What was repaired</h2>
      <Problem error={error} />
      {asked !== null && (
        <Table
          empty={<Empty title="Nothing was repaired yet"><p>Every repair is listed here, with the way back.</p></Empty>}
          caption="What was repaired"
          rows={asked}
          id={(row) => row.id}
          columns={[
            { title: "When", cell: (row) => moment(row.at) },
            { title: "Check", cell: (row) => row.check },
            { title: "Changes", cell: (row) => count(row.changes), number: true, wide: true },
            {
              title: "Now",
              cell: (row) =>
                row.undone_at !== null ? (
                  <span class="quiet">undone {moment(row.undone_at)}</span>
                ) : admin ? (
                  <Button aria-label={`Undo ${row.id}`} onClick={() => back(row)}>Undo</Button>
                ) : (
                  "in place"
                ),
            },
          ]}
        />
      )}
    </>
  );
}

interface Row {
  check: CheckView;
  seen: Looked | undefined;
}

interface EverythingProps {
  seen: readonly Looked[];
  all: readonly CheckView[];
  busy: boolean;
  look: (what: { checks: readonly string[] }, says: string) => Promise<void>;
}

function Everything({ seen, all, busy, look }: EverythingProps) {
  const rows = all.map((check) => ({ check, seen: seen.find((one) => one.check === check.name) }));
  const open = rows.filter((row) => row.seen === undefined || row.seen.could_not).length;
  return (
    <>
      <h2>Everything that is looked at</h2>
      <details class="quietly">
        <summary>
          {rows.length} checks{open > 0 && `, ${open} of them not done`}
        </summary>
        <Table<Row>
          caption="Checks"
          rows={rows}
          id={(row) => row.check.name}
          columns={[
            { title: "Makes sure that", cell: (row) => row.check.title },
            { title: "Check", cell: (row) => <code>{row.check.name}</code>, wide: true },
            { title: "About", cell: (row) => GROUPS[row.check.group], wide: true },
            { title: "Found", cell: (row) => <Outcome {...row} busy={busy} look={look} /> },
          ]}
        />
      </details>
    </>
  );
}

function Outcome({
  check,
  seen,
  busy,
  look,
}: Row & { busy: boolean; look: (what: { checks: readonly string[] }, says: string) => Promise<void> }) {
  if (seen === undefined) {
    return (
      <button
        type="button"
        disabled={busy}
        aria-label={`Look at ${check.name}`}
        onClick={() => void look({ checks: [check.name] }, `Looking at ${check.name} …`)}
      >
        {check.slow ? "Look (slow)" : "Look"}
      </button>
    );
  }
  const found = seen.findings ?? [];
  if (seen.could_not) return <span class="bad">could not look: {seen.could_not}</span>;
  if (seen.skipped) return <span class="quiet">{seen.skipped}</span>;
  if (found.length === 0) return <span class="good">fine</span>;
  return <>{found.length === 1 ? "one finding" : `${found.length} findings`}</>;
}
