"""What Prisma's files say, compared with what PostgreSQL makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.prisma import columns_made, fields, installed, lacking
from glowplug.doctor.site import Foreign
from glowplug.testing.litellm_schema import ERAS, columns, migrations
from tests.doctor.museum import HOME, Machine
from tests.moving.postgres import Server


def real(server: Server, era: str) -> dict[str, frozenset[str]]:
    """LiteLLM's tables of an era as PostgreSQL has them, without views."""
    with server.connect(server.litellm(era)) as connection:
        views = {name for (name,) in connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'")}
        return {table: names for table, names in columns(connection).items() if table not in views}


@pytest.mark.parametrize("era", ERAS)
def test_columns_of_the_real_migrations_are_those_that_postgresql_makes(postgres: Server, era: str) -> None:
    made = columns_made((file.parent.name, file.read_text()) for file in migrations(era))
    assert set(made) == {(table, column) for table, names in real(postgres, era).items() for column in names}


def test_fields_of_the_real_schema_are_the_columns_of_the_newest_era(postgres: Server) -> None:
    schema = migrations("newest")[0].parent.parent.parent / "schema.prisma"
    assert dict(fields(schema.read_text())) == real(postgres, "newest")


def test_statements_of_every_kind() -> None:
    made = columns_made(
        [
            (
                "1",
                'CREATE TABLE "A" (\n "id" TEXT NOT NULL,\n plain INT DEFAULT (1),\n CONSTRAINT "pk" UNIQUE ("id"));',
            ),
            ("1", 'CREATE TABLE "Gone" ("id" TEXT); CREATE TABLE "public"."B" (\n"x" TEXT\n);'),
            (
                "2",
                '-- ALTER TABLE "A" ADD COLUMN "no" INT;\nALTER TABLE "A" ADD COLUMN "new" TEXT,\nDROP COLUMN "plain";',
            ),
            ("3", 'ALTER TABLE "A" RENAME COLUMN "new" TO "newer"; DROP TABLE IF EXISTS "Gone";'),
            ("4", 'ALTER TABLE IF EXISTS "B" RENAME TO "C"; ALTER TABLE "Unknown" ADD COLUMN "x" TEXT;'),
            ("5", 'CREATE TABLE IF NOT EXISTS "C" (\n"other" TEXT\n);'),
        ]
    )
    assert made == {("A", "id"): "1", ("A", "newer"): "3", ("C", "x"): "4"}


def test_relations_are_no_columns_and_names_may_be_mapped() -> None:
    schema = """
    // a comment
model A {
  id    String @id @default(uuid()) // @map("no")
  by    String? @map("created_by")
  tags  String[] @default([])
  many  B[]
  one   B? @relation(fields: [id], references: [id])
  @@unique([id, by])
}
model B {
  id String @id
}
enum Status {
  ON
}
"""
    assert fields(schema) == {"A": {"id", "created_by", "tags"}, "B": {"id"}}


def test_what_is_lacking_is_named() -> None:
    wanted = {"A": frozenset({"x", "y"}), "B": frozenset({"z"})}
    assert lacking(wanted, {"A": frozenset({"x"})}) == ("A.y", "B")
    assert lacking(wanted, {**wanted, "C": frozenset()}) == ()


def test_packages_are_found_where_programs_are_installed(bare: Machine) -> None:
    machine = bare
    machine.site.litellm = Foreign(config=Path("/data/litellm/config.yaml"))
    places = [
        f"{HOME}/.local/share/uv/tools/litellm/lib/python3.12/site-packages/prisma",
        f"{HOME}/proxy/.venv/lib/python3.11/site-packages/prisma",
        "/data/litellm/venv/lib/python3.12/site-packages/prisma",
        "/opt/litellm/lib/python3.12/site-packages/prisma",
        "/usr/lib/python3/dist-packages/prisma",
        "/usr/local/lib/python3.13/site-packages/prisma",
    ]
    for place in places:
        machine.write(f"{place}/__init__.py", "")
    machine.write("/opt/other/lib/python3.12/site-packages/prisma", "a file")
    machine.write("/somewhere/else/lib/python3.12/site-packages/prisma/__init__.py", "")
    assert sorted(map(str, installed(machine.site, "prisma"))) == sorted(places)
