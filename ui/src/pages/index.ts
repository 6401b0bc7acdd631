// Every page, a row each, in the order of the navigation.  A page's file exports it as `default`.
import type { ComponentType } from "preact";

export interface Page {
  /** Its address: `/ui/<name>`. */
  name: string;
  title: string;
  load: () => Promise<{ default: ComponentType }>;
  /** Also for members, who may read nothing of `/admin` but what is their own. */
  member?: boolean;
}

export const PAGES: readonly Page[] = [
  { name: "now", title: "Now", load: () => import("./now") },
  { name: "models", title: "Models", load: () => import("./models") },
  { name: "providers", title: "Providers", load: () => import("./providers") },
  { name: "routing", title: "Routing", load: () => import("./routing") },
  { name: "keys", title: "Keys", load: () => import("./keys"), member: true },
  { name: "usage", title: "Usage", load: () => import("./usage") },
  { name: "requests", title: "Requests", load: () => import("./requests") },
  { name: "playground", title: "Playground", load: () => import("./playground") },
  { name: "connect", title: "Connect", load: () => import("./connect"), member: true },
  { name: "first", title: "First steps", load: () => import("./first") },
  { name: "doctor", title: "Doctor", load: () => import("./doctor") },
  { name: "config", title: "Config", load: () => import("./config") },
  { name: "settings", title: "Settings", load: () => import("./settings"), member: true },
];
