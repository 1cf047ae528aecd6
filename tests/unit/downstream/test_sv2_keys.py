"""The authority key is kept to its owner, and certificates never lapse."""

import stat
from pathlib import Path

import pytest

from protocol.noise.ellswift import xonly_of
from protocol.units import UnixTime
from proxy.downstream.sv2_keys import (
    KeyFileError,
    ServerKeys,
    authority_of,
    check_authority,
    load_authority,
    make_authority,
)
from tests.noise_peers import an_authority

DAY = 86400.0


def fives(size: int) -> bytes:
    return b"\x05" * size


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "authority.key"

    made = authority_of(path, fives)
    found = authority_of(path, lambda size: b"\x06" * size)

    assert made == found
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_file_is_no_key(tmp_path: Path) -> None:
    assert load_authority(tmp_path / "authority.key") is None


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "authority.key"
    make_authority(path, fives)
    path.chmod(0o640)

    with pytest.raises(KeyFileError, match="mode 640, wanted 600"):
        load_authority(path)


@pytest.mark.parametrize("text", ["", "nonsense\n", "\xff", "1" * 999])
def test_a_file_without_a_key_is_refused_without_showing_it(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "authority.key"
    path.write_text(text, "latin-1")
    path.chmod(0o600)

    with pytest.raises(KeyFileError) as refused:
        load_authority(path)
    assert str(refused.value) == f"{path}: holds no authority secret"


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "authority.key"
    make_authority(path, fives)

    with pytest.raises(KeyFileError, match="File exists"):
        make_authority(path, fives)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")

    with pytest.raises(KeyFileError):
        make_authority(blocked / "authority.key", fives)
    with pytest.raises(KeyFileError):
        load_authority(blocked / "authority.key")


def test_random_bytes_that_are_no_key_are_passed_over(tmp_path: Path) -> None:
    tries = iter([bytes(32), b"\xff" * 32, b"\x05" * 32])

    made = make_authority(tmp_path / "authority.key", lambda _: next(tries))

    assert made.raw == b"\x05" * 32


def test_certificates_are_renewed_long_before_they_lapse() -> None:
    now = [1_750_000_000.0]
    authority = an_authority()
    keys = ServerKeys(authority, lambda: UnixTime(now[0]), fives)
    first = identity = keys.identity

    for _ in range(100):
        now[0] += DAY / 2
        identity = keys.identity
        identity.certificate.check(identity.key.xonly, authority.key, UnixTime(now[0]))
        weeks_left = identity.certificate.not_valid_after - now[0]
        assert weeks_left > 28 * DAY

    assert identity.key.point == first.key.point
    assert xonly_of(identity.key.point) == first.key.xonly


def test_a_machine_whose_clock_is_a_day_late_is_served() -> None:
    authority = an_authority()
    keys = ServerKeys(authority, lambda: UnixTime(1_750_000_000.0), fives)

    late = UnixTime(1_750_000_000.0 - DAY)

    keys.identity.certificate.check(keys.identity.key.xonly, authority.key, late)


def test_the_secret_cannot_be_printed() -> None:
    keys = ServerKeys(an_authority(), lambda: UnixTime(1.0), fives)

    assert an_authority().text not in repr(keys)
    assert repr(b"\x05" * 32)[2:-1] not in repr(keys)


def test_to_check_an_authority_makes_none(tmp_path: Path) -> None:
    check_authority(tmp_path / "state" / "authority.key")

    assert [*tmp_path.iterdir()] == []
