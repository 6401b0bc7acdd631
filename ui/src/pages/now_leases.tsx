// Memory that is lent to programs that are not ours.
import { duration, quoted, size } from "../format";
import { useAdmin } from "../hooks";
import { useNow } from "../live";
import { Button } from "../parts/basics";
import { act } from "../parts/dialog";
import { Table } from "../parts/table";
import type { LeaseView } from "../types";

export function Lent({ leases, again }: { leases: readonly LeaseView[]; again: () => void }) {
  const now = useNow();
  const end = (one: LeaseView) => (
    <Button aria-label={`Give back what is lent to ${called(one)}`} onClick={() => giveBack(one, again)}>Give back</Button>
  );
  return (
    <>
      <h2>Lent to other programs</h2>
      <Table
        caption="Memory that is lent to other programs"
        rows={leases}
        id={(one) => one.id}
        columns={[
          { title: "For", cell: called },
          { title: "Memory", cell: (one) => size(one.bytes), number: true },
          { title: "Device", cell: (one) => one.device || "any", wide: true },
          { title: "State", cell: (one) => one.state, wide: true },
          { title: "Ends", cell: (one) => (one.until === null ? "when it is given back" : `in ${duration(one.until - now)}`) },
        ]}
        action={useAdmin() && end}
      />
    </>
  );
}

function called(one: LeaseView): string {
  return one.note === "" ? one.id : one.note;
}

function giveBack(one: LeaseView, after: () => void): void {
  act<LeaseView>({
    title: `Give back what is lent to ${called(one)}`,
    cli: () => `glowplug lease --release ${quoted(one.id)}`,
    request: () => ["POST", `/admin/leases/${encodeURIComponent(one.id)}/release`],
    seen: ({ bytes, device }) =>
      `${size(bytes)} of ${device || "a device"} are free for models at once. The program itself goes on: if it still holds that memory, ` +
      "the next load sees it as another program’s.",
    verb: "Give back",
    done: () => `The memory that was lent to ${called(one)} is free`,
    after,
  });
}
