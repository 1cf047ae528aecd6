import pytest

from proxy.cli.help import names, title
from proxy.cli.main import main


def test_help_lists_every_topic_with_its_title(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(["help"])

    shown = capsys.readouterr().out
    assert status == 0
    assert "devices" in names()
    assert all(name in shown and title(name) in shown for name in names())


@pytest.mark.parametrize("name", names())
def test_a_topic_is_markdown_that_fits_a_terminal(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["help", name.upper()])

    shown = capsys.readouterr().out
    assert status == 0
    assert shown.startswith("# ")
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize(
    ("asked", "said"), [("device", "near it: devices"), ("zzz", "there are")]
)
def test_an_unknown_topic_is_refused_with_what_there_is(
    asked: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["help", asked])

    assert status == 2
    assert said in capsys.readouterr().err


def test_help_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["help", "devices", "--json"])

    assert capsys.readouterr().out.startswith('{"topic":"devices","text":"# ')
