// Whether a model may be unloaded to make room for another: a setting of the configuration.
import { ask } from "../api";
import { toastError } from "../parts/toast";
import { change } from "../parts/written";
import type { EntryView, InstanceView } from "../types";

const MEANS = "A pinned model is never unloaded to make room for another one; when it is idle for long enough it is unloaded all the same.";

export function pin({ model, pinned }: InstanceView): void {
  const lines = { pinned: !pinned };
  const title = `${pinned ? "Unpin" : "Pin"} ${model}`;
  ask<EntryView>("GET", `/admin/models/${model}`).then(
    ({ source }) => change({ section: "models", name: model, managed: source !== "file" }, { title, says: <p>{MEANS}</p>, lines, said: () => lines }),
    toastError,
  );
}
