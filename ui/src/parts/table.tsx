// A table of one page of a list.  Which page and which filters is in the address (`useList`).
import type { ComponentChildren } from "preact";
import { useSteady, type Listed } from "../hooks";
import { filter, usePlace } from "../router";
import { Button, Loaded } from "./basics";

export interface Column<T> {
  title: string;
  cell: (row: T) => ComponentChildren;
  /** Right-aligned figures. */
  number?: boolean;
  /** Left out where the screen is narrow. */
  wide?: boolean;
  /** There, it is said below what is in the column before it. */
  also?: boolean;
}

interface TableProps<T> {
  /** For whoever cannot see it. */
  caption: string;
  columns: readonly Column<T>[];
  /** null until they are there. */
  rows: readonly T[] | null;
  id: (row: T) => string;
  /** The address that a row leads to; its first cell is the link. */
  open?: (row: T) => string;
  /** What can be done with a row: in a last column. */
  action?: ((row: T) => ComponentChildren) | false;
  /** Whether the first cell of a row is its heading. */
  headed?: boolean;
  /** In its place where there is no row. */
  empty?: ComponentChildren;
}

export function Table<T>({ caption, columns: given, rows, id, open, action = false, headed = false, empty }: TableProps<T>) {
  const [shown, steady] = useSteady(rows ?? [], id);
  const columns: readonly Column<T>[] = action === false ? given : [...given, { title: "", cell: action }];
  const kind = (column: Column<T>) => [column.number && "number", (column.wide || column.also) && "wide"].filter(Boolean).join(" ") || undefined;
  if (rows === null) return null;
  if (rows.length === 0 && empty !== undefined) return <>{empty}</>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table {...steady}>
        <caption class="hidden">{caption}</caption>
        <thead><tr>{columns.map((column) => <th key={column.title} scope="col" class={kind(column)}>{column.title}</th>)}</tr></thead>
        <tbody>
          {shown.map((row) => (
            <tr key={id(row)}>
              {columns.map((column, index) => {
                const Cell = headed && index === 0 ? "th" : "td";
                return (
                  <Cell key={column.title} class={kind(column)} scope={Cell === "th" ? "row" : undefined}>
                    {index === 0 && open !== undefined ? <a href={open(row)}>{column.cell(row)}</a> : column.cell(row)}
                    {columns[index + 1]?.also && <small class="also quiet">{columns[index + 1]?.cell(row)}</small>}
                  </Cell>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ListProps<T> extends Omit<TableProps<T>, "rows"> {
  list: Listed<T>;
  filters?: ComponentChildren;
}

/** A list of the API as a table: its filters, its error, what it says when it is empty, and the way to the next page. */
export function List<T>({ list, filters, ...table }: ListProps<T>) {
  const { query } = usePlace();
  const later = query.get("after") !== null;
  return (
    <>
      {filters !== undefined && <div class="filters">{filters}</div>}
      <Loaded asked={list}>{() => <Table {...table} rows={list.rows} />}</Loaded>
      {(later || list.next !== null) && (
        <nav class="pager" aria-label="Pages of the list">
          <Button disabled={!later} onClick={() => filter({ after: "" }, false)}>First</Button>
          <Button disabled={list.next === null} onClick={() => filter({ after: list.next ?? "" }, false)}>Next</Button>
        </nav>
      )}
    </>
  );
}
