// Links that let somebody in, or give them a new password: good once, shown once.
import type { ComponentChildren } from "preact";
import { ask } from "../api";
import { command, moment, quoted } from "../format";
import { useAdmin, useAsk } from "../hooks";
import { useNow } from "../live";
import { Button, Empty, Heading, Loaded, Pill, SecretOnce } from "../parts/basics";
import { act, type Act } from "../parts/dialog";
import type { Names } from "../parts/every";
import { ROLES, said, Select, Text } from "../parts/fields";
import { Offer } from "../parts/palette";
import { Table } from "../parts/table";
import type { InvitationView } from "../types";

const PATH = "/admin/invitations";
const SAYS = "Members see their own keys and usage, viewers see everything and change nothing, admins do everything.";

export function Invitations({ names }: { names: Names }) {
  const list = useAsk<{ data: readonly InvitationView[] }>(PATH);
  const now = useNow();
  const admin = useAdmin();
  const back = (row: InvitationView) =>
    row.used_at === null && <Button aria-label={`Take back ${row.id}`} onClick={() => revoke(row, list.again)}>Take back</Button>;
  return (
    <>
      <Heading title={<p>A link is good once and for a day. Nothing is sent: hand it over yourself.</p>}>
        <div class="actions">
          <Offer main label="Invite somebody" short="Invite" run={() => invite(list.again)} />
          <Offer label="New password for somebody" run={() => reset(list.again)} />
        </div>
      </Heading>
      <Loaded asked={list}>
        {({ data }) => (
          <Table
            caption="Invitations"
            rows={data}
            id={(row) => row.id}
            columns={[
              { title: "For", cell: (row) => <span class="who">{row.user === "" ? row.name || "somebody" : `${names(row.user)} (new password)`}</span> },
              { title: "As", cell: (row) => row.role, also: true },
              { title: "By", cell: (row) => names(row.by), wide: true },
              { title: "Made", cell: (row) => moment(row.created_at), wide: true },
              { title: "Stands", cell: (row) => standing(row, now) },
            ]}
            action={admin && back}
            empty={<Empty title="Nobody was invited yet" says={SAYS} />}
          />
        )}
      </Loaded>
    </>
  );
}

function standing(row: InvitationView, now: number): ComponentChildren {
  const dated = (pill: ComponentChildren, at: number) => <>{pill} <small class="quiet">{moment(at)}</small></>;
  if (row.used_at !== null) return dated(<Pill>used</Pill>, row.used_at);
  if (row.expires_at <= now) return dated(<Pill>expired</Pill>, row.expires_at);
  return dated(<Pill tone="good">good until</Pill>, row.expires_at);
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
      return command(`glowplug invitations create${name && ` ${quoted(name)}`}`, { role });
    },
  });
}

function reset(after: () => void): void {
  make("New password for somebody", (form) => ({ user: said(form, "user") }), after, {
    fields: <Text name="user" label="Who" help="Their e-mail address or id. Their sessions end when the link is used." required autofocus />,
    cli: (form) => `glowplug invitations create --reset ${quoted(said(form, "user") || "ann@example.org")}`,
  });
}

function make(title: string, wanted: (form: FormData) => object, after: () => void, how: Pick<Act<InvitationView>, "fields" | "cli">): void {
  act<InvitationView>({
    title,
    verb: "Make the link",
    ...how,
    request: (form) => ["POST", PATH, wanted(form)],
    seen: ({ name, user, role, expires_at: ends }) =>
      `A link for ${name || "somebody"}, who ${user === "" ? "becomes" : "is"} ${role}, good until ${moment(ends)}.`,
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
    request: () => ["DELETE", `${PATH}/${encodeURIComponent(row.id)}`],
    seen: () => `The link of ${row.name || "somebody"} is good no more. Nobody who is in already is put out by it.`,
    done: () => "The invitation is taken back",
    after,
  });
}
