// Made by `python -m tools.docs` from the components of docs/openapi.json: do not edit.
//
// Members with a `?` may be left out; the others are always there.

/** Where the request goes in a case. */
export interface Afterwards {
  case: string;
  targets: readonly string[];
  text: string;
}

/** The plans of an alias's targets; the answer of `GET /admin/plan/{alias}`. */
export interface AliasPlan {
  alias: string;
  targets: readonly string[];
  cold: string;
  data: readonly PlanView[];
}

/** The control process answers. */
export interface Alive {
  status: string;
}

/** Whose requests named something. Times in Unix seconds. */
export interface Asker {
  key: string;
  user: string;
  requests: number;
  first: number;
  last: number;
}

/** One line of the ledger, for people. Times in seconds, `started` in Unix time, `cost` in nano-dollars. */
export interface AttemptView {
  attempt: number;
  state: string;
  model: string;
  worker: string;
  started: number;
  duration: number;
  first_byte: number;
  status: number;
  outcome: string;
  reason: string;
  streamed: boolean;
  estimated: boolean;
  prompt_tokens: number;
  completion_tokens: number;
  cached_tokens: number;
  cache_written: number;
  reasoning: number;
  prompt_audio: number;
  completion_audio: number;
  cost: number;
  price: string;
  energy_mj: number | null;
}

/** One backup: where it is and what is in it. */
export interface BackupView {
  name: string;
  file: string;
  bytes: number | null;
  made_at: number;
  version: string;
  revision: string;
  rows: number;
  tables: Record<string, number>;
  files: readonly string[];
  problem: string;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface BackupViewPage {
  data: readonly BackupView[];
  has_more: boolean;
  next: string | null;
}

/** One request with its answer, for people. Bytes that are no UTF-8 are shown as U+FFFD. */
export interface BodyView {
  request: string;
  key: string;
  at: number;
  kind: string;
  asked: string;
  model: string;
  status: number;
  sent: string;
  answered: string;
  truncated: boolean;
}

/** A budget for people. Nano-dollars. */
export interface BudgetView {
  id: string;
  scope: Scope;
  name: string;
  amount: number;
  window: Window;
  seconds: number;
  created_at: number;
  spent: number | null;
  reserved: number | null;
  remaining: number | null;
  starts_at: number | null;
  ends_at: number | null;
  dry_run: boolean;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface BudgetViewPage {
  data: readonly BudgetView[];
  has_more: boolean;
  next: string | null;
}

/** What a cancellation did. */
export interface Cancelled {
  request: string;
  calls: number;
}

/** A model that could be served. */
export interface Candidate {
  name: string;
  settings: Record<string, unknown>;
  size: number | null;
  base_url: string;
}

/** What a model can be asked for; each names the endpoint it opens. */
export type Capability = "chat" | "completions" | "embeddings" | "files" | "images" | "messages" | "moderations" | "realtime" | "rerank" | "responses" | "speech" | "transcriptions";

/** One change. `before` and `after` are plain JSON without secrets; where there are both, only what differs. */
export interface Change {
  id: string;
  at: number;
  by: string;
  through: string;
  action: string;
  noun: string;
  subject: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  request: string;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface ChangePage {
  data: readonly Change[];
  has_more: boolean;
  next: string | null;
}

/** A check that can be asked for. */
export interface CheckView {
  name: string;
  group: Group;
  title: string;
  slow: boolean;
}

/** All rows of a list that is never long. */
export interface CheckViewRows {
  data: readonly CheckView[];
}

/** What a look at the file on the disk found. */
export interface Checked {
  ok: boolean;
  path: string;
  problems: readonly ProblemView[];
  warnings: readonly ProblemView[];
}

/** The body of `POST /auth/claim`. Name and address matter for a new user only. */
export interface Claim {
  token: string;
  password: string;
  name?: string;
  email?: string;
}

/** The answer of `GET /admin/clients`. */
export interface ClientList {
  data: readonly ClientView[];
  url: string;
  model: string;
  models: readonly string[];
  placeholder: string;
  others: readonly Sighting[];
}

/** One client of `GET /admin/clients`. */
export interface ClientView {
  name: string;
  title: string;
  kind: string;
  wire: string;
  command: string;
  writes: boolean;
  recognised: boolean;
  snippets: readonly Snippet[];
  steps: readonly string[];
  notes: readonly string[];
  seen: readonly Sighting[];
}

/** What an alias does while its first target is not loaded (DESIGN: a request's cold path). */
export type Cold = "cloud-while-cold" | "reject" | "wait";

/** The answer of `GET /admin/config/file`. */
export interface ConfigText {
  path: string;
  text: string;
  digest: string;
  masked: readonly string[];
  why_not: string;
}

/** A secret for people: everything but its value. */
export interface CredentialView {
  name: string;
  created_at: number;
  updated_at: number;
  sealed_with: string;
  problem: string;
  used_by: readonly string[];
  dry_run: boolean;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface CredentialViewPage {
  data: readonly CredentialView[];
  has_more: boolean;
  next: string | null;
}

/** A deprecated alias, and whose requests named it since it is that. */
export interface DeprecatedName {
  name: string;
  targets: readonly string[];
  since: number;
  requests: number;
  last: number | null;
  uses: readonly Asker[];
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface DeprecatedNamePage {
  data: readonly DeprecatedName[];
  has_more: boolean;
  next: string | null;
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

/** The answer of `POST /admin/discover`. */
export interface Discovered {
  data: readonly Candidate[];
  engines: readonly EngineFound[];
  folders: readonly string[];
  lines: readonly string[];
}

/** It is done, and there is nothing to say about it: `{}`. */
export interface Done {
}

/** The body of `PUT /admin/config/file`. */
export interface Edit {
  digest: string;
  text?: string;
  back_to?: string;
}

/** What was written, or would be. */
export interface Edited {
  path: string;
  ok: boolean;
  digest: string;
  diff: string;
  copy: string;
  plan: Reloaded | null;
  problems: readonly ProblemView[];
  dry_run: boolean;
}

/** What became of several sessions of one user. */
export interface Ended {
  user: string;
  sessions: readonly SessionView[];
  dry_run: boolean;
}

/** One engine, and whether its program is here. */
export interface EngineFound {
  name: string;
  program: string;
  path: string;
}

/** One entry as it is in force; no secret is in it. */
export interface EntryView {
  name: string;
  source: string;
  settings: Record<string, unknown>;
}

/** The answer to every request that failed. */
export interface ErrorAnswer {
  error: ErrorDetail;
}

/** What happened, to what, and what to do; the members that OpenAI's clients read, and more. */
export interface ErrorDetail {
  message: string;
  type: string;
  param: string | null;
  code: string;
  source: string;
  request_id: string;
  hint?: string;
  loading?: Record<string, unknown> | null;
  reason?: string;
  log_tail?: readonly string[] | null;
  problems?: readonly Wrong[] | null;
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

/** An option that can be supposed otherwise: a number, or one of a few words. */
export interface FitChoice {
  name: string;
  help: string;
  choices: readonly string[];
  minimum: number | null;
  value: string | number | number | boolean | null;
}

/** What a load would do with these options; the answer of `GET /admin/models/{name}/fit`. */
export interface FitView {
  engine: string;
  plan: PlanView;
  command: readonly string[];
  choices: readonly FitChoice[];
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
  keep_alive: number | null;
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
  pinned: boolean;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface InstanceViewPage {
  data: readonly InstanceView[];
  has_more: boolean;
  next: string | null;
}

/** An invitation for people: everything but its hash. */
export interface InvitationView {
  id: string;
  user: string;
  name: string;
  role: UserRole;
  by: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
  link: string | null;
}

/** All rows of a list that is never long. */
export interface InvitationViewRows {
  data: readonly InvitationView[];
}

/** What is to be another at a key; the body of `PATCH /admin/keys/{id}`. What is left out stays. */
export interface KeyChange {
  name?: string;
  models?: readonly string[];
  routes?: readonly string[];
  rpm?: number | null;
  tpm?: number | null;
  concurrency?: number | null;
  rights?: Rights;
  priority?: number;
  expires_in?: number | null;
  user?: string;
  team?: string;
  tags?: readonly string[];
  end_users?: boolean;
  cached?: boolean;
  log_bodies?: boolean;
  blocked?: boolean;
}

/** A stored key for people: everything but its hash. */
export interface KeyView {
  id: string;
  name: string;
  display: string;
  role: Role;
  models: readonly string[];
  rpm: number | null;
  rights: Rights;
  priority: number;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
  user: string;
  team: string;
  tags: readonly string[];
  tpm: number | null;
  concurrency: number | null;
  end_users: boolean;
  cached: boolean;
  log_bodies: boolean;
  routes: readonly string[];
  replaces: string;
  blocked_at: number | null;
  key: string | null;
  dry_run: boolean;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface KeyViewPage {
  data: readonly KeyView[];
  has_more: boolean;
  next: string | null;
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

/** Rows, whether more follow, and the `after` that asks for them. */
export interface LeaseViewPage {
  data: readonly LeaseView[];
  has_more: boolean;
  next: string | null;
}

/** What a check found. */
export interface LedgerChecked {
  ok: boolean;
  lines: number;
  records: number;
  sums: number;
  problems: number;
  findings: readonly LedgerFinding[];
}

/** Something that does not fit. */
export interface LedgerFinding {
  kind: string;
  what: string;
  hint: string;
}

/** A limit or a budget that the request is under, and how much of it is left. */
export interface LimitPlan {
  whose: string;
  unit: string;
  limit: number;
  left: number | null;
  resets: number | null;
}

/** A limit for people. */
export interface LimitView {
  scope: Scope;
  name: string;
  rpm: number | null;
  tpm: number | null;
  concurrency: number | null;
  dry_run: boolean;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface LimitViewPage {
  data: readonly LimitView[];
  has_more: boolean;
  next: string | null;
}

/** The body of `POST /auth/login`. */
export interface Login {
  user: string;
  password: string;
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

/** What was made, or would be. */
export interface MadeBackup {
  backup: BackupView;
  removed: readonly string[];
  dry_run: boolean;
}

/** A team for those who manage it. */
export interface ManagedTeam {
  team: TeamView;
  members: readonly MemberView[];
  keys: readonly KeyView[];
  budgets: readonly BudgetView[];
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

/** A person in a team. */
export interface Member {
  team: string;
  user: string;
  manager: boolean;
  since: number;
}

/** Somebody in a team, for people. */
export interface MemberView {
  team: string;
  user: string;
  name: string;
  manager: boolean;
  since: number;
  dry_run: boolean;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface MemberViewPage {
  data: readonly MemberView[];
  has_more: boolean;
  next: string | null;
}

/** All devices; the answer of `GET /admin/memory`. */
export interface MemoryView {
  data: readonly DeviceView[];
  problems: readonly string[];
}

/** Who is asking, and what is theirs. */
export interface Mine {
  key: KeyView | null;
  role: Role;
  user: UserView | null;
  teams: readonly Member[];
  keys: readonly KeyView[];
  budgets: readonly BudgetView[];
  usage: readonly UsageSum[];
}

/** One row of `GET /admin/models`. */
export interface ModelView {
  name: string;
  kind: string;
  engine?: string;
  base_url?: string;
  upstream_model?: string;
  targets?: readonly string[];
  cold?: string;
  capabilities?: readonly Capability[];
  state?: string;
  problems?: readonly string[];
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface ModelViewPage {
  data: readonly ModelView[];
  has_more: boolean;
  next: string | null;
}

/** The body of `POST /admin/me/keys`: what a key of one's own is asked to be. The rest is the caller's key's. */
export interface MyKey {
  name?: string;
  models?: readonly string[] | null;
  rpm?: number | null;
  tpm?: number | null;
  concurrency?: number | null;
  expires_in?: number | null;
}

/** What is wanted of one. */
export interface NewBackup {
  keep?: number | null;
}

/** What a new budget is asked to be; the body of `POST /admin/budgets`. */
export interface NewBudget {
  budget: string;
  scope?: Scope;
  name?: string;
}

/** A secret and its name; the body of `PUT /admin/credentials`. */
export interface NewCredential {
  name: string;
  value: string;
}

/** The body of `POST /admin/invitations`. */
export interface NewInvitation {
  name?: string;
  role?: UserRole;
  user?: string;
  expires_in?: number;
}

/** What a new key is asked to be; the body of `POST /admin/keys`. */
export interface NewKey {
  name?: string;
  role?: Role;
  models?: readonly string[];
  rpm?: number | null;
  rights?: Rights;
  priority?: number;
  expires_in?: number | null;
  user?: string;
  team?: string;
  tags?: readonly string[];
  tpm?: number | null;
  concurrency?: number | null;
  end_users?: boolean;
  cached?: boolean;
  log_bodies?: boolean;
  routes?: readonly string[];
  budget?: string;
}

/** What is asked for; the body of `POST /admin/leases`. */
export interface NewLease {
  memory: number | string;
  seconds: number;
  device?: string;
  note?: string;
  wait?: number;
}

/** What a scope is to be limited to; the body of `POST /admin/limits`. What is left out is not limited. */
export interface NewLimit {
  scope?: Scope;
  name?: string;
  rpm?: number | null;
  tpm?: number | null;
  concurrency?: number | null;
}

/** Somebody in a team; the body of `PUT /admin/teams/{id}/members`. */
export interface NewMember {
  user: string;
  manager?: boolean;
}

/** The body of `POST /admin/rename`. */
export interface NewName {
  old: string;
  new: string;
}

/** The body of `POST /admin/me/password`. */
export interface NewPassword {
  current: string;
  password: string;
}

/** What a new team is asked to be; the body of `POST /admin/teams`. */
export interface NewTeam {
  id?: string;
  name?: string;
  models?: readonly string[];
}

/** What a new user is asked to be; the body of `POST /admin/users`. */
export interface NewUser {
  id?: string;
  name?: string;
  email?: string;
  role?: UserRole;
  models?: readonly string[];
}

/** Where one value comes from. */
export interface Origin {
  kind: string;
  line: number;
  variables: readonly string[];
  inherited: string;
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

/** In which order the targets of an alias are asked; those that cannot answer are passed over in any case. */
export type Policy = "latency" | "least-busy" | "order" | "price" | "weight";

/** One thing that is wrong in the file. */
export interface ProblemView {
  path: string;
  line: number;
  message: string;
  hint: string;
  file: string;
}

/** A model that should be called something else. */
export interface Proposal {
  name: string;
  proposed: string;
  why: string;
  command: string;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface ProposalPage {
  data: readonly Proposal[];
  has_more: boolean;
  next: string | null;
}

/** One row of `GET /admin/providers`; no secret is in it. */
export interface ProviderView {
  name: string;
  source: string;
  settings: Record<string, unknown>;
  models: readonly string[];
}

/** All rows of a list that is never long. */
export interface ProviderViewRows {
  data: readonly ProviderView[];
}

/** How many sums were wrong. */
export interface Rebuilt {
  wrong: number;
  dry_run: boolean;
}

/** The error that the client would get. */
export interface RefusalPlan {
  status: number;
  code: string;
  message: string;
  hint: string;
  retry_after: number | null;
}

/** What a reload changed, or would. */
export interface Reloaded {
  changed: readonly string[];
  revision: number;
  before: number;
  dry_run: boolean;
  warnings: readonly ProblemView[];
  restarts: readonly string[];
  adds: readonly string[];
  removes: readonly string[];
  needs_new_process: readonly string[];
}

/** A previewed repair of all findings of one check that have one. */
export interface RemedyView {
  check: string;
  steps: readonly StepView[];
  risk?: string;
  reversible?: boolean;
  goes_on?: boolean;
}

/** What a deletion did. */
export interface Removed {
  key: string;
  removed: number;
}

/** What was changed, or would be. */
export interface Renamed {
  old: string;
  new: string;
  noun: string;
  files: readonly string[];
  rows: Record<string, number>;
  deprecated: string;
  dry_run: boolean;
}

/** Whose remedies are carried out; without names those of everything. */
export interface Repair {
  checks?: readonly string[];
  slow?: boolean;
  dry_run?: boolean;
}

/** A repair that was carried out. */
export interface RepairView {
  id: string;
  check: string;
  at: number;
  changes: number;
  undone_at: number | null;
}

/** All rows of a list that is never long. */
export interface RepairViewRows {
  data: readonly RepairView[];
}

/** What became of one remedy. */
export interface Repaired {
  check: string;
  undo?: string;
  done?: readonly string[];
  failed?: string;
}

/** Some requests, and the `after` that goes on behind them. There may be fewer than were asked for and still more to come: one page reads a bounded part of the past. */
export interface RequestPage {
  data: readonly RequestView[];
  has_more: boolean;
  next: string | null;
  seen: number | null;
}

/** One request: who asked for what, and every try to answer it in order. */
export interface RequestView {
  request: string;
  started: number;
  key: string;
  user: string;
  team: string;
  tags: readonly string[];
  asked: string;
  path: string;
  trace: string;
  prompt_tokens: number;
  completion_tokens: number;
  cost: number;
  outcome: string;
  attempts: readonly AttemptView[];
}

/** From where a budget is to go on; the body of `POST /admin/budgets/{id}/reset`. */
export interface ResetBudget {
  spent?: string;
}

/** What a key's requests may do to the machine's memory; each includes those below it. */
export type Rights = "evict" | "start" | "warm";

/** What a key may do. */
export type Role = "admin" | "user" | "viewer";

/** What turning the key did. */
export interface Rotated {
  key: string;
  resealed: number;
  problems: readonly string[];
  forgotten: readonly string[];
  dry_run: boolean;
}

/** How a key is replaced; the body of `POST /admin/keys/{id}/rotate`. */
export interface Rotation {
  overlap?: number;
}

/** The body of `POST /admin/route`. */
export interface RouteAsked {
  model?: string;
  key?: string;
  kind?: string;
  request?: Record<string, unknown> | null;
  input_tokens?: number;
  tags?: readonly string[];
  session?: string;
  headers?: Record<string, string>;
}

/** What would happen; the answer of `POST /admin/route`. */
export interface RoutePlan {
  asked: string;
  name: string;
  matched: string;
  match: string;
  key: string;
  key_name: string;
  kind: string;
  policy: Policy;
  arranged: string;
  cold: Cold;
  timeout: number;
  prompt_tokens: number | null;
  tags: readonly string[];
  remembered: string;
  targets: readonly TargetPlan[];
  after: readonly Afterwards[];
  limits: readonly LimitPlan[];
  notes: readonly string[];
  refusal: RefusalPlan | null;
  first: string;
  because: string;
  worker: string;
}

/** One load of a model: what was expected and what it took. Bytes; `device` is all accelerators together. */
export interface RunView {
  at: number;
  estimate_device: number;
  estimate_host: number;
  source: Source;
  measured_device: number | null;
  measured_host: number | null;
  error: number | null;
  seconds: number;
  short: boolean;
}

/** All rows of a list that is never long. */
export interface RunViewRows {
  data: readonly RunView[];
}

/** What a budget or a limit is for. Each request is in the scopes of its key, its user, its team, each of its tags, the model that serves it, and `ALL`. */
export type Scope = "all" | "key" | "model" | "tag" | "team" | "user";

/** A session for people. */
export interface SessionView {
  id: string;
  user: string;
  created_at: number;
  last_seen: number;
  expires_at: number;
  agent: string;
  current: boolean;
  dry_run: boolean;
}

/** All rows of a list that is never long. */
export interface SessionViewRows {
  data: readonly SessionView[];
}

/** How bad it is; the worst first. */
export type Severity = "error" | "note" | "warning";

/** A redacted tree of plain values, and by dotted path the source of each leaf. Safe to print and to send. */
export interface Shown {
  path: string;
  digest: string;
  tree: Record<string, unknown>;
  sources: Record<string, Origin>;
  managed: string;
}

/** A program that came with a key. */
export interface Sighting {
  key: string;
  agent: string;
  client: string;
  first: number;
  last: number;
  key_used: number | null;
}

/** All rows of a list that is never long. */
export interface SightingRows {
  data: readonly Sighting[];
}

/** A text to copy. */
export interface Snippet {
  title: string;
  language: string;
  text: string;
}

/** The rungs of the ladder, best first: who says what an instance needs. */
export type Source = "declared" | "engine" | "header" | "learned" | "nothing" | "policy" | "size";

/** One model; a row of `GET /admin/speeds`. */
export interface Speed {
  model: string;
  running: number;
  answers: number;
  tokens: number;
  tokens_per_second: number | null;
  first_byte: number | null;
  last: number | null;
}

/** All rows of a list that is never long. */
export interface SpeedRows {
  data: readonly Speed[];
}

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

/** One target. */
export interface TargetPlan {
  name: string;
  place: number;
  role: TargetRole;
  local: boolean;
  served_by: string;
  state: TargetState;
  does: string;
  warmed: boolean;
  why: string;
  change: string;
  wait: number | null;
  road: string;
  cost: number | null;
}

/** Why a target is considered at all. */
export type TargetRole = "context" | "fallback" | "target" | "wished";

/** How a target stands for the request. */
export type TargetState = "cold" | "context" | "cooling" | "endpoint" | "failed" | "full" | "limited" | "loading" | "paused" | "ready" | "tags" | "trying" | "unavailable" | "unwished" | "wire";

/** What is to be another at a team; the body of `PATCH /admin/teams/{id}`. What is left out stays. */
export interface TeamChange {
  name?: string;
  models?: readonly string[];
  blocked?: boolean;
}

/** The body of `POST /admin/me/teams/{id}/keys`: what a key of the team is asked to be. */
export interface TeamKey {
  name?: string;
  mine?: boolean;
  user?: string;
  models?: readonly string[];
  rpm?: number | null;
  tpm?: number | null;
  concurrency?: number | null;
  expires_in?: number | null;
  budget?: string;
}

/** The body of `PATCH /admin/me/teams/{id}/keys/{key}`. */
export interface TeamKeyChange {
  blocked: boolean;
}

/** A team for people. */
export interface TeamView {
  id: string;
  name: string;
  models: readonly string[];
  created_at: number;
  blocked_at: number | null;
  keys: number;
  members: number;
  dry_run: boolean;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface TeamViewPage {
  data: readonly TeamView[];
  has_more: boolean;
  next: string | null;
}

/** The same of a LiteLLM, and of nothing else unless it is named. */
export interface TheirRepair {
  litellm: Theirs;
  checks?: readonly string[];
  slow?: boolean;
  dry_run?: boolean;
}

/** Whose database a repair was about. */
export interface TheirUndoing {
  litellm: Theirs;
}

/** A LiteLLM: its database, where it runs, or both; never kept, and in no log. */
export interface Theirs {
  database?: string;
  keys?: readonly string[];
  url?: string;
  url_key?: string;
}

/** What undoing a repair did. */
export interface Undone {
  id: string;
  undone: readonly string[];
}

/** What one group used. A member that was not grouped by is None. Tokens of attempts that are still open are not in the sums; those attempts are counted in `open`. */
export interface UsageSum {
  day: string | null;
  model: string | null;
  key: string | null;
  user: string | null;
  team: string | null;
  provider: string | null;
  tag: string | null;
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

/** Rows, whether more follow, and the `after` that asks for them. */
export interface UsageSumPage {
  data: readonly UsageSum[];
  has_more: boolean;
  next: string | null;
}

/** What is to be another at a user; the body of `PATCH /admin/users/{id}`. What is left out stays. */
export interface UserChange {
  name?: string;
  email?: string;
  role?: UserRole;
  models?: readonly string[];
  blocked?: boolean;
}

/** What a person may do here. */
export type UserRole = "admin" | "member" | "viewer";

/** A user for people. */
export interface UserView {
  id: string;
  name: string;
  email: string;
  role: UserRole;
  models: readonly string[];
  created_at: number;
  blocked_at: number | null;
  keys: number;
  dry_run: boolean;
}

/** Rows, whether more follow, and the `after` that asks for them. */
export interface UserViewPage {
  data: readonly UserView[];
  has_more: boolean;
  next: string | null;
}

/** What would become of a load that is asked for now. */
export type Verdict = "after_evicting" | "fits" | "never" | "ready" | "waits";

/** What is looked at; without names everything that does not take long. */
export interface Visit {
  checks?: readonly string[];
  slow?: boolean;
}

/** Over which time spend is added up: a calendar's (UTC), or the last so many seconds. */
export type Window = "day" | "hour" | "month" | "rolling" | "total" | "week";

/** One gateway worker as the control process knows it. */
export interface WorkerView {
  worker: string;
  pid: number;
  connected: boolean;
  since: number;
}

/** What became of a change. */
export interface Written {
  section: string;
  name: string;
  settings: Record<string, unknown> | null;
  changed: readonly string[];
  warnings: readonly ProblemView[];
  dry_run: boolean;
}

/** One thing that is wrong with a configuration. */
export interface Wrong {
  path: string;
  message: string;
  hint: string;
  line: number | null;
}
