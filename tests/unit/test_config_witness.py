"""The file of `baseload witness`: faults are named with their key."""

from pathlib import Path

import pytest

from proxy.config import ConfigError
from proxy.config.witness import load_witness
from tests.oversight_logs import ORIGIN, SIGNER

GOOD = f"""[witness]
name = "grid.example/witness"
listen = "tcp:7380"
log = ["{SIGNER.key.text}"]
"""


def load(tmp_path: Path, text: str) -> object:
    path = tmp_path / "w.toml"
    path.write_text(text)
    return load_witness(path)


def test_the_logs_are_known_by_their_origins(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text(GOOD)

    found = load_witness(path)

    assert found.logs == {ORIGIN: [SIGNER.key]}
    assert found.state == str(tmp_path / "witness")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("listen", "lisen", "did you mean 'listen'"),
        ("[witness]", "[witnes]", "did you mean 'witness'"),
        ("grid.example/witness", "grid example", "a name like a url"),
        (SIGNER.key.text, "x", "witness.log"),
        (f'["{SIGNER.key.text}"]', "[]", "log"),
        ('7380"', '7380"\nmeter = "modbus://h:99999/1"', "a port from 1 to 65535"),
        ('7380"', '7380"\nmeter = "model"', "a meter's URL"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    with pytest.raises(ConfigError, match=r"w\.toml") as found:
        load(tmp_path, GOOD.replace(old, new))
    assert why in str(found.value)
    assert str(found.value).count(" - at ") == 1
