// People and teams: what is theirs, and who is in which team.
import { count, moment, money } from "../format";
import { useAdmin } from "../hooks";
import { Button, Empty, Facts, Heading, Pill } from "../parts/basics";
import { called, useEvery } from "../parts/every";
import { Offer } from "../parts/palette";
import { Table, type Column } from "../parts/table";
import { to, usePlace } from "../router";
import type { MemberView, UsageSum } from "../types";
import type { Books } from "./keys";
import { Standing } from "./keys_budgets";
import { create as makeKey } from "./keys_form";
import { block, forget, join, leave, membersOf, put, type Noun, type Owner } from "./keys_owners_form";
import { Top } from "./keys_parts";
import { DAYS, since, spent } from "./keys_words";

const WORDS = {
  users: { by: "user", view: "people", add: "Add a person", none: "Nobody is known here yet" },
  teams: { by: "team", view: "teams", add: "Make a team", none: "There is no team yet" },
} as const;
const SAYS = {
  users: "People have keys, belong to teams, and log in by an invitation; without a password they only have keys.",
  teams: "A team has people, keys and a budget of its own; who manages it adds people and makes keys for it.",
};

/** One tab: all of them, or the one in the address. */
export function Owners({ noun, books }: { noun: Noun; books: Books }) {
  const id = usePlace().query.get("id") ?? "";
  const words = WORDS[noun];
  const rows: readonly Owner[] = books[noun].rows ?? [];
  const usage = useEvery<UsageSum>("/admin/usage", { by: words.by, since: since() });
  const cost = (one: Owner) => money(spent(usage.rows, words.by, one.id));
  const one = rows.find((row) => row.id === id);
  if (one !== undefined) return <One key={id} noun={noun} one={one} cost={cost(one)} books={books} />;
  const columns: readonly Column<Owner>[] = [
    { title: "Name", cell: called },
    noun === "users"
      ? { title: "E-mail address", cell: (row) => row.email || <span class="quiet">none</span>, wide: true }
      : { title: "May use", cell: (row) => row.models.join(", ") || "all models", wide: true },
    {
      title: noun === "users" ? "Role" : "People",
      cell: (row) => <>{row.role ?? count(row.members)} {row.blocked_at !== null && <Pill tone="bad">blocked</Pill>}</>,
    },
    { title: "Keys", cell: (row) => count(row.keys), number: true, wide: true },
    { title: `${DAYS} days`, cell: cost, number: true },
  ];
  return (
    <>
      <Heading title={<p>{SAYS[noun]}</p>}><Offer main label={words.add} run={() => put(noun, null, books)} /></Heading>
      <Table
        caption={words.view}
        rows={rows}
        id={(row) => row.id}
        open={(row) => to("keys", { view: words.view, id: row.id })}
        columns={columns}
        empty={<Empty title={words.none} says={SAYS[noun]} />}
      />
      {noun === "users" && (
        <p>Who was invited is among the <a href={to("settings", { view: "invitations" })}>invitations</a>, where links are made, too.</p>
      )}
    </>
  );
}

function One({ noun, one, cost, books }: { noun: Noun; one: Owner; cost: string; books: Books }) {
  const blocked = one.blocked_at !== null;
  const { by, view } = WORDS[noun];
  return (
    <>
      <Top
        title={called(one)}
        pill={blocked && <Pill tone="bad">blocked</Pill>}
        back={to("keys", { view })}
        all={noun === "users" ? "Everybody" : "All teams"}
        may={useAdmin()}
        buttons={[
          ["Change", () => put(noun, one, books)],
          ["Make a key", () => makeKey(books, { [by]: one.id })],
          [blocked ? "Let in" : "Block", () => block(noun, one, !blocked, books.again)],
          ["Forget", () => forget(noun, one, to("keys", { view }), books.again)],
        ]}
      />
      <Facts
        kind="told top-room"
        facts={[
          ["Id", one.id],
          ...(noun === "users" ? ([["E-mail address", one.email || "none"], ["Role", one.role ?? ""]] as const) : []),
          ["Models", one.models.join(", ") || "all"],
          ["Since", moment(one.created_at)],
          ["Keys", <a href={to("keys", { [by]: one.id })}>{count(one.keys)}</a>],
          [`Spent in ${DAYS} days`, cost],
        ]}
      />
      {noun === "teams" && <Members team={one} books={books} />}
      <Standing books={books} scope={by} name={one.id} may />
    </>
  );
}

function Members({ team, books }: { team: Owner; books: Books }) {
  const members = useEvery<MemberView>(membersOf(team));
  const again = () => [members, books].forEach((one) => one.again());
  const out = (row: MemberView) => <Button aria-label={`Take out ${row.name || row.user}`} onClick={() => leave(team, row, again)}>Take out</Button>;
  return (
    <>
      <Heading kind="top-room" title={<h3>People</h3>}>
        <Offer label="Put somebody in" run={() => join(team, members.rows ?? [], books, again)} />
      </Heading>
      <Table
        caption="People of the team"
        rows={members.rows}
        id={(row) => row.user}
        open={(row) => to("keys", { view: "people", id: row.user })}
        columns={[
          { title: "Name", cell: (row) => row.name || row.user },
          { title: "As", cell: (row) => (row.manager ? <Pill tone="warm">manager</Pill> : "member") },
          { title: "Since", cell: (row) => moment(row.since), wide: true },
        ]}
        action={useAdmin() && out}
        empty={<Empty title="Nobody is in it yet" />}
      />
    </>
  );
}
