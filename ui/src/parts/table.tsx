// A table of one page of a list.  Which page and which filters is in the address (`useList`).
import type { ComponentChildren } from "preact";
import { useSteady, type Listed } from "../hooks";
import { filter, usePlace } from "../router";
import { Button, Waiting } from "./basics";

export interface Column<T> {
  title: string;
  cell: (row: T) => ComponentChildren;
  /** Right-aligned figures. */
  number?: boolean;
  /** Left out where the screen is narrow. */
  wide?: boolean;
}

interface TableProps<T> {
  /** For whoever cannot see it. */
  caption: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  id: (row: T) => string;
  /** The address that a row leads to; its first cell is the link. */
  open?: (row: T) => string;
  /** In its place where there is no row. */
  empty?: ComponentChildren;
}

export function Table<T>({ caption, columns, rows, id, open, empty }: TableProps<T>) {
  const [shown, steady] = useSteady(rows, id);
  const kind = (column: Column<T>) => [column.number && "number", column.wide && "wide"].filter(Boolean).join(" ") || undefined;
  if (rows.length === 0 && empty !== undefined) return <>{empty}</>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table {...steady}>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" class={kind(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={id(row)}>
              {columns.map((column, index) => (
                <td key={column.title} class={kind(column)}>
                  {index === 0 && open !== undefined ? <a href={open(row)}>{column.cell(row)}</a> : column.cell(row)}
                </td>
              ))}
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
      {(list.rows === null || list.error !== null) && <Waiting asked={list} />}
      {list.rows !== null && <Table {...table} rows={list.rows} />}
      {(later || list.next !== null) && (
        <nav class="pager" aria-label="Pages of the list">
          <Button disabled={!later} onClick={() => filter({ after: "" }, false)}>First</Button>
          <Button disabled={list.next === null} onClick={() => filter({ after: list.next ?? "" }, false)}>Next</Button>
        </nav>
      )}
    </>
  );
}
