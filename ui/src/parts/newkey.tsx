// A key made on the spot: asked for in a dialog, its secret shown once and handed to whoever asked.
import type { ComponentChildren } from "preact";
import { ask } from "../api";
import { command, duration, quoted } from "../format";
import type { KeyView } from "../types";
import { SecretOnce } from "./basics";
import { act } from "./dialog";
import { said, Select, Text } from "./fields";

/** Seconds, as the API takes them; empty for never. */
export const ENDS = [
  ["", "never"],
  ["3600", "in an hour"],
  ["86400", "in a day"],
  ["604800", "in a week"],
  ["2592000", "in 30 days"],
  ["7776000", "in 90 days"],
  ["31536000", "in a year"],
] as const;

interface newKeyProps {
  title: string;
  name: string;
  /** Seconds, one of those that are offered. */
  expires?: string;
  says?: ComponentChildren;
  made: (key: KeyView) => void;
  gone?: () => void;
}

/** Make a key of the role `user`; `made` is given it with its secret, `gone` is told when that is undone. */
export function newKey({ title, name, expires = "", says, made, gone }: newKeyProps): void {
  const wanted = (form: FormData) => {
    const opened = form.get("name") !== null;
    const ends = opened ? said(form, "expires") : expires;
    return { name: opened ? said(form, "name") : name, ...(ends === "" ? {} : { expires_in: Number(ends) }) };
  };
  act<KeyView>({
    title,
    says,
    fields: (
      <>
        <Text name="name" label="Name" value={name} required autofocus help="What it is called in lists and in costs." />
        <Select name="expires" label="Ends" value={expires} options={ENDS} />
      </>
    ),
    cli: (form) => {
      const { name: called, expires_in: ends } = wanted(form);
      return command(`glowplug keys create ${quoted(called)}`, { expires: ends && `${ends}s` });
    },
    request: (form) => ["POST", "/admin/keys", wanted(form)],
    seen: (key) => {
      const ends = key.expires_at === null ? "does not end by itself" : `ends ${duration(key.expires_at - key.created_at)} from now`;
      return `A key of the role ${key.role} that may use all models, and ${ends}.`;
    },
    verb: "Make the key",
    done: (key) => {
      made(key);
      return `The key ${key.name} was made`;
    },
    undo: (key) => async () => {
      await ask("POST", `/admin/keys/${encodeURIComponent(key.id)}/revoke`);
      gone?.();
    },
    shows: (key) => <SecretOnce label={`The key ${key.name}`} value={key.key ?? ""} />,
  });
}
