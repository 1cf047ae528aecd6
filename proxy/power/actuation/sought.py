"""Machines that say an identity which a machine at another address has."""

from collections import Counter

from attrs import define, field


@define(eq=False, repr=False)
class SoughtIdentities:
    """Who is asked whether it is still who it was, and for whom; one each of a table.

    Both are found without a look at all others: DHCP may have moved a whole hall.
    """

    _by_holder: dict[str, tuple[str, str]] = field(factory=dict, init=False)
    _askers: Counter[str] = field(factory=Counter, init=False)

    def seek(self, holder: str, identity: str, asker: str) -> None:
        """Ask the machine `holder` for `asker`, that says the identity it has."""
        self.pop(holder)
        self._by_holder[holder] = identity, asker
        self._askers[asker] += 1

    def pop(self, holder: str) -> tuple[str, str] | None:
        """Return for which identity a machine is asked and for whom, and end that."""
        found = self._by_holder.pop(holder, None)
        if found is not None:
            self._askers[found[1]] -= 1
            if not self._askers[found[1]]:
                del self._askers[found[1]]
        return found

    def is_asker(self, key: str) -> bool:
        """Tell whether another machine is asked for this one."""
        return key in self._askers
