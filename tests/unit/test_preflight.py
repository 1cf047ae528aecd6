"""What a start would stumble over here and now."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.cli.check import found_in
from proxy.config import Config, load_config
from proxy.config.load import read_config
from proxy.share_process import preflight as module
from proxy.share_process.preflight import preflight

FILE = """
[proxy]
state_dir = "state"
{proxy}
[[pools]]
name = "main"
url = "stratum+tcp://{host}:3333"
user = "a"
[[nodes]]
name = "core"
rpc = "http://127.0.0.1:18443"
cookie_file = "{cookie}"
[[sites]]
name = "hall-a"
listen = ["{listen}"]
sources = ["main"]
"""


def config(
    folder: Path,
    proxy: str = "",
    host: str = "127.0.0.1",
    cookie: str = "c.toml",
    listen: str = "tcp:0:interface=127.0.0.1",
) -> Config:
    path = folder / "c.toml"
    path.write_text(FILE.format(proxy=proxy, host=host, cookie=cookie, listen=listen))
    return load_config(path, {})


def found(config: Config) -> list[tuple[bool, str]]:
    return [(f.stops_start, str(f.fault)) for f in preflight(config)]


def test_what_can_start_has_nothing_to_tell(tmp_path: Path) -> None:
    assert found(config(tmp_path)) == []
    assert not (tmp_path / "state").exists()  # looking changes nothing


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_port_that_is_taken_stops_a_start_unless_it_is_our_own(
    tmp_path: Path,
    is_ours: bool,  # noqa: FBT001
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.socket(socket.AF_UNIX) as admin,
    ):
        if is_ours:
            (tmp_path / "state").mkdir()
            admin.bind(str(tmp_path / "state" / "admin.sock"))
            admin.listen()
        port = taken.getsockname()[1]
        listen = f"tcp:{port}:interface=127.0.0.1"
        findings = found(config(tmp_path, listen=listen))

    text = f"port {port} is taken by another process - at `$.sites[0].listen[0]`"
    assert findings == ([] if is_ours else [(True, text)])


def test_a_socket_that_nobody_serves_is_left_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "state" / "admin.sock"))

    assert found(config(tmp_path)) == []
    assert (tmp_path / "state" / "admin.sock").is_socket()


def test_an_address_that_is_not_ours_stops_a_start(tmp_path: Path) -> None:
    listen = "tcp:0:interface=192.0.2.1"  # RFC 5737: nobody's

    ((stops, text),) = found(config(tmp_path, listen=listen))

    assert stops
    assert text.startswith("this machine does not have the address '192.0.2.1'")


def test_a_certificate_that_is_not_there_stops_a_start(tmp_path: Path) -> None:
    ((stops, text),) = found(config(tmp_path, listen="ssl:0:privateKey=no.pem"))

    assert stops
    assert "No such file or directory" in text


def test_a_folder_that_is_a_file_stops_a_start(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    findings = found(config(tmp_path, proxy='log_file = "no/b.log"'))

    assert [(stops, text.split(" - at ")[1]) for stops, text in findings] == [
        (True, "`$.proxy.state_dir`"),
        (True, "`$.proxy.admin`"),
        (True, "`$.proxy.log_file`"),
    ]


def test_a_cookie_that_is_not_there_yet_is_to_be_known(tmp_path: Path) -> None:
    ((stops, text),) = found(config(tmp_path, cookie="none"))

    assert not stops
    assert "the node writes it when it starts" in text


def test_a_host_without_an_address_is_to_be_known(tmp_path: Path) -> None:
    ((stops, text),) = found(config(tmp_path, host="pool.invalid"))  # RFC 6761

    assert not stops
    assert text == (
        "no address is known of the host 'pool.invalid' - at `$.pools[0].url`"
    )


def test_an_observer_who_cannot_get_in_is_to_be_known(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    tmp_path.chmod(0o711)
    proxy = 'observer = "unix:state/observer.sock"'
    findings = found(config(tmp_path, proxy=f"{proxy}\nobserver_group = {os.getgid()}"))

    assert (
        False,
        f"those who may open it cannot enter {tmp_path}/state - at `$.proxy.observer`",
    ) in findings
    assert not any(stops for stops, _ in findings)


def test_a_shared_admin_socket_in_a_folder_of_one_s_own_is_warned_of(
    tmp_path: Path,
) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    text = 'admin = "unix:run/admin.sock"\nadmin_mode = "0660"'

    said = [text for stops, text in found(config(tmp_path, text)) if not stops]

    assert any("cannot enter" in one and "$.proxy.admin" in one for one in said)


def keys_of_faults(
    folder: Path, listen: str = "tcp:0:interface=127.0.0.1", **of: str
) -> dict[str, str]:
    """Return what is wrong with a file, by the last part of its key."""
    path = folder / "c.toml"
    proxy = of.get("proxy", "")
    text = FILE.format(proxy=proxy, host="127.0.0.1", cookie="c.toml", listen=listen)
    path.write_text(
        text.replace(
            "stratum+tcp://127.0.0.1", of.get("url", "stratum+tcp://127.0.0.1")
        ).replace('"state"', f'"{of.get("state", "state")}"')
    )
    faults, _ = found_in(read_config(path, {}))
    return {fault.key.rpartition(".")[2]: fault.text for fault in faults}


def test_an_address_of_half_a_bracket_is_a_fault_beside_the_others(
    tmp_path: Path,
) -> None:
    told = keys_of_faults(tmp_path, url="http://[::1", proxy='log_level = "loud"')

    assert set(told) == {"url", "log_level"}


def test_an_endpoint_that_ends_in_a_backslash_is_a_fault(tmp_path: Path) -> None:
    for kind in ("tcp", "ssl"):
        told = keys_of_faults(tmp_path, listen=f"{kind}:1:x=\\\\")
        assert set(told) == {"listen[0]"}


def test_a_folder_whose_name_is_too_long_is_a_fault(tmp_path: Path) -> None:
    told = keys_of_faults(tmp_path, state=300 * "a", proxy='admin = "unix:a.sock"')

    assert told["state_dir"].endswith("File name too long")


def test_a_look_that_fails_is_a_fault_and_the_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(_: Config) -> Iterator[module.Finding]:
        raise RuntimeError("odd")
        yield

    settings = config(tmp_path, host="pool.invalid")
    monkeypatch.setattr(module, "_folder_findings", odd)

    assert found(settings) == [
        (
            True,
            "what is here cannot be looked at: RuntimeError: odd - at `$.proxy`",
        ),
        (
            False,
            "no address is known of the host 'pool.invalid' - at `$.pools[0].url`",
        ),
    ]


@pytest.mark.parametrize("name", ["admin", "observer"])
def test_a_socket_where_something_else_is_stops_a_start(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "there").mkdir()
    told = keys_of_faults(tmp_path, proxy=f'{name} = "unix:there"')

    assert told == {name: f"{tmp_path}/there is there, and no socket"}


def test_a_log_file_that_is_a_folder_stops_a_start(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    told = keys_of_faults(tmp_path, proxy='log_file = "there"')

    assert told == {"log_file": f"{tmp_path}/there is a folder"}


def test_one_path_for_both_sockets_stops_a_start(tmp_path: Path) -> None:
    both = 'admin = "unix:state/a.sock"\nobserver = "unix:state/./a.sock"'
    told = keys_of_faults(tmp_path, proxy=both)

    assert told["observer"].endswith("is listened on at $.proxy.admin, too")


@pytest.mark.parametrize("kind", ["tcp6:28443", "tcp:28443"])
@pytest.mark.parametrize("address", ["::", "::1", "fe80::1"])
def test_a_colon_that_is_not_escaped_is_said_so(
    tmp_path: Path, kind: str, address: str
) -> None:
    told = keys_of_faults(tmp_path, listen=f"{kind}:interface={address}")

    assert "each colon of an address is escaped" in told["listen[0]"]
