// Whether a model may be unloaded to make room for another: a setting of the configuration.
import { ask } from "../api";
import { quoted } from "../format";
import { Code } from "../parts/basics";
import { act, show } from "../parts/dialog";
import { toastError } from "../parts/toast";
import { to } from "../router";
import type { EntryView, InstanceView, Written } from "../types";

const MEANS = "A pinned model is never unloaded to make room for another one; when it is idle for long enough it is unloaded all the same.";

export async function pin({ model, pinned }: InstanceView): Promise<void> {
  const path = `/admin/models/${model}`;
  let entry: EntryView;
  try {
    entry = await ask<EntryView>("GET", path);
  } catch (error) {
    toastError(error);
    return;
  }
  const title = `${pinned ? "Unpin" : "Pin"} ${model}`;
  if (entry.source === "file") {
    show(title, () => (
      <>
        <p>{MEANS}</p>
        <p>
          {model} is in the configuration file, where this is said; <a href={to("config")}>Config</a> changes it with a preview:
        </p>
        <Code label="Lines of the configuration" text={`models:\n  ${model}:\n    pinned: ${!pinned}`} />
      </>
    ));
    return;
  }
  act<Written>({
    title,
    says: MEANS,
    cli: () => `glowplug models change ${quoted(model)} --set pinned=${!pinned}`,
    request: () => ["PATCH", path, { pinned: !pinned }],
    seen: ({ settings }) => `Says “pinned: ${String(settings?.["pinned"] ?? false)}” among its settings, at once; what runs goes on.`,
    done: () => `${model} is ${pinned ? "not pinned any more" : "pinned"}`,
    undo: () => () => ask("PATCH", path, { pinned }),
  });
}
