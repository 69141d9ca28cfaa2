"""The tables of settings are those that settings.py declares."""

import pytest
import settings_tables


def test_the_page_is_what_the_tool_writes() -> None:
    page = settings_tables.PAGE.read_text(encoding="utf-8")
    marked = {found[2] for found in settings_tables.MARKED.finditer(page)}
    assert marked == set(settings_tables.TABLES)
    assert settings_tables.rewritten(page) == page, "run make tables"


def test_a_table_follows_its_settings_and_leaves_the_rest_of_the_page() -> None:
    page = "before\n<!-- settings: scene -->\nold\n<!-- end -->\nafter <!-- end -->\n"
    new = settings_tables.rewritten(page)
    assert new.startswith("before\n<!-- settings: scene -->\n| setting |")
    assert new.endswith("|\n<!-- end -->\nafter <!-- end -->\n")
    assert "| `facing` | Facing | `front`, `view` | `front` |" in new and "old" not in new


def test_a_table_that_is_not_known() -> None:
    with pytest.raises(KeyError):
        settings_tables.rewritten("<!-- settings: nothing -->\n<!-- end -->")
