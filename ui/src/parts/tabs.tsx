// Parts of one page, each with an address of its own: `?view=name`.
import { to, usePlace } from "../router";

export interface Tab {
  name: string;
  title: string;
}

/** The one that is looked at; the first where the address says nothing. */
export function useTab(tabs: readonly Tab[]): string {
  const { query } = usePlace();
  const said = query.get("view") ?? "";
  return tabs.some((tab) => tab.name === said) ? said : (tabs[0]?.name ?? "");
}

export function Tabs({ page, label, tabs }: { page: string; label: string; tabs: readonly Tab[] }) {
  const chosen = useTab(tabs);
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ name, title }, index) => (
        <a key={name} href={to(page, { view: index === 0 ? "" : name })} aria-current={name === chosen ? "page" : undefined}>{title}</a>
      ))}
    </nav>
  );
}
