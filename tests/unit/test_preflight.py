"""What a start would stumble over here and now."""

import os
import socket
from pathlib import Path

import pytest

from proxy.config import Config, load_config
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
