"""Rows that are one, found by the database and merged."""

from __future__ import annotations

from glowplug.doctor.foreign import Daily, daily_tables
from glowplug.doctor.same_rows import Same, count_same, merge, narrower, same_rows
from glowplug.testing.litellm_seed import inserter
from tests.doctor.museum import Machine
from tests.doctor.spending import change, connected, daily_row, database


def test_the_row_that_litellm_looks_for_stays_or_else_the_oldest(bare: Machine) -> None:
    machine = bare
    database(machine)
    with connected(machine) as connection:
        insert = inserter(connection)
        for number, (model, endpoint) in enumerate([("a", None), ("a", ""), ("a", None), ("b", None), ("b", None)]):
            row = daily_row(5, model, 1, id=f"row-{number}") | {"endpoint": endpoint, "tag": "night"}
            insert("LiteLLM_DailyTagSpend", row | {"created_at": f"2026-11-0{9 - number} 10:00:00"})
    with machine.site.foreign() as source:
        (tags,) = [daily for daily in daily_tables(source) if daily.whose == "tag"]
        assert count_same(source, tags) == (2, 3)
        found, cut = same_rows(source, tags, 100)
        assert not cut
        assert [[row["id"] for row in same.rows] for same in found] == [["row-1", "row-2", "row-0"], ["row-4", "row-3"]]
        assert [(same.sums["api_requests"], same.sums["spend"]) for same in found] == [("3", "0.75"), ("2", "0.5")]
        for most, rows in ((5, [3]), (4, [3]), (2, [2])):
            found, cut = same_rows(source, tags, most)
            assert ([len(same.rows) for same in found], cut) == (rows, True), "the last may lack others"
        assert not narrower(source, tags)
    change('CREATE UNIQUE INDEX old ON "LiteLLM_DailyTagSpend" (tag, date, id)')(machine)
    with machine.site.foreign() as source:
        assert not narrower(source, tags), "it has a column that is not of the key"
    change('DELETE FROM "LiteLLM_DailyTagSpend"', 'CREATE UNIQUE INDEX older ON "LiteLLM_DailyTagSpend" (tag, date)')(
        machine
    )
    with machine.site.foreign() as source:
        assert narrower(source, tags)


def test_under_an_older_index_nulls_stay_as_they_are() -> None:
    daily = Daily("public", "LiteLLM_DailyTagSpend", "tag", ("tag", "date", "api_key", "model", "endpoint"))
    first = {"id": "1", "tag": "t", "endpoint": None, "api_requests": "1", "model_group": None, "updated_at": "2026"}
    other = {"id": "2", "tag": "t", "endpoint": "", "api_requests": "2", "model_group": "chat", "updated_at": "2027"}
    first |= {"date": "d", "api_key": "k", "model": "m"}
    other |= {"date": "d", "api_key": "k", "model": "m"}
    same = Same((first, other), {"api_requests": "3"})
    merged = {}
    for fill in (True, False):
        gone, stays = merge(daily, same, fill=fill)
        assert (gone.key, gone.after, stays.key) == ({"id": "2"}, None, {"id": "1"})
        assert stays.after is not None
        merged[fill] = stays.after
    assert merged[False] == first | {"api_requests": "3", "model_group": "chat", "updated_at": "2027"}
    assert merged[True] == merged[False] | {"endpoint": ""}
