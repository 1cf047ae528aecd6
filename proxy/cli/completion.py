"""`baseload completion`: what a shell needs to complete commands and options."""

import sys
from collections.abc import Callable

from proxy.cli.command import Arguments, Parser, print_json

SHELLS = ("bash", "zsh")

INSTALL = (
    "Bash: write it to ~/.local/share/bash-completion/completions/baseload. zsh: to a"
    " file _baseload in a folder of $fpath."
)


def completion_options(parser: Parser) -> None:
    """Add the options of `completion`."""
    parser.epilog = INSTALL
    parser.add_argument("shell", choices=SHELLS)


def completion(whole: Callable[[], Parser], arguments: Arguments) -> int:
    """Print a script that completes without starting Python at each key.

    Args:
        whole: Returns the parser with the options of every command.
        arguments: Name the shell.
    """
    import shtab  # noqa: PLC0415  (for this alone)

    script = shtab.complete(whole(), shell=arguments.shell)
    if arguments.json:
        print_json({"shell": arguments.shell, "script": script})
    else:
        sys.stdout.write(script)
    return 0
