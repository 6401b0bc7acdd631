// Links that let somebody in, or give them a new password: good once, shown once.
import type { ComponentChildren } from "preact";
import { ask } from "../api";
import { moment, quoted } from "../format";
import { useAsk } from "../hooks";
import { useNow } from "../live";
import { Button, Empty, Pill, SecretOnce, Waiting } from "../parts/basics";
import { act, once } from "../parts/dialog";
import { ROLES, said, Select, Text } from "../parts/fields";
import { useActions } from "../parts/palette";
import { Table } from "../parts/table";
import type { InvitationView } from "../types";
import type { Names } from "./settings_names";

const PATH = "/admin/invitations";

export function Invitations({ admin, names }: { admin: boolean; names: Names }) {
  const list = useAsk<{ data: readonly InvitationView[] }>(PATH);
  const now = useNow();
  const rows = list.data?.data ?? [];
  useActions(admin ? [{ label: "Invite somebody", run: () => invite(list.again) }] : []);
  return (
    <>
      <div class="heading">
        <p>A link is good once and for a day. Nothing is sent: hand it over yourself.</p>
        {admin && (
          <div class="actions">
            <Button class="main" onClick={() => invite(list.again)}>Invite</Button>
            <Button onClick={() => reset(list.again)}>New password for somebody</Button>
          </div>
        )}
      </div>
      {(list.data === null || list.error !== null) && <Waiting asked={list} />}
      {list.data !== null && rows.length === 0 && (
        <Empty title="Nobody was invited yet">
          <p>Members see their own keys and usage, viewers see everything and change nothing, admins do everything.</p>
        </Empty>
      )}
      {rows.length > 0 && (
        <Table
          caption="Invitations"
          rows={rows}
          id={(row) => row.id}
          columns={[
            {
              title: "For",
              cell: (row) => (
                <span class="who">
                  {row.user === "" ? row.name || "somebody" : `${names(row.user)} (new password)`}
                  <small class="also quiet">{row.role}</small>
                </span>
              ),
            },
            { title: "As", cell: (row) => row.role, wide: true },
            { title: "By", cell: (row) => names(row.by), wide: true },
            { title: "Made", cell: (row) => moment(row.created_at), wide: true },
            { title: "Stands", cell: (row) => <Standing row={row} now={now} /> },
            {
              title: "",
              cell: (row) =>
                admin &&
                row.used_at === null && (
                  <Button aria-label={`Take back ${row.id}`} onClick={() => revoke(row, list.again)}>Take back</Button>
                ),
            },
          ]}
        />
      )}
    </>
  );
}

function Standing({ row, now }: { row: InvitationView; now: number }) {
  if (row.used_at !== null) return <Dated pill={<Pill>used</Pill>} at={row.used_at} />;
  if (row.expires_at <= now) return <Dated pill={<Pill>expired</Pill>} at={row.expires_at} />;
  return <Dated pill={<Pill tone="good">good until</Pill>} at={row.expires_at} />;
}

function Dated({ pill, at }: { pill: ComponentChildren; at: number }) {
  return (
    <>
      {pill} <small class="quiet">{moment(at)}</small>
    </>
  );
}

function invite(after: () => void): void {
  const wanted = (form: FormData) => ({ name: said(form, "name"), role: said(form, "role") || "member" });
  make("Invite somebody", wanted, after, {
    fields: (
      <>
        <Text name="name" label="Name" help="So that you know whom the link is for." autofocus />
        <Select name="role" label="Role" value="member" options={ROLES} />
      </>
    ),
    cli: (form) => {
      const { name, role } = wanted(form);
      return `glowplug invitations create${name === "" ? "" : ` ${quoted(name)}`} --role ${role}`;
    },
  });
}

function reset(after: () => void): void {
  make("New password for somebody", (form) => ({ user: said(form, "user") }), after, {
    fields: <Text name="user" label="Who" help="Their e-mail address or id. Their sessions end when the link is used." required autofocus />,
    cli: (form) => `glowplug invitations create --reset ${quoted(said(form, "user") || "ann@example.org")}`,
  });
}

function make(
  title: string,
  wanted: (form: FormData) => object,
  after: () => void,
  how: Pick<Parameters<typeof act<InvitationView>>[0], "fields" | "cli">,
): void {
  act<InvitationView>({
    title,
    verb: "Make the link",
    ...how,
    ...once(
      (form) => ["POST", PATH, wanted(form)],
      (seen) => (
        <p>
          A link for {seen.name || "somebody"}, who {seen.user === "" ? `becomes ${seen.role}` : `is ${seen.role}`}, good until{" "}
          {moment(seen.expires_at)}.
        </p>
      ),
    ),
    done: (made) => `There is a link for ${made.name || "somebody"}`,
    undo: (made) => () => ask("DELETE", `${PATH}/${encodeURIComponent(made.id)}`),
    shows: (made) => (
      <SecretOnce label="The link" value={`${location.origin}${made.link ?? ""}`}>
        <p class="quiet">Whoever opens it chooses a password and is in. It is good until {moment(made.expires_at)}.</p>
      </SecretOnce>
    ),
    after,
  });
}

function revoke(row: InvitationView, after: () => void): void {
  act({
    title: "Take an invitation back",
    verb: "Take it back",
    danger: true,
    cli: () => `glowplug invitations revoke ${quoted(row.id)}`,
    ...once(
      () => ["DELETE", `${PATH}/${encodeURIComponent(row.id)}`],
      () => <p>The link of {row.name || "somebody"} is good no more. Nobody who is in already is put out by it.</p>,
    ),
    done: () => "The invitation is taken back",
    after,
  });
}
