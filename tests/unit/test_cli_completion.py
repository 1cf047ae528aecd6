"""The script that completes commands: of all of them, and one that a shell takes."""

import shutil
import subprocess

import pytest

from proxy.cli.groups import GROUPS
from proxy.cli.main import COMMANDS, main

NAMES = [c.name for c in COMMANDS] + [c.name for _, _, group in GROUPS for c in group]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_every_command_is_completed(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out

    assert all(name in script for name in NAMES)
    assert "--sort" in script, "options of commands, too"


def test_bash_takes_the_script_and_completes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    main(["completion", "bash"])
    script = capsys.readouterr().out
    asks = (
        "COMP_WORDS=(baseload sta); COMP_CWORD=1; _shtab_baseload; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(  # noqa: S603  (our own script)
        [bash, "-c", f"{script}\n{asks}"], capture_output=True, text=True, check=True
    )

    assert set(done.stdout.split()) == {"status", "statement"}
