// The address is the state: `/ui/<page>?filter=value`.  Names of models have dots and slashes, so they are in the query.
import { at } from "./api";
import { shared } from "./shared";

export interface Place {
  page: string;
  query: URLSearchParams;
}

function place(): Place {
  const [, , page = ""] = location.pathname.split("/");
  return { page: page === "" ? "now" : page, query: new URLSearchParams(location.search) };
}

const here = shared(place());
const look = () => here.set(place());
addEventListener("popstate", look);
export const usePlace = here.use;

/** `/ui/page?name=value` without what is empty. */
export function to(page: string, query: Record<string, string> = {}): string {
  return at(`/ui/${page}`, query);
}

export function go(address: string, replace = false): void {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  look();
}

/** Change filters of this page; an empty value takes one away, and so does any change the place in the list. */
export function filter(values: Record<string, string>, replace = true): void {
  const query = Object.fromEntries(new URLSearchParams(location.search));
  go(at(location.pathname, { ...query, after: "", ...values }), replace);
}

/** One filter's value, and how to change it. */
export function useFilter(name: string, otherwise = ""): [string, (value: string) => void] {
  const { query } = usePlace();
  return [query.get(name) ?? otherwise, (value) => filter({ [name]: value === otherwise ? "" : value })];
}

/** Ordinary links within the UI do not load it anew. */
export function followLinks(): () => void {
  const clicked = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element).closest?.("a");
    if (!link || link.target !== "" || link.origin !== location.origin || !link.pathname.startsWith("/ui/")) return;
    if (link.hasAttribute("download") || link.getAttribute("href")?.startsWith("#")) return;
    event.preventDefault();
    go(link.pathname + link.search);
    scrollTo(0, 0);
  };
  document.addEventListener("click", clicked);
  return () => document.removeEventListener("click", clicked);
}
