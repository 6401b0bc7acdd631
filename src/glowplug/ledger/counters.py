"""Counters that all processes of one installation share: a memory-mapped file of 64-bit integers.

Every cell has one writer and is written whole (aligned, eight bytes), so there is no lock, no system call and no
message; everybody adds up what all have written.  The file outlives every process that wrote to it.

    header   `GPC1` at 0, u32 version at 4, u32 rows at 8, u32 columns at 12, i64 identity at 16, i64 rows in use at 24
    column c at 64 + 64·c: name of the owner (40 bytes, zeros behind it), i64 epoch at 40, i64 void at 48
    cells    from 20480: for each column all `total`s by row, then all `held`s by row, then all `counted`s by row

Column 0 belongs to the control process: its `total` is what the ledger adds to the workers' totals, its `held` says
what the row is for (a hash of the label; 0 when it is free).  Column 1 + n belongs to worker n; in rows of rates its
`counted` and `held` are its picture of the rate (`glowplug.routing.limits.SharedRate`).  `epoch` is a hash of the
owner's name.  `void` is written by control: when it equals the epoch, the owner is gone and what it held is void.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from secrets import randbits

MAGIC = b"GPC1"
VERSION = 1
ROWS = 32_768
MOST_WORKERS = 256
_HEADER = struct.Struct("<4sIIIq")
_USED = 24 // 8
_COLUMN = 64
_NAME_BYTES = 40
_EPOCH, _VOID = 40 // 8, 48 // 8
_CELLS = 20_480


def label_hash(label: str) -> int:
    """63 bits that stand for a label; never 0."""
    return int.from_bytes(blake2b(label.encode(), digest_size=8).digest()) >> 1 or 1


class CounterFile:
    """The mapping.  Raises OSError when there is no such file, ValueError when it is not one of these."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            data = file.read(_HEADER.size)
            if len(data) < _HEADER.size:
                raise ValueError(f"{path} is not a file of counters")
            magic, version, rows, columns, identity = _HEADER.unpack(data)
            if magic != MAGIC or version != VERSION:
                raise ValueError(f"{path} is not a file of counters of this release")
            self.rows: int = rows
            self.columns: int = columns
            self.identity: int = identity
            size = _size(self.rows, self.columns)
            if os.fstat(file.fileno()).st_size != size:
                raise ValueError(f"{path} does not have {size} bytes")
            self._memory = mmap.mmap(file.fileno(), size)
        self._bytes = memoryview(self._memory)
        self.cells = self._bytes.cast("q")

    def close(self) -> None:
        self.cells.release()
        self._bytes.release()
        self._memory.close()

    def total_at(self, column: int, row: int) -> int:
        """Index of a cell in `cells`."""
        return _CELLS // 8 + column * 3 * self.rows + row

    def held_at(self, column: int, row: int) -> int:
        return self.total_at(column, row) + self.rows

    def counted_at(self, column: int, row: int) -> int:
        return self.total_at(column, row) + 2 * self.rows

    def owner(self, column: int) -> str:
        """The name of the process that a column belongs to, or belonged to; empty for nobody yet."""
        at = _COLUMN + _COLUMN * column
        return bytes(self._bytes[at : at + _NAME_BYTES]).rstrip(b"\0").decode(errors="replace")

    def own(self, column: int, name: str) -> None:
        """Write the owner's name, then its epoch."""
        at = _COLUMN + _COLUMN * column
        self._bytes[at : at + _NAME_BYTES] = name.encode()[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0")
        self.cells[self.epoch_at(column)] = label_hash(name)

    def epoch_at(self, column: int) -> int:
        return (_COLUMN + _COLUMN * column) // 8 + _EPOCH

    def void_at(self, column: int) -> int:
        return (_COLUMN + _COLUMN * column) // 8 + _VOID

    @property
    def used(self) -> int:
        """No row from this one on has ever been in use."""
        return self.cells[_USED]

    @used.setter
    def used(self, rows: int) -> None:
        self.cells[_USED] = rows


def _size(rows: int, columns: int) -> int:
    return _CELLS + columns * rows * 24


def create(path: Path, workers: int, rows: int = ROWS) -> CounterFile:
    """A new file of zeros in place of what was there.  Raises OSError; all its bytes are allocated, so that writing
    to the mapping cannot run out of disk."""
    columns = 1 + workers
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _size(rows, columns))
        os.pwrite(descriptor, _HEADER.pack(MAGIC, VERSION, rows, columns, randbits(62) + 1), 0)
        new.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    finally:
        os.close(descriptor)
    return CounterFile(path)


def open_or_create(path: Path, workers: int, rows: int = ROWS) -> CounterFile:
    """The file that is there, when it has a column for each worker; else a new one.  Raises OSError."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        file = CounterFile(path)
        if file.columns >= 1 + workers and file.rows >= rows:
            return file
        file.close()
    return create(path, workers, rows)


class Tally:
    """One row as one worker counts in it: an `Account` and a `Shared` for those who decide.

    What it counts itself it knows; it reads what others wrote.
    """

    __slots__ = (
        "_cells",
        "_counted_at",
        "_held_at",
        "_known_at",
        "_others",
        "_total_at",
        "_totals_at",
        "_writing",
        "file",
        "held",
        "row",
        "total",
    )

    def __init__(self, file: CounterFile, column: int, row: int) -> None:
        self.file = file
        self.row = row
        self._cells = file.cells
        self._known_at = file.total_at(0, row)
        self._total_at = file.total_at(column, row)
        self._held_at = file.held_at(column, row)
        self._counted_at = file.counted_at(column, row)
        self._others = tuple(
            (file.total_at(c, row), file.held_at(c, row), file.counted_at(c, row), file.epoch_at(c), file.void_at(c))
            for c in range(1, file.columns)
            if c != column
        )
        self._totals_at = tuple(total for total, _, _, _, _ in self._others)
        self._writing = True
        self.total: int = self._cells[self._total_at]
        """Goes on from what a predecessor counted: that is in no ledger yet, or the ledger has taken it off."""
        self.held = 0
        self._cells[self._counted_at] = 0
        self._cells[self._held_at] = 0

    def add(self, amount: int) -> None:
        self.total += amount
        if self._writing:
            self._cells[self._total_at] = self.total

    def hold(self, amount: int) -> None:
        self.held += amount
        if self._writing:
            self._cells[self._held_at] = self.held

    def settle(self, cost: int, held: int) -> None:
        """So much of what was held is over, and has cost this: the cost is written before the hold is given back."""
        self.held -= held
        if cost:
            self.total += cost
        if self._writing:
            cells = self._cells
            if cost:
                cells[self._total_at] = self.total
            cells[self._held_at] = self.held

    def used(self) -> int:
        if not self._others:
            return self.total
        cells = self._cells
        used = self.total
        for at in self._totals_at:
            used += cells[at]
        return used

    def views(self) -> Iterable[tuple[int, int]]:
        cells = self._cells
        # In the order opposite to that of `publish`.
        return [(cells[counted], cells[held]) for _, held, counted, _, _ in self._others]

    def publish(self, counted: int, due: int) -> None:
        if self._writing:
            self._cells[self._held_at] = due
            self._cells[self._counted_at] = counted

    def held_by_others(self) -> int:
        cells = self._cells
        return sum(cells[held] for _, held, _, epoch, void in self._others if cells[epoch] != cells[void])

    def spent(self) -> int:
        known: int = self._cells[self._known_at]
        return known + self.used()

    def reserved(self) -> int:
        return self.held + self.held_by_others()

    def taken(self) -> int:
        """`spent` and `reserved` together, never too little.  Holds are read first and totals last: a settlement
        writes its cost before it gives its hold back, and a fold takes over what totals have had before."""
        cells = self._cells
        if not self._others:
            known: int = cells[self._known_at]
            return self.held + known + self.total
        taken = self.held
        for _, held, _, epoch, void in self._others:
            if cells[epoch] != cells[void]:
                taken += cells[held]
        taken += cells[self._known_at] + self.total
        for at in self._totals_at:
            taken += cells[at]
        return taken

    def leave(self) -> None:
        """The row is for something else from now on: what is still settled here goes to the ledger alone."""
        if self._writing:
            self._writing = False
            self._cells[self._counted_at] = 0
            self._cells[self._held_at] = 0


class WorkerCounters:
    """The column of one worker.  To take it voids what a predecessor held."""

    def __init__(self, file: CounterFile, index: int, name: str) -> None:
        """Raises ValueError when the file has no such column."""
        self.file = file
        self._column = 1 + index
        if not 0 < self._column < file.columns:
            raise ValueError(f"the counters have no column for worker {index}")
        for row in range(file.used):
            for at in (file.counted_at(self._column, row), file.held_at(self._column, row)):
                if file.cells[at]:
                    file.cells[at] = 0
        file.own(self._column, name)

    def tally(self, row: int) -> Tally:
        """A row of this worker; one object a row at a time."""
        if not 0 <= row < self.file.rows:
            raise ValueError(f"the counters have no row {row}")
        return Tally(self.file, self._column, row)


class ControlCounters:
    """The control process's column: which row is for what, what the ledger knows, whose column is void."""

    def __init__(self, file: CounterFile) -> None:
        self._file = file
        cells = file.cells
        self._rows = {cells[at]: row for row in range(file.used) if cells[at := file.held_at(0, row)]}
        """Hash of the label → row."""
        self._next = file.used

    @property
    def identity(self) -> int:
        """Names this file among all that ever stood at its path."""
        return self._file.identity

    def assign(self, labels: Iterable[str]) -> dict[str, int]:
        """A row for each label: the one it has, or a free one; rows of other labels become free.

        A label for which there is no room is left out.  A row that became free is taken again as late as can be.
        """
        wanted = {label: label_hash(label) for label in labels}
        hashes = set(wanted.values())
        for label in [label for label in self._rows if label not in hashes]:
            self._file.cells[self._file.held_at(0, self._rows.pop(label))] = 0
        taken = set(self._rows.values())
        out = {}
        for name, label in wanted.items():
            row = self._rows.get(label)
            if row is None and (row := self._free(taken)) is not None:
                self._rows[label] = row
                taken.add(row)
                self.know(row, 0)
                self._file.cells[self._file.held_at(0, row)] = label
                self._file.used = max(self._file.used, row + 1)
            if row is not None:
                out[name] = row
        return out

    def _free(self, taken: set[int]) -> int | None:
        rows = self._file.rows
        if len(taken) >= rows:
            return None
        while self._next % rows in taken:
            self._next += 1
        self._next += 1
        return (self._next - 1) % rows

    def know(self, row: int, spend: int, counted: int | None = None) -> None:
        """The ledger has `spend` for this row, in which `counted` of the workers' totals is (all of it, unless given).

        One write: who reads sees the old sum or the new one.
        """
        counted = self.counted(row) if counted is None else counted
        self._file.cells[self._file.total_at(0, row)] = spend - counted

    def counted(self, row: int) -> int:
        """The sum of the workers' totals."""
        file = self._file
        return sum(file.cells[file.total_at(column, row)] for column in range(1, file.columns))

    def spent(self, row: int) -> int:
        known: int = self._file.cells[self._file.total_at(0, row)]
        return known + self.counted(row)

    def reserved(self, row: int) -> int:
        """What workers that live hold."""
        file = self._file
        return sum(
            file.cells[file.held_at(column, row)]
            for column in range(1, file.columns)
            if file.cells[file.epoch_at(column)] != file.cells[file.void_at(column)]
        )

    def void(self, workers: Iterable[str]) -> None:
        """These workers are gone: what they held is void, what they settled stays.  A successor that has taken the
        column already is not touched."""
        gone = {label_hash(worker) for worker in workers}
        file = self._file
        for column in range(1, file.columns):
            epoch = file.cells[file.epoch_at(column)]
            if epoch in gone:
                file.cells[file.void_at(column)] = epoch

    def owners(self) -> Sequence[str]:
        """The names of all workers that have a column, living or not."""
        names = (self._file.owner(column) for column in range(1, self._file.columns))
        return [name for name in names if name]

    def close(self) -> None:
        self._file.close()
