// What is wrong here, what was seen, what comes of it, and the repair: previewed, carried out, undone.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { ago, count, many, moment, quoted } from "../format";
import { useAdmin, useAsk } from "../hooks";
import { useNow } from "../live";
import { Button, Card, Cli, Diff, Empty, Heading, Loaded, Pill, Problem, type Tone } from "../parts/basics";
import { act } from "../parts/dialog";
import { ChoiceFilter } from "../parts/fields";
import { useActions } from "../parts/palette";
import { Prose } from "../parts/prose";
import { Table } from "../parts/table";
import { usePlace } from "../router";
import type { CheckView, Examination, Finding, Group, Looked, RemedyView, Repaired, RepairView, Severity } from "../types";
import "./doctor.css";
import { look as lookNow, ORDER, seen as kept, tally, type Seen } from "./doctor_seen";

const TONES: Record<Severity, Tone> = { error: "bad", warning: "warm", note: "quiet" };
const GROUPS: Record<Group, string> = {
  ourselves: "This installation",
  models: "Models and routes",
  machine: "The machine",
  litellm: "LiteLLM",
};

type Looking = (what: Parameters<typeof lookNow>[0], says: string) => Promise<void>;

export default function Doctor() {
  const admin = useAdmin();
  const seen = kept.use();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState("");
  const all = useAsk<{ data: readonly CheckView[] }>("/admin/doctor/checks");
  const history = useAsk<{ data: readonly RepairView[] }>("/admin/doctor/repairs");
  const look: Looking = async (what, says) => {
    setBusy(says);
    try {
      await lookNow(what);
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
      <Heading title="Doctor">
        <div class="actions">
          <Button disabled={busy !== ""} onClick={again}>Look again</Button>
          <Button disabled={busy !== ""} onClick={() => void look({ slow: true }, "Looking at what takes long, too …")}>Also the slow checks</Button>
        </div>
      </Heading>
      <Summary seen={seen} busy={busy} />
      <Problem error={error} again={again} />
      {seen !== null && <Found seen={seen.checks} repaired={repaired} />}
      <h2>What was repaired</h2>
      <Loaded asked={history}>{({ data }) => <History rows={data} undone={repaired} />}</Loaded>
      {seen !== null && <Everything seen={seen.checks} all={all.data?.data ?? []} busy={busy !== ""} look={look} />}
    </>
  );
}

function Summary({ seen, busy }: { seen: Seen | null; busy: string }) {
  const now = useNow();
  if (seen === null) return <p class="line quiet waiting">{busy === "" ? "Nothing was looked at yet." : busy}</p>;
  const lost = seen.checks.filter((one) => one.could_not).length;
  const idle = seen.checks.filter((one) => one.skipped).length;
  return (
    <p class="line" role="status">
      {tally(seen).map(([severity, number]) => (
        <span key={severity}><Pill tone={number > 0 ? TONES[severity] : "quiet"}>{many(number, severity)}</Pill>{" "}</span>
      ))}
      <span class="quiet">
        {busy === "" ? `${seen.checks.length} checks ${now - seen.at < 5 ? "now" : ago(now, seen.at)}` : busy}
        {idle > 0 && `, ${idle} with nothing to look at`}
        {lost > 0 && `, ${lost} could not look`}
      </span>
    </p>
  );
}

function Found({ seen, repaired }: { seen: readonly Looked[]; repaired: (name: string) => void }) {
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
        <ChoiceFilter name="severity" label="At least" options={[["note", "notes"], ["warning", "warnings"], ["error", "errors"]]} />
        <ChoiceFilter name="group" label="About" options={[["", "everything"], ...Object.entries(GROUPS)]} />
      </div>
      {all.length === 0 && (
        <Empty
          title="Nothing is wrong here, as far as these checks go"
          says="`glowplug smoke` asks every model what it promises, which shows what a look cannot."
        />
      )}
      {all.length > 0 && shown.length === 0 && <Empty title="No finding is of this kind" />}
      {shown.map((one) => <Checked key={one.check} one={one} repaired={repaired} />)}
    </section>
  );
}

function Checked({ one, repaired }: { one: Looked; repaired: (name: string) => void }) {
  const { remedy } = one;
  const repair = useAdmin() && remedy && <Button class="main" aria-label={`Fix ${one.check}`} onClick={() => fix(remedy, repaired)}>Fix</Button>;
  return (
    <Card kind="check" label={one.check} title={<>{one.title} <small class="quiet">{one.check}</small></>} aside={repair}>
      <ul class="findings">{(one.findings ?? []).map((finding) => <Shown key={finding.subject + finding.summary} finding={finding} />)}</ul>
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
    </Card>
  );
}

function Shown({ finding }: { finding: Finding }) {
  return (
    <li>
      <Pill tone={TONES[finding.severity]}>{finding.severity}</Pill>
      <div>
        <p><strong>{finding.subject}</strong> <Prose text={finding.summary} /></p>
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
    says: remedy.reversible === false ? "What is done cannot be undone." : "What is there now is kept first, so that it can be put back.",
    cli: () => `glowplug doctor ${quoted(name)} --fix`,
    preview: async () => {
      const { checks } = await ask<Examination>("POST", "/admin/doctor/repair", { checks: [name], dry_run: true });
      const now = checks.find((one) => one.check === name)?.remedy;
      return now ? <Steps remedy={now} /> : "There is nothing to do any more.";
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

function History({ rows, undone }: { rows: readonly RepairView[]; undone: (name: string) => void }) {
  const admin = useAdmin();
  const back = (row: RepairView) =>
    act({
      title: `Undo the repair ${row.id}`,
      says:
        `Puts back what ${row.check} changed on ${moment(row.at)}: ${many(row.changes, "thing")}. ` +
        "What somebody has changed since is not touched, and said.",
      cli: () => `glowplug doctor --undo ${quoted(row.id)}`,
      run: () => undo(row.id),
      done: (made) => `Undone: ${made.undone.join("; ") || "there was nothing to put back"}`,
      after: () => undone(row.check),
    });
  const now = (row: RepairView) => {
    if (row.undone_at !== null) return <span class="quiet">undone {moment(row.undone_at)}</span>;
    return admin ? <Button aria-label={`Undo ${row.id}`} onClick={() => back(row)}>Undo</Button> : "in place";
  };
  return (
    <Table
      empty={<Empty title="Nothing was repaired yet" says="Every repair is listed here, with the way back." />}
      caption="What was repaired"
      rows={rows}
      id={(row) => row.id}
      columns={[
        { title: "When", cell: (row) => moment(row.at) },
        { title: "Check", cell: (row) => row.check },
        { title: "Changes", cell: (row) => count(row.changes), number: true, wide: true },
        { title: "Now", cell: now },
      ]}
    />
  );
}

function Everything({ seen, all, busy, look }: { seen: readonly Looked[]; all: readonly CheckView[]; busy: boolean; look: Looking }) {
  const outcomeOf = (check: CheckView) => seen.find((one) => one.check === check.name);
  const open = all.map(outcomeOf).filter((found) => found === undefined || found.could_not).length;
  const result = (check: CheckView) => {
    const found = outcomeOf(check);
    const again = () => void look({ checks: [check.name] }, `Looking at ${check.name} …`);
    if (found !== undefined) return <Outcome seen={found} />;
    return <Button disabled={busy} aria-label={`Look at ${check.name}`} onClick={again}>{check.slow ? "Look (slow)" : "Look"}</Button>;
  };
  return (
    <>
      <h2>Everything that is looked at</h2>
      <details class="quietly">
        <summary>{many(all.length, "check")}{open > 0 && `, ${open} of them not done`}</summary>
        <Table
          caption="Checks"
          rows={all}
          id={(check) => check.name}
          columns={[
            { title: "Makes sure that", cell: (check) => check.title },
            { title: "Check", cell: (check) => <code>{check.name}</code>, wide: true },
            { title: "About", cell: (check) => GROUPS[check.group], wide: true },
            { title: "Found", cell: result },
          ]}
        />
      </details>
    </>
  );
}

function Outcome({ seen }: { seen: Looked }) {
  const found = seen.findings ?? [];
  if (seen.could_not) return <span class="bad">could not look: {seen.could_not}</span>;
  if (seen.skipped) return <span class="quiet">{seen.skipped}</span>;
  return found.length === 0 ? <span class="good">fine</span> : <>{many(found.length, "finding")}</>;
}
