// What is one's own: password, sessions, how it looks; and who came in and changed what.
import { ask, leave, type Rows } from "../api";
import { ago, many, moment, quoted } from "../format";
import { useAdmin, useAsk, useMe, type Asked } from "../hooks";
import { Button, Card, Empty, Figures, Heading, Loaded, Pill } from "../parts/basics";
import { act } from "../parts/dialog";
import { called, useNames, type Names } from "../parts/every";
import { Text } from "../parts/fields";
import { useActions } from "../parts/palette";
import { Table } from "../parts/table";
import { Tabs, useTab, type Tab } from "../parts/tabs";
import { ThemeChoice } from "../theme";
import type { Ended, SessionView } from "../types";
import { Audit } from "./settings_audit";
import { Invitations } from "./settings_invitations";
import "./settings.css";

const OWN: Tab = { name: "own", title: "Yours" };
const READERS: readonly Tab[] = [OWN, { name: "invitations", title: "Invitations" }, { name: "audit", title: "Audit log" }];

export default function Settings() {
  const me = useMe();
  const reads = me.role !== "member";
  const tabs = reads ? READERS : [OWN];
  const tab = useTab(tabs);
  const known = useNames(reads);
  const names = (id: string) => (id === me.id ? called(me) : known(id));
  useActions([{ label: "Change the password", run: () => password(me.email) }]);
  return (
    <>
      <h1>Settings</h1>
      {reads && <Tabs page="settings" label="Parts of the settings" tabs={tabs} />}
      {tab === "own" && <Own names={names} />}
      {tab === "invitations" && <Invitations names={names} />}
      {tab === "audit" && <Audit names={names} />}
    </>
  );
}

function Own({ names }: { names: Names }) {
  const me = useMe();
  const sessions = useAsk<Rows<SessionView>>("/admin/sessions");
  const mine = sessions.data?.data.find((one) => one.current);
  return (
    <>
      <Figures
        of={[
          ["You are", called(me), me.name === "" ? me.role : `${me.email}, ${me.role}`],
          ["This session ends", mine === undefined ? "…" : moment(mine.expires_at), "or a day after the last request"],
        ]}
      />
      <h2>Password</h2>
      <Card>
        <p>At least 12 characters; what is in it is free. Changing it ends all your other sessions.</p>
        <Button onClick={() => password(me.email)}>Change the password</Button>
      </Card>
      <h2>Appearance</h2>
      <Card>
        <ThemeChoice />
        <p class="quiet">Kept in this browser.</p>
      </Card>
      <SessionList names={names} list={sessions} />
    </>
  );
}

function password(email: string): void {
  const said = (form: FormData, name: string) => String(form.get(name) ?? "");
  act({
    title: "Change the password",
    says: "All your other sessions end. An admin who runs the command below gives you a link for a new one instead.",
    fields: (
      <>
        <input name="user" value={email} autocomplete="username" hidden readOnly />
        <Text name="current" label="Current password" type="password" autocomplete="current-password" required autofocus />
        <Text name="password" label="New password" help="At least 12 characters." type="password" autocomplete="new-password" minLength={12} required />
        <Text name="again" label="New password again" type="password" autocomplete="new-password" required />
      </>
    ),
    cli: () => `glowplug invitations create --reset ${quoted(email)}`,
    run: async (form) => {
      if (said(form, "password") !== said(form, "again")) throw new Error("the two new passwords differ");
      await ask("POST", "/admin/me/password", { current: said(form, "current"), password: said(form, "password") });
    },
    done: () => "The password is changed; all other sessions have ended",
  });
}

// ---- sessions

function SessionList({ names, list }: { names: Names; list: Asked<Rows<SessionView>> }) {
  const me = useMe();
  const admin = useAdmin();
  const others = list.data?.data.some((one) => one.user === me.id && !one.current) === true;
  const mayEnd = me.role !== "viewer";
  const ending = (row: SessionView) => {
    if (row.current) return <Button onClick={leave}>Log out</Button>;
    if (!admin && (!mayEnd || row.user !== me.id)) return null;
    return <Button aria-label={`End the session of ${names(row.user)}`} onClick={() => end(row, names, list.again)}>End</Button>;
  };
  return (
    <>
      <Heading kind="top-room" title={<h2>{me.role === "member" ? "Your sessions" : "Who is logged in"}</h2>}>
        {mayEnd && others && <Button onClick={() => endOthers(list.again)}>End your other sessions</Button>}
      </Heading>
      <Loaded asked={list}>
        {({ data }) => (
          <Table
            empty={<Empty title="Nobody is logged in" />}
            caption="Sessions"
            rows={data}
            id={(row) => row.id}
            columns={[
              { title: "Who", cell: (row) => <span class="who">{names(row.user)} {row.current && <Pill tone="good">this one</Pill>}</span> },
              { title: "With", cell: (row) => <span class="agent" title={row.agent}>{browser(row.agent)}</span>, wide: true },
              { title: "Since", cell: (row) => moment(row.created_at), wide: true },
              { title: "Last seen", cell: (row) => ago(Date.now() / 1000, row.last_seen) },
            ]}
            action={ending}
          />
        )}
      </Loaded>
    </>
  );
}

function end(row: SessionView, names: Names, after: () => void): void {
  act<SessionView>({
    title: `End a session of ${names(row.user)}`,
    verb: "End it",
    danger: true,
    cli: () => `glowplug sessions end ${row.id.slice(0, 12)}`,
    request: () => ["DELETE", `/admin/sessions/${encodeURIComponent(row.id)}`],
    seen: (found) => <Ending rows={[found]} names={names} />,
    done: () => "The session has ended",
    after,
  });
}

function endOthers(after: () => void): void {
  act<Ended>({
    title: "End your other sessions",
    verb: "End them",
    danger: true,
    cli: () => "glowplug sessions end --mine",
    request: () => ["DELETE", "/admin/sessions?mine=1"],
    seen: ({ sessions }) => <Ending rows={sessions} />,
    done: ({ sessions }) => `${many(sessions.length, "session")} ended`,
    after,
  });
}

function Ending({ rows, names }: { rows: readonly SessionView[]; names?: Names }) {
  return (
    <ul>
      {rows.map((row) => (
        <li key={row.id}>
          {names !== undefined && `${names(row.user)}, `}
          {browser(row.agent)}, begun {moment(row.created_at)}: whoever sits there has to log in again
        </li>
      ))}
    </ul>
  );
}

/** What a browser is called, out of all that it says. */
function browser(agent: string): string {
  const name = /(Firefox|Edg|OPR|HeadlessChrome|Chrome|Safari|curl|python-[a-z]+)\/[\d.]*?(\d+)/.exec(agent);
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|CrOS|Linux)/.exec(agent);
  if (name === null) return agent === "" ? "unknown program" : agent;
  const known: Record<string, string> = { Edg: "Edge", OPR: "Opera", HeadlessChrome: "Chrome" };
  const called = known[name[1] ?? ""] ?? name[1] ?? "";
  return system === null ? called : `${called} on ${system[1]?.replace("Mac OS X", "macOS")}`;
}
