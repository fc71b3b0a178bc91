"""The table of laws that lesson 16 shows: complete, dated, and sure of no more than was confirmed."""

import json
from datetime import date

import pytest

from imagegen_lessons import runtime

TABLE = json.loads((runtime.ROOT / "data" / "law.json").read_text(encoding="utf-8"))
CHECKED = TABLE["checked_on"]
COLUMNS = {"what", "where", "since", "status", "source", "certainty", "checked"}
STATUS = {"in force", "not yet in force", "voluntary", "guidance", "standard", "bill"}
each_row = pytest.mark.parametrize("row", TABLE["rows"], ids=lambda row: row["source"][:40])


def test_it_says_when_it_was_checked_and_no_row_stands_twice():
    assert min(row["checked"] for row in TABLE["rows"]) == CHECKED  # the banner counts from the oldest check
    assert len({(row["what"], row["where"]) for row in TABLE["rows"]}) == len(TABLE["rows"])


@each_row
def test_a_row_is_complete(row):
    assert set(row) == COLUMNS
    assert all(row[name].strip() for name in COLUMNS - {"since"})
    assert row["status"] in STATUS
    certainty = row["certainty"].split()[0].strip(":;")
    assert certainty in ("high", "medium", "low")
    assert certainty != "low" or row["status"] == "bill"  # what was not confirmed is not called law
    assert date.fromisoformat(row["checked"]).year >= 2026
    assert any(character.isdigit() for character in row["source"]) or row["status"] in ("bill", "voluntary")


@each_row
def test_a_date_is_a_date_and_fits_the_status(row):
    if row["since"] is None:
        assert row["status"] in ("bill", "standard")
        return
    date.fromisoformat(row["since"] if len(row["since"]) == 10 else f"{row['since']}-01")
    if row["status"] == "in force":
        assert row["since"] <= row["checked"]
    if row["status"] == "not yet in force":
        assert row["since"] > row["checked"]


def test_what_the_lesson_says_of_the_union_stands_in_the_table():
    """Sexual deepfakes: the systems are forbidden (AI Act), the deed becomes a crime (directive)."""
    union = {row["source"]: row["since"] for row in TABLE["rows"] if row["where"] == "European Union"}
    assert any("Art. 5" in source and "AI Act" in source for source in union)
    assert [since for source, since in union.items() if "2024/1385" in source] == ["2027-06-14"]
