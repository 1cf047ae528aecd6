"""A copy of a log is believed where every bit of it is as it was signed."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from protocol.tlog.note import KeyKind, Note
from protocol.tlog.trust import Trust, trust_of
from proxy.cli.main import main
from proxy.oversight.signing import ed25519
from proxy.verifier.report import Report
from proxy.verifier.signatures import Trusted
from proxy.verifier.verify import UnusableError, Wanted
from proxy.verifier.verify import verify as verified
from tests.oversight_logs import AT, SIGNER, Plant

WITNESS = ed25519("grid.example/witness", KeyKind.COSIGNATURE, b"\x09" * 32)
TRUSTED = Trusted((SIGNER.key,))


def verify(wanted: Wanted) -> Report:
    return verified(wanted).report


def trust(quorum: str = "w") -> Trust:
    lines = f"log {SIGNER.key.text}\nwitness w {WITNESS.key.text}\nquorum {quorum}\n"
    return trust_of(lines.encode())


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a log of 600 rows, with what smaller sizes left."""
    plant = Plant(tmp_path_factory.mktemp("plant"))
    writer = plant.writer()
    for count in (3, 250, 300, 40, 7):
        plant.write(count)
        plant.publish(writer)
    shutil.copy(plant.folder.path / "checkpoint", plant.state / "old")
    plant.write(2)
    prepared = plant.publish(writer)
    text = prepared.point.text
    note = Note(text, (SIGNER.line(text, 0), WITNESS.line(text, int(AT) + 600)))
    (plant.folder.path / "checkpoint").write_bytes(note.raw)
    plant.close()
    return plant.folder.path


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "copy")


def found(folder: Path, trusted: Trusted = TRUSTED) -> list[str]:
    report = verify(Wanted(folder, trusted))
    return [f.text for f in report.findings if f.severity == "finding"]


def test_an_honest_log_has_no_findings(published: Path) -> None:
    report = verify(Wanted(published, Trusted(trust=trust())))

    assert report.findings == []
    assert report.is_clean
    assert report.size == 602
    assert report.cosigned_by == ["grid.example/witness"]
    assert report.signed_at == AT + 600
    assert report.kinds == {"command": 602}
    assert (report.first_at, report.last_at) == (AT, AT + 601)


def test_one_flipped_bit_anywhere_is_found(published: Path, copy: Path) -> None:
    chosen = random.Random(17)  # noqa: S311
    trusted = Trusted(trust=trust())
    files = [p for p in published.rglob("*") if p.is_file()]
    assert len(files) > 10
    for path in files:
        raw = path.read_bytes()
        place = copy / path.relative_to(published)
        bits = {
            0,
            len(raw) * 8 - 1,
            *(chosen.randrange(len(raw) * 8) for _ in range(9)),
        }
        for bit in bits:
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            place.write_bytes(flipped)
            try:
                assert found(copy, trusted), f"bit {bit} of {place}"
            except UnusableError:
                assert path.name == "checkpoint"
        place.write_bytes(raw)
    assert found(copy, trusted) == []


def test_a_bit_of_a_cosignature_is_found_by_who_trusts_the_witness(copy: Path) -> None:
    path = copy / "checkpoint"
    raw = path.read_bytes()
    path.write_bytes(raw[:-20] + bytes([raw[-20] ^ 1]) + raw[-19:])

    assert found(copy, Trusted(trust=trust()))


def test_every_file_that_is_missing_is_named(published: Path, copy: Path) -> None:
    size = 602
    needed = ["tile/0/000", "tile/entries/001", f"tile/0/002.p/{size - 512}"]
    for name in (*needed, f"tile/entries/002.p/{size - 512}", "tile/1/000.p/2"):
        (copy / name).unlink()
        assert any(name in text for text in found(copy)), name
        shutil.copy(published / name, copy / name)


def test_a_dropped_leaf_and_swapped_leaves_are_found(copy: Path) -> None:
    path = copy / "tile/entries/001"
    raw = path.read_bytes()
    first = 2 + int.from_bytes(raw[:2], "big")
    second = first + 2 + int.from_bytes(raw[first : first + 2], "big")

    path.write_bytes(raw[first:])
    assert "255 leaves" in found(copy)[0]

    path.write_bytes(raw[first:second] + raw[:first] + raw[second:])
    texts = found(copy)
    assert any("tile/0/001 differs" in text for text in texts)
    assert any("rows are missing" in text for text in texts)
    assert any("not the one that was signed" in text for text in texts)


def test_a_log_is_held_against_an_older_checkpoint(
    published: Path, copy: Path, tmp_path: Path
) -> None:
    old = published.parent / "old"

    assert verify(Wanted(copy, TRUSTED, old)).is_clean
    other = Plant(tmp_path)
    other.written = 5
    other.write(600)
    other.publish(other.writer())
    other.write(3)
    other.publish(other.writer())
    other.close()
    report = verify(Wanted(tmp_path / "log", TRUSTED, old))
    assert "its history was rewritten" in report.findings[0].text
    report = verify(Wanted(copy, TRUSTED, tmp_path / "log" / "checkpoint"))
    assert "it was set back" in report.findings[0].text


@pytest.mark.parametrize(
    ("trusted", "why"),
    [
        (Trusted(), "no key of the log was given"),
        (Trusted((WITNESS.key,)), "not signed by a key that is trusted"),
        (
            Trusted((ed25519(SIGNER.key.name, KeyKind.ED25519, bytes(32)).key,)),
            "not signed by a key that is trusted",
        ),
        (
            Trusted(
                trust=trust_of(
                    f"log {SIGNER.key.text}\nwitness x "
                    f"{ed25519('x', KeyKind.COSIGNATURE, bytes(32)).key.text}\n"
                    "quorum x".encode()
                )
            ),
            "cosigned by nobody: that is not enough",
        ),
    ],
)
def test_a_log_of_strangers_proves_nothing(
    copy: Path, trusted: Trusted, why: str
) -> None:
    assert any(why in text for text in found(copy, trusted))


def test_files_that_are_none_of_the_log_are_noted(copy: Path) -> None:
    (copy / "tile/0/999").write_bytes(b"")
    (copy / "notes.txt").write_text("hello")

    report = verify(Wanted(copy, TRUSTED))

    assert report.is_clean
    assert sorted(f.text.split()[0] for f in report.findings) == [
        "notes.txt",
        "tile/0/999",
    ]


def test_nothing_to_verify_is_told_from_a_log_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="No such file"):
        verify(Wanted(tmp_path))
    (tmp_path / "checkpoint").write_text("hello")
    with pytest.raises(UnusableError, match="without signatures"):
        verify(Wanted(tmp_path))


def edited(change: Callable[[Plant], None], tmp_path: Path) -> Report:
    plant = Plant(tmp_path)
    change(plant)
    plant.publish(plant.writer())
    plant.close()
    return verify(Wanted(tmp_path / "log", TRUSTED))


def test_rows_that_were_written_late_are_noted(tmp_path: Path) -> None:
    def change(plant: Plant) -> None:
        plant.write(20)
        plant.written = 5
        plant.write(2)

    report = edited(change, tmp_path)

    assert report.is_clean
    assert [f.leaf for f in report.findings] == [20, 21]


def test_the_command_says_by_its_status_what_was_found(
    published: Path,
    copy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = tmp_path / "trust.txt"
    policy.write_text(
        f"log {SIGNER.key.text}\nwitness w {WITNESS.key.text}\nquorum w\n"
    )

    assert main(["verify", str(published), "--trust", str(policy)]) == 0
    assert "no findings" in capsys.readouterr().out
    (copy / "tile/0/000").unlink()
    assert main(["verify", str(copy), "--key", SIGNER.key.text, "--json"]) == 1
    report = msgspec.json.decode(capsys.readouterr().out, type=Report)
    assert report.findings[0].severity == "finding"
    assert main(["verify", str(copy), "--key", "x"]) == 2
    assert main(["verify", str(tmp_path)]) == 2


@pytest.mark.parametrize("name", ["tile/entries/001.p/1", "tile/0/001.p/1"])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_found_where_one_may_be(
    copy: Path, name: str, make: Callable[[Path], None]
) -> None:
    place = copy / name
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    make(place)

    (text,) = found(copy)
    assert text.startswith(f"{name}: ")


def test_a_checkpoint_that_is_a_pipe_is_not_waited_for(copy: Path) -> None:
    (copy / "checkpoint").unlink()
    os.mkfifo(copy / "checkpoint")

    with pytest.raises(UnusableError, match="not a regular file"):
        found(copy)


@pytest.mark.parametrize("more", [["--json"], ["--html", os.devnull], []])
def test_a_name_that_is_no_text_is_told_in_text(
    copy: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    Path(os.fsdecode(os.fsencode(copy) + b"/\xff")).touch()

    assert main(["verify", str(copy), "--key", SIGNER.key.text, *more]) == 0
    capsys.readouterr().out.encode()
    report = verify(Wanted(copy, TRUSTED))
    assert report.findings[0].text.startswith("\\xff is no file")
