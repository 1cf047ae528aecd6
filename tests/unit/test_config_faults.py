"""All faults of a file at once: what was found, what is allowed, and where."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.config import ConfigError, load_config
from proxy.config.fault import Fault, fault_of
from proxy.config.load import read_config
from proxy.config.places import lines_of, nearest_place

GOOD = """\
[proxy]
name = "unit-1"                # a comment
engine = "auto"

[[pools]]
name = "main"
url = "stratum+tcp://pool.example:3333"
user = "a"

[[sites]]
name = "hall-a"
listen = [
    "tcp:3333",
]
sources = ["main"]
[sites.difficulty]
start = 65536

[sites.power]
budget_w = 1000
fail_safe_w = 100
[[sites.fleet]]
workers = "*"
model = "Antminer S21"
[[sites.fleet]]
workers = "b.*"
model = "Antminer S21"
"""


def faults(folder: Path, *changes: tuple[str, str]) -> list[Fault]:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "c.toml"
    path.write_text(text)
    return list(read_config(path, {}).faults)


def test_a_good_file_has_none(tmp_path: Path) -> None:
    assert faults(tmp_path) == []


def test_each_fault_is_told_with_its_line(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        ('"auto"', '"natvie"'),
        ("user", "usr"),
        ("[sites.power]", "[sites.pwoer]"),
        ("65536", '"64k"'),
        ("[[sites.fleet]]", "[[sites.fleet]]\npriority = -1"),
    )

    assert [(f.place, f.key) for f in found] == [
        ("line 3", "$.proxy.engine"),
        ("line 8", "$.pools[0].usr"),
        ("line 5", "$.pools[0]"),
        ("line 17", "$.sites[0].difficulty.start"),
        ("line 19", "$.sites[0].pwoer"),
        ("line 23", "$.sites[0].fleet[0].priority"),
    ]


def test_what_is_sound_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    """One wrong level of the log hides no source that does not exist."""
    found = faults(
        tmp_path,
        ('"auto"', '"natvie"'),
        ('["main"]', '["main", "spare"]'),
        ("start = 65536", "start = 1"),
    )

    assert [f.key for f in found] == [
        "$.proxy.engine",
        "$.sites[0].sources",
        "$.sites[0].difficulty.start",
    ]


def test_what_hangs_on_a_fault_is_no_fault_of_its_own(tmp_path: Path) -> None:
    found = faults(tmp_path, ("budget_w = 1000", 'budget_w = "1000"'))

    (said,) = map(str, found)
    assert said.startswith("Expected a number, got '1000': numbers stand without quo")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"auto"', '"natvie"', "one of auto, native, python, got 'natvie': did you me"),
        ('"unit-1"', '"unit 1"', "Expected 1 to 64 letters, digits or signs of _ . -"),
        ('"unit-1"', "1", "Expected a text, got 1"),
        ("65536", "true", "Expected a number, got true"),
        ("65536", '"3.5M"', "got '3.5M': in a file it is 3_500_000"),
        ("65536", "nan", "Expected a finite number, got nan"),
        ("65536", "[1]", "Expected a number"),
        ("[proxy]", "[[proxy]]", "Expected a table, got a list"),
        ('["main"]', "[]", "Expected a list of length >= 1"),
        ('["main"]', "[1]", "Expected a text, got 1"),
        ('"*"', f'"{"x" * 200}"', "of length <= 128, got 'xxx"),
        ("model =", "modell =", "did you mean 'model'? Here may stand addresses, con"),
        ("engine =", "zzz =", "Unknown key `zzz`: Here may stand admin, "),
    ],
)
def test_a_fault_says_what_is_allowed(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert says in str(faults(tmp_path, (old, new))[0])


def test_a_start_tells_of_the_first_and_how_many_there_are(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(GOOD.replace("auto", "x").replace("65536", "0"))
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})

    assert str(caught.value).startswith(f"{path}, line 3: Expected one of")
    assert str(caught.value).endswith("`$.proxy.engine` (one of 2 faults)")
    assert len(caught.value.faults) == 2


def test_no_pattern_is_shown_to_anybody(tmp_path: Path) -> None:
    for old in ('"unit-1"', '"main"', '"hall-a"'):
        for fault in faults(tmp_path, (old, '"~"')):
            assert "regex" not in str(fault)


def test_a_wrong_secret_is_not_shown(tmp_path: Path) -> None:
    wrong = 'user = "a"\npassword = { fil = "hunter2" }'
    (fault,) = faults(tmp_path, ('user = "a"', wrong))

    assert "hunter2" not in str(fault)


def test_a_sentence_and_a_fault_are_one() -> None:
    fault = Fault("Expected a - at `b`, got c", "$.sites[0].listen")

    assert fault_of(str(fault)) == fault
    assert fault_of("nothing at all") == Fault("nothing at all")


def test_lines_are_those_of_rows_and_tables() -> None:
    text = '''
[[sites]]  # one
name = "a"
"listen" = [
  "tcp:1"
]
note = """
name = "in a text"
"""
[sites.power]
signals.x = 1
[[sites.power.signals]]
kind = "http"
[[sites.power.signals]]
kind = "price"
[[sites]]
[[sites.power.signals]]
kind = "mqtt"
'''
    lines = lines_of(text)

    assert lines["$.sites[0].name"] == 3
    assert lines["$.sites[0].listen"] == 4
    assert lines["$.sites[0].power.signals[1].kind"] == 15
    assert lines["$.sites[1].power.signals[0].kind"] == 18
    assert 8 not in lines.values()


def test_what_has_no_line_stands_where_its_table_does() -> None:
    places = {"$.pools[0]": "line 3", "$.pools[0].password": "line 5"}

    assert nearest_place("$.pools[0].password.file", places) == "line 5"
    assert nearest_place("$.pools[0].url", places) == "line 3"
    assert nearest_place("$.pools", places) == "line 3"
    assert nearest_place("$.nodes", places) == ""


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_no_text_breaks_the_search_for_lines(text: str) -> None:
    assert all(0 < line <= len(text.splitlines()) for line in lines_of(text).values())


def scribbles() -> st.SearchStrategy[tuple[int, str]]:
    return st.tuples(st.integers(0, len(GOOD)), st.text("[]{}=\"'#.\n x1-", max_size=6))


@settings(max_examples=150, deadline=None)
@given(st.lists(scribbles(), min_size=1, max_size=4))
def test_no_scribble_in_a_file_is_more_than_a_fault(
    tmp_path_factory: pytest.TempPathFactory, scribbled: list[tuple[int, str]]
) -> None:
    text = GOOD
    for at, what in scribbled:
        text = text[:at] + what + text[at:]
    path = tmp_path_factory.mktemp("scribbled") / "c.toml"
    path.write_text(text)
    try:
        reading = read_config(path, {})
    except ConfigError:
        return
    assert (reading.config is None) == bool(reading.faults)


@pytest.mark.parametrize(
    ("listener", "text"),
    [
        ('deny = ["10.0.0.0/99"]', "Expected an address or a network as 10.1.0.0/16"),
        ('proxy_protocol = "required"', "Needed where balancers come: their networks"),
        ('trusted = ["10.0.0.5"]', "Nothing is made of trusted balancers without"),
        (
            'client_ca = "ca.pem"',
            "Expected an ssl: endpoint: there are no certificates",
        ),
        ('tls_identity = "must-prefix"', "Needed for must-prefix: authorities"),
    ],
)
def test_who_may_come_to_a_listener_is_checked(
    listener: str, text: str, tmp_path: Path
) -> None:
    file = tmp_path / "b.toml"
    file.write_text(
        '[[pools]]\nname = "main"\nurl = "stratum+tcp://127.0.0.1:1"\nuser = "a"\n'
        '[[sites]]\nname = "a"\nsources = ["main"]\n'
        f'[[sites.listeners]]\nendpoint = "tcp:1"\n{listener}\n'
    )

    faults = [str(fault) for fault in read_config(file, {}).faults]

    assert [text in fault for fault in faults] == [True]


@pytest.mark.parametrize(
    ("endpoint", "is_good"),
    [
        ("tcp:1", True),
        ("tcp6:1", True),
        ("systemd:INET:name=miners", True),
        ("ssl:1:privateKey=k:certKey=c", False),
        ("unix:/run/miners", False),
        ("systemd:domain=UNIX:name=miners", False),
    ],
)
def test_balancers_come_where_they_have_an_address_and_speak_first(
    endpoint: str, tmp_path: Path, *, is_good: bool
) -> None:
    file = tmp_path / "b.toml"
    file.write_text(
        '[[pools]]\nname = "main"\nurl = "stratum+tcp://127.0.0.1:1"\nuser = "a"\n'
        '[[sites]]\nname = "a"\nsources = ["main"]\n'
        f'[[sites.listeners]]\nendpoint = "{endpoint}"\n'
        'proxy_protocol = "required"\ntrusted = ["10.0.0.5"]\n'
    )

    faults = [str(fault) for fault in read_config(file, {}).faults]

    assert ["Expected a tcp: endpoint" in fault for fault in faults] == (
        [] if is_good else [True]
    )
