// Adding, changing, blocking and forgetting people and teams, and who is in one.
import { ask, at } from "../api";
import { command, quoted } from "../format";
import { act } from "../parts/dialog";
import { called, choices } from "../parts/every";
import { Check, ROLES, said, Select, Text } from "../parts/fields";
import { go } from "../router";
import type { MemberView, TeamView, UserView } from "../types";
import type { Books } from "./keys";
import { Models } from "./keys_parts";
import { differing, options, saying, type Wanted } from "./keys_words";

export type Noun = "users" | "teams";
/** A person or a team. */
export type Owner = (UserView | TeamView) & Partial<Pick<UserView, "email" | "role">> & Partial<Pick<TeamView, "members">>;

const pathOf = (noun: Noun, one: { id: string }) => `/admin/${noun}/${encodeURIComponent(one.id)}`;
export const membersOf = (team: { id: string }) => `${pathOf("teams", team)}/members`;

export function put(noun: Noun, one: Owner | null, books: Books): void {
  const user = noun === "users";
  const path = one === null ? `/admin/${noun}` : pathOf(noun, one);
  const wanted = (form: FormData): Wanted => {
    const values: Wanted = { name: said(form, "name"), models: form.getAll("models") };
    if (user) Object.assign(values, { email: said(form, "email"), role: said(form, "role") || "member" });
    return one === null ? { id: said(form, "id"), ...values } : differing(values, one);
  };
  act<Owner>({
    title: one === null ? (user ? "Add a person" : "Make a team") : `Change ${called(one)}`,
    fields: (
      <>
        {one === null && <Text name="id" label="Id" help="What keys, budgets and costs call it." required autofocus />}
        <Text name="name" label="Name" value={one?.name} />
        {user && <Text name="email" label="E-mail address" type="email" value={one?.email} help="What they log in with." />}
        {user && <Select name="role" label="Role" value={one?.role ?? "member"} options={ROLES} />}
        <Models chosen={one?.models ?? []} models={books.models.rows} help="What the keys may use at most; none chosen means all." />
      </>
    ),
    cli: (form) => {
      const { id, ...more } = form.get("name") === null ? { id: "" } : wanted(form);
      if (one === null) return `glowplug ${noun} create ${quoted(String(id) || "ID")}${options(saying(more, { role: "member" }))}`;
      return `glowplug ${noun} update ${quoted(one.id)}${options(more)}`;
    },
    request: (form) => [one === null ? "POST" : "PATCH", path, wanted(form)],
    seen: (found) => {
      const as = [found.role, found.email].filter(Boolean).join(", ");
      return `${called(found)}${as && ` (${as})`}, whose keys may use ${found.models.join(", ") || "all models"} at most.`;
    },
    verb: one === null ? "Add" : "Change",
    done: (made) => `${called(made)} ${one === null ? "is known here" : "was changed"}`,
    undo: (made) => async () => {
      if (one === null) await ask("DELETE", pathOf(noun, made));
      else await ask("PATCH", path, { name: one.name, models: one.models, ...(user ? { email: one.email, role: one.role } : {}) });
    },
    after: books.again,
  });
}

/** Refuse a key, or all keys of somebody, or let them in again. */
export function block(noun: Noun | "keys", one: { id: string; name: string; email?: string }, blocked: boolean, after: () => void): void {
  const name = called(one);
  const path = `/admin/${noun}/${encodeURIComponent(one.id)}`;
  const what = noun === "keys" ? "It is" : "All their keys are";
  act({
    title: `${blocked ? "Block" : "Let in"} ${name}`,
    cli: () => `glowplug ${noun} ${blocked ? "block" : "unblock"} ${quoted(one.id)}`,
    request: () => ["PATCH", path, { blocked }],
    seen: () => `${what} ${blocked ? "refused at once, until let in again." : "good again at once."}`,
    verb: blocked ? "Block" : "Let in",
    danger: blocked,
    done: () => `${name} is ${blocked ? "blocked" : "let in again"}`,
    undo: () => () => ask("PATCH", path, { blocked: !blocked }),
    after,
  });
}

export function forget(noun: Noun, one: Owner, next: string, after: () => void): void {
  const query = (form: FormData) => ({ with_keys: form.get("with_keys") !== null });
  act({
    title: `Forget ${called(one)}`,
    says:
      `${noun === "users" ? "They are in no team any more and cannot log in." : "Nobody is in it any more."} ` +
      "What was used stays in the records. This cannot be undone; blocking can.",
    fields: <Check name="with_keys" label={`Revoke the keys, too (${one.keys})`} help="Without this, keys are in the way." />,
    cli: (form) => command(`glowplug ${noun} delete ${quoted(one.id)}`, { "with-keys": query(form).with_keys }),
    request: (form) => ["DELETE", at(pathOf(noun, one), query(form))],
    seen: () => `${called(one)} is forgotten${one.keys > 0 ? `, and keys (${one.keys}) are revoked for good` : ""}.`,
    danger: true,
    done: () => {
      go(next);
      return `${called(one)} is forgotten`;
    },
    after,
  });
}

export function join(team: Owner, members: readonly MemberView[], books: Books, after: () => void): void {
  const path = membersOf(team);
  const wanted = (form: FormData) => ({ user: said(form, "user"), manager: form.get("manager") !== null });
  act<MemberView>({
    title: `Put somebody into ${called(team)}`,
    fields: (
      <>
        <Select name="user" label="Who" options={choices(books.users.rows)} />
        <Check name="manager" label="Manages the team" help="Adds people to it and makes keys for it." />
      </>
    ),
    cli: (form) => {
      const { user, manager } = wanted(form);
      return command(`glowplug teams add ${quoted(team.id)} ${quoted(user || "USER")}`, { manager });
    },
    request: (form) => ["PUT", path, wanted(form)],
    seen: (found) => `${found.name || found.user} ${found.manager ? "manages" : "is in"} ${called(team)}.`,
    verb: "Put them in",
    done: (made) => `${made.name || made.user} is in ${called(team)}`,
    undo: ({ user }) => async () => {
      const before = members.find((one) => one.user === user);
      await (before === undefined ? ask("DELETE", at(path, { user })) : ask("PUT", path, { user, manager: before.manager }));
    },
    after,
  });
}

export function leave(team: Owner, { user, name, manager }: MemberView, after: () => void): void {
  act({
    title: `Take ${name || user} out of ${called(team)}`,
    cli: () => `glowplug teams remove ${quoted(team.id)} ${quoted(user)}`,
    request: () => ["DELETE", at(membersOf(team), { user })],
    seen: () => `${name || user} is in it no more. Keys of theirs that are the team’s stay so.`,
    verb: "Take them out",
    danger: true,
    done: () => `${name || user} is out of ${called(team)}`,
    undo: () => () => ask("PUT", membersOf(team), { user, manager }),
    after,
  });
}
