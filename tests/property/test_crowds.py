"""The largest crowd, beside a count of everybody."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.downstream.crowds import CROWD, Crowds


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 40))))
def test_the_largest_crowd_is_found(steps: list[tuple[bool, int, int]]) -> None:
    crowds, plain = Crowds[int](), dict[int, dict[int, None]]()
    for key in range(3):
        for one in range(CROWD):
            crowds.add(key, one)
            plain.setdefault(key, {})[one] = None
    for comes, key, one in steps:
        members = plain.setdefault(key, {})
        if comes:
            crowds.add(key, one)
            members[one] = None
        else:
            crowds.remove(key, one)
            members.pop(one, None)
        most = max(len(members) for members in plain.values())
        largest = crowds.largest()
        if most <= CROWD:
            assert largest is None
        else:
            assert crowds.size(largest) == most
            assert crowds.oldest(largest) == next(iter(plain[largest]))  # type: ignore[index]
