// What is one's own: password, sessions, how it looks; and who came in and changed what.
import { ask, leave } from "../api";
import { duration, moment, quoted } from "../format";
import { useAsk, type Asked } from "../hooks";
import { Button, Card, Empty, Figure, Pill, Problem } from "../parts/basics";
import { act, once } from "../parts/dialog";
import { Text } from "../parts/fields";
import { useActions } from "../parts/palette";
import { Table } from "../parts/table";
import { Tabs, useTab, type Tab } from "../parts/tabs";
import { setTheme, useTheme } from "../theme";
import type { Ended, Me, SessionView } from "../types";
import type { PageProps } from "./index";
import { Audit } from "./settings_audit";
import { Invitations } from "./settings_invitations";
import "./settings.css";
import { useNames, type Names } from "./settings_names";

const OWN: Tab = { name: "own", title: "Yours" };
const READERS: readonly Tab[] = [OWN, { name: "invitations", title: "Invitations" }, { name: "audit", title: "Audit log" }];

export default function Settings({ admin }: PageProps) {
  const me = useAsk<Me>("/auth/me");
  const reads = me.data !== null && me.data.role !== "member";
  const tabs = reads ? READERS : [OWN];
  const tab = useTab(tabs);
  const known = useNames(reads);
  const names = (id: string) => (id === me.data?.id ? me.data.name || me.data.email : known(id));
  useActions(me.data === null ? [] : [{ label: "Change the password", run: () => password(me.data?.email ?? "") }]);
  return (
    <>
      <h1>Settings</h1>
      <Problem error={me.error} again={me.again} />
      {reads && <Tabs page="settings" label="Parts of the settings" tabs={tabs} />}
      {me.data === null ? (
        <p class="quiet waiting">Loading …</p>
      ) : tab === "invitations" ? (
        <Invitations admin={admin} names={names} />
      ) : tab === "audit" ? (
        <Audit names={names} />
      ) : (
        <Own me={me.data} admin={admin} names={names} />
      )}
    </>
  );
}

function Own({ me, admin, names }: { me: Me; admin: boolean; names: Names }) {
  const sessions = useAsk<{ data: readonly SessionView[] }>("/admin/sessions");
  const mine = sessions.data?.data.find((one) => one.current);
  return (
    <>
      <div class="figures">
        <Figure name="You are" value={me.name || me.email} note={me.name === "" ? me.role : `${me.email}, ${me.role}`} />
        <Figure
          name="This session ends"
          value={mine === undefined ? "…" : moment(mine.expires_at)}
          note="or a day after the last request"
        />
      </div>
      <h2>Password</h2>
      <Card>
        <p>At least 12 characters; what is in it is free. Changing it ends all your other sessions.</p>
        <Button onClick={() => password(me.email)}>Change the password</Button>
      </Card>
      <h2>Appearance</h2>
      <Appearance />
      <Sessions me={me} admin={admin} names={names} list={sessions} />
    </>
  );
}

function Appearance() {
  const chosen = useTheme();
  return (
    <Card>
      <fieldset class="looks">
        <legend class="hidden">Appearance</legend>
        {[["auto", "As the system"], ["light", "Light"], ["dark", "Dark"]].map(([value, label]) => (
          <label key={value}>
            <input type="radio" name="theme" checked={value === chosen} onChange={() => setTheme(value ?? "auto")} />
            {label}
          </label>
        ))}
      </fieldset>
      <p class="quiet">Kept in this browser.</p>
    </Card>
  );
}

function password(email: string): void {
  const said = (form: FormData, name: string) => String(form.get(name) ?? "");
  act({
    title: "Change the password",
    verb: "Change",
    says: <p>All your other sessions end. An admin who runs the command below gives you a link for a new one instead.</p>,
    fields: (
      <>
        <input name="user" value={email} autocomplete="username" hidden readOnly />
        <Text name="current" label="Current password" type="password" autocomplete="current-password" required autofocus />
        <Text
          name="password"
          label="New password"
          help="At least 12 characters."
          type="password"
          autocomplete="new-password"
          minLength={12}
          required
        />
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

interface SessionsProps {
  me: Me;
  admin: boolean;
  names: Names;
  list: Asked<{ data: readonly SessionView[] }>;
}

function Sessions({ me, admin, names, list }: SessionsProps) {
  const rows = list.data?.data ?? [];
  const others = rows.filter((one) => one.user === me.id && !one.current).length;
  const mayEnd = me.role !== "viewer";
  return (
    <>
      <div class="heading">
        <h2>{me.role === "member" ? "Your sessions" : "Who is logged in"}</h2>
        {mayEnd && others > 0 && <Button onClick={() => endOthers(list.again)}>End your other sessions</Button>}
      </div>
      <Problem error={list.error} again={list.again} />
      {list.data !== null && (
        <Table
          empty={<Empty title="Nobody is logged in" />}
          caption="Sessions"
          rows={rows}
          id={(row) => row.id}
          columns={[
            {
              title: "Who",
              cell: (row) => (
                <span class="who">
                  {names(row.user)} {row.current && <Pill tone="good">this one</Pill>}
                </span>
              ),
            },
            { title: "With", cell: (row) => <span class="agent" title={row.agent}>{browser(row.agent)}</span>, wide: true },
            { title: "Since", cell: (row) => moment(row.created_at), wide: true },
            { title: "Last seen", cell: (row) => `${duration(Math.max(0, Date.now() / 1000 - row.last_seen))} ago` },
            {
              title: "",
              cell: (row) =>
                row.current ? (
                  <Button onClick={leave}>Log out</Button>
                ) : (
                  (admin || (mayEnd && row.user === me.id)) && (
                    <button type="button" aria-label={`End the session of ${names(row.user)}`} onClick={() => end(row, names, list.again)}>
                      End
                    </button>
                  )
                ),
            },
          ]}
        />
      )}
    </>
  );
}

function end(row: SessionView, names: Names, after: () => void): void {
  act({
    title: `End a session of ${names(row.user)}`,
    verb: "End it",
    danger: true,
    cli: () => `glowplug sessions end ${row.id.slice(0, 12)}`,
    ...once<SessionView>(() => ["DELETE", `/admin/sessions/${encodeURIComponent(row.id)}`], (seen) => <Ending rows={[seen]} names={names} />),
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
    ...once(() => ["DELETE", "/admin/sessions?mine=1"], ({ sessions }) => <Ending rows={sessions} />),
    done: (made) => `${made.sessions.length === 1 ? "One session has" : `${made.sessions.length} sessions have`} ended`,
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
