// Made by `python -m tools.docs` from the values of the admin API: do not edit.
//
// Members with a `?` may be left out where they are empty; the others are always there.

/** A check that can be asked for. */
export interface CheckView {
  name: string;
  group: Group;
  title: string;
  slow: boolean;
}

/** Who holds the memory of one device now. None: unknown, which is not 0. */
export interface DeviceView {
  id: string;
  name: string;
  total: number | null;
  used: number | null;
  ours: Record<string, number>;
  others: number | null;
  other_names: readonly string[];
  leases: Record<string, number>;
  reserve: number;
  free: number | null;
  problem: string;
}

/** One run of the doctor. */
export interface Examination {
  checks: readonly Looked[];
  repaired?: readonly Repaired[];
}

/** What went wrong with an instance, in words a client can be shown. */
export interface Failure {
  kind: FailureKind;
  message: string;
  hint: string;
  log_tail: readonly string[];
  until: number;
  permanent: boolean;
}

/** Why a start or a running engine failed; each has its own remedy. */
export type FailureKind = "bad_flag" | "bad_model" | "cpu_fallback" | "crash" | "driver_lost" | "hang" | "missing_file" | "missing_program" | "no_room" | "out_of_memory" | "port_taken" | "stopped" | "too_large";

/** One thing that is not as it should be. */
export interface Finding {
  check: string;
  severity: Severity;
  subject: string;
  summary: string;
  evidence?: readonly string[];
  consequence?: string;
  advice?: string;
}

/** What a check looks at. */
export type Group = "litellm" | "machine" | "models" | "ourselves";

/** One row of `glowplug ps` and of `GET /admin/instances`. */
export interface InstanceView {
  model: string;
  engine: string;
  state: State;
  instance: string;
  pid: number | null;
  port: number | null;
  since: number;
  leases: number;
  waiting: number;
  keep_alive: number;
  idle_until: number | null;
  memory: number | null;
  load_seconds: number | null;
  loading: number | null;
  failure: Failure | null;
  claim: Record<string, number>;
  measured: Record<string, number>;
  peak: Record<string, number>;
  queue_position: number | null;
  why: string;
  launcher: string;
  unit: string;
}

/** One way to own an engine, as `docs/design/ownership.md` describes them. */
export interface LauncherView {
  name: string;
  usable: boolean;
  chosen: boolean;
  why: string;
}

export type LeaseState = "held" | "waiting";

/** Memory that is kept for a program that is not ours. */
export interface LeaseView {
  id: string;
  device: string;
  bytes: number;
  note: string;
  since: number;
  until: number | null;
  state: LeaseState;
}

/** What one check found. */
export interface Looked {
  check: string;
  title: string;
  group: Group;
  findings?: readonly Finding[];
  remedy?: RemedyView | null;
  could_not?: string;
  skipped?: string;
  seconds?: number;
}

/** Who is logged in. */
export interface Me {
  id: string;
  name: string;
  email: string;
  role: UserRole;
  session: string;
  expires_at: number | null;
  csrf: string;
}

/** All devices; the answer of `GET /admin/memory`. */
export interface MemoryView {
  data: readonly DeviceView[];
  problems: readonly string[];
}

/** A previewed repair of all findings of one check that have one. */
export interface RemedyView {
  check: string;
  steps: readonly StepView[];
  risk?: string;
  reversible?: boolean;
  goes_on?: boolean;
}

/** A repair that was carried out. */
export interface RepairView {
  id: string;
  check: string;
  at: number;
  changes: number;
  undone_at: number | null;
}

/** What became of one remedy. */
export interface Repaired {
  check: string;
  undo?: string;
  done?: readonly string[];
  failed?: string;
}

/** How bad it is; the worst first. */
export type Severity = "error" | "note" | "warning";

/** `stopped → queued → starting → loading → ready ⇄ busy → draining → stopping → releasing → stopped`; `failed`. */
export type State = "asleep" | "busy" | "draining" | "failed" | "loading" | "queued" | "ready" | "releasing" | "starting" | "stopped" | "stopping";

/** The answer of `GET /admin/status`. */
export interface Status {
  version: string;
  pid: number;
  started_at: number;
  uptime: number;
  revision: number;
  config_path: string;
  stale: string;
  workers: readonly WorkerView[];
  launchers: readonly LauncherView[];
}

/** One step of a remedy, as it is previewed. */
export interface StepView {
  says: string;
  diff?: string;
}

/** What one group used. A member that was not grouped by is None. Tokens of attempts that are still open are not in the sums; those attempts are counted in `open`. */
export interface UsageSum {
  day: string | null;
  model: string | null;
  key: string | null;
  user: string | null;
  team: string | null;
  attempts: number;
  open: number;
  failed: number;
  interrupted: number;
  estimated: number;
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
  cost: number;
  energy_mj: number | null;
  unpriced: number;
}

/** What a person may do here. */
export type UserRole = "admin" | "member" | "viewer";

/** One gateway worker as the control process knows it. */
export interface WorkerView {
  worker: string;
  pid: number;
  connected: boolean;
  since: number;
}
