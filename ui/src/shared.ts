import { useEffect, useState } from "preact/hooks";

/** Something that is held outside of any page; whoever uses it is drawn anew when it is another. */
export interface Shared<T> {
  now: () => T;
  set: (to: T) => void;
  use: () => T;
}

export function shared<T>(first: T): Shared<T> {
  let held = first;
  const watchers = new Set<() => void>();
  const now = () => held;
  const set = (to: T) => {
    held = to;
    for (const told of watchers) told();
  };
  const use = () => {
    const [, draw] = useState(0);
    useEffect(() => {
      const told = () => draw((count) => count + 1);
      watchers.add(told);
      return () => void watchers.delete(told);
    }, []);
    return held;
  };
  return { now, set, use };
}
