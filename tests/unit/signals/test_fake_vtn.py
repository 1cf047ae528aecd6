from typing import Any

from tests.fakes.vtn import KNOWN, FakeVtn
from tests.fakes.vtn_script import recorded, run

NOON = 1_796_040_000.0


def test_the_fake_server_answers_as_openleadr_vtn_was_recorded_to() -> None:
    vtn = FakeVtn(lambda: NOON)
    vtn.tokens["script"] = "script"

    def ask(who: str, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        token = {"node": "script"}.get(who, who)
        return vtn.answer(token, method, path, body)

    assert run(ask, KNOWN) == recorded()
