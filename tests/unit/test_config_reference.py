"""The reference names every key that the program takes, and what holds without it."""

from protocol.plain_meter import MAKES
from proxy.config.reference import reference, tables


def test_every_key_says_what_it_means() -> None:
    unsaid = [
        f"{table.place}.{key.name}"
        for table in tables()
        for key in table.keys
        if not key.meaning
    ]

    assert unsaid == []


def test_a_table_has_the_header_that_the_file_has() -> None:
    text = reference()

    for header in ("[proxy.ledger]", "[[pools]]", "[sites.power]", "[[sites.fleet]]"):
        assert f"\n## `{header}`\n" in text


def test_a_key_says_what_it_may_be_and_its_default() -> None:
    text = reference()

    assert "* `ban_s` (number, at least 0, [0]): " in text
    assert "* `protocol` (auto | sv1 | sv2, [sv1]): " in text
    assert "* `budget_w` (number, more than 0, required): " in text
    assert "* `password` (text, { file = PATH } or { env = NAME }, [x]): " in text
    assert "; without it: " in text


def test_a_meter_may_be_a_text_or_a_table() -> None:
    text = reference()

    assert "* `meter` (" in text
    assert "## `[sites.power.meter]`" in text


def test_every_make_of_a_meter_is_named() -> None:
    text = " ".join(reference().split())

    assert [make for make in MAKES if f"`{make}`" not in text] == []
