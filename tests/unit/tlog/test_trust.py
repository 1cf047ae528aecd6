"""Trust policies: who is believed, and when enough have cosigned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedMessageError
from protocol.tlog.note import KeyKind, VerifierKey
from protocol.tlog.trust import Trust, trust_of
from tests.oversight_vectors import vectors

LOG = vectors("note")["log"]["vkey"]
KEYS = [
    VerifierKey(f"w{n}.example", KeyKind.COSIGNATURE, bytes([n]) * 32) for n in range(5)
]
WITNESSES = "".join(
    f"witness W{n} {k.text} http://127.0.0.1:{n + 1}/\n" for n, k in enumerate(KEYS)
)
NESTED = f"""# who must have seen the log
log {LOG}
\t {WITNESSES}
group X 2 W0 W1 W2
group Y any W3 W4
group both all X Y
quorum both
"""


def trust(text: str) -> Trust:
    return trust_of(text.encode())


def test_a_policy_of_groups_is_met_as_it_says() -> None:
    policy = trust(NESTED)

    assert [log.key.text for log in policy.logs] == [LOG]
    assert policy.witnesses[0].url == "http://127.0.0.1:1/"
    assert policy.is_met_by([KEYS[0], KEYS[2], KEYS[4]])
    assert not policy.is_met_by([KEYS[0], KEYS[4]])
    assert not policy.is_met_by([KEYS[0], KEYS[1], KEYS[2]])
    assert not policy.is_met_by([])


@given(st.sets(st.sampled_from(range(5))), st.sampled_from(range(5)))
def test_one_more_cosignature_never_makes_a_quorum_unmet(
    found: set[int], more: int
) -> None:
    policy = trust(NESTED)
    before = policy.is_met_by([KEYS[n] for n in found])

    assert policy.is_met_by([KEYS[n] for n in found | {more}]) >= before


def test_a_policy_may_ask_for_nobody_or_for_one() -> None:
    assert trust("quorum none\n").is_met_by([])
    assert trust(WITNESSES + "quorum W3").is_met_by([KEYS[3]])
    assert not trust(WITNESSES + "quorum W3").is_met_by([KEYS[2]])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 quorum lines"),
        ("quorum none\nquorum none", "2 quorum lines"),
        ("quorum W0", "line 1: no witness or group W0"),
        ("what else", "line 1: no log, witness"),
        (f"log {LOG}\nlog {LOG}\nquorum none", "line 2: a log whose key"),
        (f"witness A {LOG}\nquorum A", "makes no cosignatures"),
        (f"witness none {KEYS[0].text}\nquorum none", "the name none is taken"),
        (f"{WITNESSES}witness W0 {KEYS[0].text}\n", "line 6: the name W0 is taken"),
        (f"{WITNESSES}witness X {KEYS[0].text}\n", "whose key stands above"),
        (f"{WITNESSES}group G 3 W0 W1\nquorum G", "3 of 2"),
        (f"{WITNESSES}group G 0 W0 W1\nquorum G", "0 of 2"),
        (f"{WITNESSES}group G any W0 W0\nquorum G", "twice"),
        (f"{WITNESSES}group G any G\nquorum G", "no witness or group G"),
        (f"{WITNESSES}group G any none\nquorum G", "no witness or group none"),
        (f"{WITNESSES}group G any W0\ngroup H any W0\n", "W0 is in a group already"),
        ("quorum \x07", "line 1: a control"),
        ("quorum", "line 1: 1 words"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(MalformedMessageError, match=why):
        trust(text)


@given(st.binary(max_size=300))
def test_bytes_of_anyone_are_a_policy_or_refused(raw: bytes) -> None:
    try:
        trust_of(raw)
    except MalformedMessageError:
        return


def test_a_policy_has_a_limit() -> None:
    with pytest.raises(MalformedMessageError, match="a trust policy of"):
        trust_of(b"#" * 300_000)
