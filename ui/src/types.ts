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

/** A model that would be unloaded to make room. */
export interface EvictionView {
  model: string;
  why: string;
  frees: Record<string, number>;
  state: State;
  reload_seconds: number | null;
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

/** What one instance needs, before anybody decided where. `device` + `host` is the whole. */
export interface Footprint {
  device: number;
  host: number;
  error: number;
  source: Source;
  shards: number;
  parts: Record<string, number>;
  detail: string;
}

/** What the control process and its workers take; the answer of `GET /admin/footprint`. */
export interface FootprintView {
  memory: number | null;
  cpu_seconds: number | null;
  processes: number;
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
  leaving: string;
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

/** What a load would do; the answer of `GET /admin/plan/{model}`. */
export interface PlanView {
  model: string;
  verdict: Verdict;
  why: string;
  claim: Record<string, number>;
  footprint: Footprint;
  evict: readonly EvictionView[];
  eta_s: number | null;
  queue_position: number | null;
  devices: readonly DeviceView[];
  failure: Failure | null;
  estimate_error: number | null;
}

/** A previewed repair of all findings of one check that have one. */
export interface RemedyView {
  check: string;
  steps: readonly StepView[];
  risk?: string;
  reversible?: boolean;
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

/** The rungs of the ladder, best first: who says what an instance needs. */
export type Source = "declared" | "engine" | "header" | "learned" | "nothing" | "policy" | "size";

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

/** What would become of a load that is asked for now. */
export type Verdict = "after_evicting" | "fits" | "never" | "ready" | "waits";

/** One gateway worker as the control process knows it. */
export interface WorkerView {
  worker: string;
  pid: number;
  connected: boolean;
  since: number;
}
