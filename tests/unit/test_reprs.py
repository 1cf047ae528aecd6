"""What is known by its identity is printed by it, not by all that hangs on it.

A miner holds its site, which holds its roster, which holds all miners: a generated
repr of one of them is megabytes of text, made in the moment of a traceback.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from proxy.jobs.distributor import Distributor
from tests.fakes.hall import Hall

ROOT = Path(__file__).parents[2]


def options(decorator: ast.expr) -> dict[str, object]:
    """Return the keyword arguments of an attrs decorator, none of anything else."""
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Name):
        return {}
    if decorator.func.id != "define":
        return {}
    return {
        word.arg: word.value.value
        for word in decorator.keywords
        if word.arg and isinstance(word.value, ast.Constant)
    }


def classes() -> Iterator[tuple[str, dict[str, object]]]:
    for folder in ("proxy", "protocol"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    for decorator in node.decorator_list:
                        where = f"{path.relative_to(ROOT)}: {node.name}"
                        yield where, options(decorator)


def test_what_has_an_identity_has_no_generated_repr() -> None:
    of_identity = {where: found for where, found in classes() if "eq" in found}
    wrong = [where for where, found in of_identity.items() if "repr" not in found]

    assert len(of_identity) > 50
    assert wrong == []


def test_one_miner_of_many_is_printed_alone() -> None:
    hall = Hall()
    wires = [hall.connect().work() for _ in range(50)]
    group = wires[0].miner.group
    things = (wires[0].miner, group, Distributor(hall.clock), hall.board, hall.context)

    lengths = [len(repr(thing)) for thing in things]

    assert None not in things
    assert max(lengths) < 200
