"""The configuration: examples load, each wrong key is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

from proxy.config import Config, ConfigError, Secret, load_config
from proxy.config.anchored import anchor
from proxy.config.fields import Section
from proxy.config.toml_text import MAX_FILE_BYTES
from proxy.power.settings import params_of
from proxy.supervisor.service import check_power
from tests.noise_peers import an_authority

CONFIGS = Path(__file__).parents[2] / "configs"
ADDRESS = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
POOL = '[[pools]]\nname = "main"\nurl = "stratum+tcp://pool.example:3333"\nuser = "a"\n'
SV2_POOL = POOL.replace("stratum+tcp", "stratum2+tcp").replace(
    ":3333", f":3333/{an_authority().key.text}"
)
NODE = '[[nodes]]\nname = "core"\nrpc = "http://127.0.0.1:18443"\ncookie_file = "c"\n'
SITE = '[[sites]]\nname = "hall-a"\nlisten = ["tcp:3333"]\nsources = ["main"]\n'
POWER = "[sites.power]\nbudget_w = 1000\nfail_safe_w = 100\n"
SIGNAL = '[[sites.power.signals]]\nkind = "{}"\n'
SCHEDULE = SIGNAL.format("schedule") + 'file = "plan.toml"\n'
MODBUS = SIGNAL.format("modbus") + 'listen = "tcp:1502:interface=127.0.0.1"\n'
OPENADR = SIGNAL.format("openadr3") + (
    'url = "https://vtn.example/v3"\nven_name = "hall-a"\nclient_id = "a"\n'
    'token_url = "https://vtn.example/token"\nclient_secret = "b"\n'
)
HTTP = (
    SIGNAL.format("http")
    + 'listen = "unix:orders.sock"\ntoken = "s3crets3crets3cret"\n'
)

EXAMPLES = ["pool", "solo", "hosting", "plant", "oversight", "cluster"]


def load(folder: Path, text: str) -> Config:
    path = folder / "baseload.toml"
    path.write_text(text)
    return load_config(path)


def fault(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return str(caught.value)


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_loads(name: str) -> None:
    config = load_config(CONFIGS / f"{name}.toml")

    assert config.sites


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_what_exists_may_run(name: str) -> None:
    config = load_config(CONFIGS / f"{name}.toml")

    check_power(config)


def test_every_example_is_tested() -> None:
    assert {p.stem for p in CONFIGS.glob("*.toml")} == set(EXAMPLES)


def test_the_least_file_has_the_defaults_of_the_contract(tmp_path: Path) -> None:
    config = load(tmp_path, POOL + SITE)
    proxy, pool, site = config.proxy, config.pools[0], config.sites[0]

    assert (proxy.engine, proxy.observer, proxy.web) == ("auto", None, None)
    assert proxy.engine_threads == 1
    assert proxy.ledger.durability == "process"
    assert proxy.ledger.keep_shares_s == 86400
    assert proxy.ledger.max_bytes == 20_000_000_000
    assert (pool.password, pool.version_rolling) == ("x", "allowed")
    assert (pool.on_mismatch, pool.check_against) == ("alarm", None)
    assert site.extranonce.layout == "auto"
    assert (site.difficulty.start, site.difficulty.minimum) == (65536, 1024)
    assert (site.difficulty.maximum, site.difficulty.shares_per_minute) == (1e12, 18)
    assert (site.limits.connections_per_address, site.limits.ban_s) == (0, 0)
    assert (site.fail_back_s, site.power, site.fleet) == (30, None, ())


def test_the_skeleton_of_power_and_fleet_is_understood(tmp_path: Path) -> None:
    signal = '[[sites.power.signals]]\nkind = "schedule"\nfile = "a"\n'
    fleet = '[[sites.fleet]]\nworkers = "rack-a.*"\nmodel = "Antminer S21"\n'
    site = load(tmp_path, POOL + SITE + POWER + signal + fleet).sites[0]

    assert site.power is not None
    assert (site.power.meter, site.power.unknown_w) == ("model", 4000)
    assert site.power.signals[0].kind == "schedule"
    assert (site.fleet[0].control, site.fleet[0].hash_scale) == ("stratum", 1.0)


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, NODE + POOL + SITE)

    assert config.proxy.state_dir == str(tmp_path / "state")
    assert config.proxy.admin == f"unix:{tmp_path}/state/admin.sock"
    assert config.nodes[0].cookie_file == tmp_path / "c"


@pytest.mark.parametrize(
    ("endpoint", "anchored"),
    [
        ("tcp:3333:interface=::1", "tcp:3333:interface=::1"),
        ("unix:a.sock:mode=600", "unix:/etc/b/a.sock:mode=600"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
        (
            "ssl:443:privateKey=k.pem:certKey=/c.pem",
            "ssl:443:privateKey=/etc/b/k.pem:certKey=/c.pem",
        ),
    ],
)
def test_files_named_by_an_endpoint_are_anchored(endpoint: str, anchored: str) -> None:
    assert anchor(endpoint, Path("/etc/b")) == anchored


def test_a_secret_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "word").write_text("from-file\n")
    monkeypatch.setenv("POOL_WORD", "from-environment")
    one = load(tmp_path, POOL + 'password = { file = "word" }\n' + SITE)
    two = load(tmp_path, POOL + 'password = { env = "POOL_WORD" }\n' + SITE)

    assert one.secrets == ["from-file"]
    assert two.secrets == ["from-environment"]


def test_what_systemd_loads_is_found_where_it_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tmp_path / "loaded"
    loaded.mkdir()
    (loaded / "word").write_text("from-systemd\n")
    listen = "ssl:443:privateKey=$CREDENTIALS_DIRECTORY/key.pem"
    text = POOL + 'password = { file = "$CREDENTIALS_DIRECTORY/word" }\n'
    text += SITE.replace("tcp:3333", listen)
    named = fault(tmp_path, text)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(loaded))
    config = load(tmp_path, text)

    assert "no CREDENTIALS_DIRECTORY" in named
    assert "$.pools[0].password" in named
    assert config.secrets == ["from-systemd"]
    assert config.sites[0].listen == (f"ssl:443:privateKey={loaded}/key.pem",)


def test_no_dump_of_a_configuration_shows_a_secret(tmp_path: Path) -> None:
    config = load(tmp_path, POOL + 'password = "hunter2"\n' + SITE)

    assert "hunter2" not in repr(config)
    assert isinstance(config.pools[0].password, Secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(config)


def test_a_listener_overrides_what_it_names(tmp_path: Path) -> None:
    own = '[[sites.listeners]]\nendpoint = "tcp:3334"\nstart = 2048\n'
    site = load(tmp_path, POOL + SITE + own).sites[0]
    difficulty = site.listeners[0].difficulty(site.difficulty)

    assert (difficulty.start, difficulty.minimum) == (2048, 1024)


def test_sources_of_routes_are_named_once(tmp_path: Path) -> None:
    route = '[[sites.routes]]\nworkers = "a.*"\nsources = ["main"]\n'

    assert load(tmp_path, POOL + SITE + route).sites[0].source_names == ["main"]


WRONG = {
    "no sites": (POOL, "Missing required key `sites`"),
    "unknown key": (
        POOL + SITE + "lisen = 1\n",
        "line 9: Unknown key `lisen`: did you mean 'listen'?",
    ),
    "not toml": ("[[", "baseload.toml: "),
    "everybody's admin socket": (
        POOL + SITE + '[proxy]\nadmin_mode = "0666"\n',
        "lets everybody on this machine steer",
    ),
    "a socket closed to its owner": (
        POOL + SITE + '[proxy]\nobserver_mode = "0060"\n',
        "at `$.proxy.observer_mode`",
    ),
    "no mode": (
        POOL + SITE + '[proxy]\nobserver_mode = "rw-rw----"\n',
        "at `$.proxy.observer_mode`",
    ),
    "a group that is none": (
        POOL + SITE + '[proxy]\nadmin_group = "no-such-group"\n',
        "No group is called 'no-such-group' here - at `$.proxy.admin_group`",
    ),
    "range": (
        POOL + SITE + "[sites.difficulty]\nstart = 0\n",
        "Expected a number > 0.0, got 0 - at `$.sites[0].difficulty.start`",
    ),
    "start below minimum": (
        POOL + SITE + "[sites.difficulty]\nstart = 1\n",
        "got 1024, 1, 1e+12 - at `$.sites[0].difficulty.start`",
    ),
    "listener's start": (
        POOL + SITE + '[[sites.listeners]]\nendpoint = "tcp:1"\nstart = 1\n',
        "at `$.sites[0].listeners[0].start`",
    ),
    "layout": (
        POOL + SITE + '[sites.extranonce]\nlayout = "4-4"\n',
        "`$.sites[0].extranonce.layout`",
    ),
    "layout out of range": (
        POOL + SITE + '[sites.extranonce]\nlayout = "5+5"\n',
        "extranonce.layout",
    ),
    "unknown limit": (
        POOL + SITE + "[sites.limits]\nbans = 1\n",
        "Unknown key `bans`: did you mean 'ban_s'?",
    ),
    "sites of another kind": ("sites = 1", "$.sites"),
    "pool twice": (POOL + POOL + SITE, "called 'main'"),
    "pool and node alike": (
        POOL + NODE.replace("core", "main") + SITE,
        "two pools or nodes are called 'main' - at `$.nodes`",
    ),
    "site twice": (POOL + SITE + SITE, "called 'hall-a' - at `$.sites`"),
    "more sites than a node tells apart": (
        POOL + "".join(SITE.replace("hall-a", f"h{n}") for n in range(257)),
        "Expected at most 256 of them, got 257 - at `$.sites`",
    ),
    "an rpc that is no url": (
        POOL + NODE.replace("http://127.0.0.1:18443", "http://[x:1") + SITE,
        "Not a url: Invalid IPv6 URL - at `$.nodes[0].rpc`",
    ),
    "a port of an rpc that there is not": (
        POOL + NODE.replace("127.0.0.1:18443", "127.0.0.1:99999999") + SITE,
        "Not a url: Port out of range 0-65535 - at `$.nodes[0].rpc`",
    ),
    "a group that cannot be": (
        '[proxy]\nadmin_group = "a\\u0000b"\n' + POOL + SITE,
        "at `$.proxy.admin_group`",
    ),
    "a port of many digits": (
        POOL + SITE.replace("tcp:3333", "tcp:" + "1" * 5000),
        "Expected tcp:PORT with a port from 0 to 65535",
    ),
    "no such source": (
        POOL + SITE.replace("main", "other"),
        "No pool or node is called 'other' - at `$.sites[0].sources`",
    ),
    "no such route source": (
        POOL + SITE + '[[sites.routes]]\nworkers = "a"\nsources = ["b"]\n',
        "`$.sites[0].routes[0].sources`",
    ),
    "route twice": (
        POOL + SITE + '[[sites.routes]]\nworkers = "a"\nsources = ["main"]\n' * 2,
        "two routes are called 'a'",
    ),
    "glob": (
        POOL + SITE + '[[sites.routes]]\nworkers = "a["\nsources = ["main"]\n',
        "do not pair - at `$.sites[0].routes[0].workers`",
    ),
    "no such node": (
        POOL + 'check_against = "core"\n' + SITE,
        "`$.pools[0].check_against`",
    ),
    "node without payout": (
        POOL + NODE + SITE.replace("main", "core"),
        "`$.nodes[0].payout_address`",
    ),
    "payout of another network": (
        NODE + f'network = "main"\npayout_address = "{ADDRESS}"\n' + POOL + SITE,
        "`$.nodes[0].payout_address`",
    ),
    "payout of no network": (
        NODE + 'payout_address = "bc1qnobody"\n' + POOL + SITE,
        "of another network - at `$.nodes[0].payout_address`",
    ),
    "cookie and user": (
        NODE + 'user = "a"\npassword = "b"\n' + POOL + SITE,
        "cookie_file, or user and password - at `$.nodes[0]`",
    ),
    "node's host": (
        NODE.replace("127.0.0.1", "a..b") + POOL + SITE,
        "Not a name of a host: 'a..b' - at `$.nodes[0].rpc`",
    ),
    "half a login": (NODE + 'user = "a"\n' + POOL + SITE, "at `$.nodes[0]`"),
    "no login": (
        NODE.replace('cookie_file = "c"\n', "") + POOL + SITE,
        "at `$.nodes[0]`",
    ),
    "scheme": (POOL.replace("stratum+tcp", "http") + SITE, "`$.pools[0].url`"),
    "no port": (POOL.replace(":3333", "") + SITE, "host:port"),
    "port out of range": (POOL.replace("3333", "99999") + SITE, "`$.pools[0].url`"),
    "host": (
        POOL.replace("pool.example", "pool..example") + SITE,
        "Not a name of a host: 'pool..example' - at `$.pools[0].url`",
    ),
    "host of a blank": (POOL.replace("pool.ex", "pool ex") + SITE, "Not a name"),
    "host too long": (POOL.replace("pool.ex", "é" * 64) + SITE, "Not a name"),
    "underscore in tls": (
        POOL.replace("tcp://pool.example", "tls://my_pool") + SITE,
        "underscore: pin fingerprint - at `$.pools[0].url`",
    ),
    "no authority key": (
        POOL.replace("stratum+tcp", "stratum2+tcp") + SITE,
        "AUTHORITY_KEY - at `$.pools[0].url`",
    ),
    "password of stratum2": (
        SV2_POOL + 'password = "hunter2"\n' + SITE,
        "Stratum V2 has no passwords - at `$.pools[0].password`",
    ),
    "user of stratum2": (
        SV2_POOL.replace('"a"', f'"{"é" * 128}"') + SITE,
        "Expected at most 255 B, got 256 - at `$.pools[0].user`",
    ),
    "braces": (POOL.replace('"a"', '"a.{name}"') + SITE, "`$.pools[0].user`"),
    "pin without tls": (
        POOL + f'fingerprint = "{"ab" * 32}"\n' + SITE,
        "`$.pools[0].fingerprint`",
    ),
    "short pin": (POOL + 'fingerprint = "ab"\n' + SITE, "`$.pools[0].fingerprint`"),
    "secret nowhere": (
        POOL + 'password = { env = "NOT_SET_ANYWHERE" }\n' + SITE,
        "no NOT_SET_ANYWHERE - at `$.pools[0].password`",
    ),
    "secret file missing": (
        POOL + 'password = { file = "none" }\n' + SITE,
        "No such file or directory - at `$.pools[0].password`",
    ),
    "secret of another kind": (
        POOL + "password = 5\n" + SITE,
        "Expected a text, { file",
    ),
    "nothing to listen on": (
        POOL + SITE.replace('["tcp:3333"]', "[]"),
        "`$.sites[0].listen`",
    ),
    "endpoint": (POOL + SITE.replace("tcp:3333", "3333"), "got '3333'"),
    "endpoint with a bare colon": (
        POOL + SITE.replace("tcp:3333", "tcp:3333:interface=::1:x:y"),
        "is no endpoint: ",
    ),
    "endpoint of another kind": (
        POOL + SITE.replace("tcp:3333", "udp:1"),
        "got 'udp:1' - at `$.sites[0].listen[0]`",
    ),
    "port of an endpoint": (
        POOL + SITE.replace("tcp:3333", "tcp:70000"),
        "a port from 0 to 65535, got 'tcp:70000' - at `$.sites[0].listen[0]`",
    ),
    "port that is none": (
        POOL + SITE.replace("tcp:3333", "tcp:abc"),
        "got 'tcp:abc' - at `$.sites[0].listen[0]`",
    ),
    "port twice": (
        POOL + SITE + SITE.replace("hall-a", "hall-b"),
        "listened on at $.sites[0].listen[0], too - at `$.sites[1].listen[0]`",
    ),
    "port twice on one address": (
        POOL + SITE + "[[sites.listeners]]\nendpoint = 'tcp:3333:interface=\\:\\:1'\n",
        "too - at `$.sites[0].listeners[0].endpoint`",
    ),
    "signal's endpoint": (
        POOL + SITE + POWER + HTTP.replace("unix:", "foo:"),
        "got 'foo:orders.sock' - at `$.sites[0].power.signals[0].listen`",
    ),
    "no end of a budget": (
        POOL + SITE + POWER.replace("1000", "inf"),
        "Expected a finite number, got inf - at `$.sites[0].power.budget_w`",
    ),
    "byte order mark": ("\ufeff" + POOL + SITE, "byte order mark (UTF-8)"),
    "number with a unit": (
        POOL + SITE + POWER.replace("1000", "3.5M"),
        "in a file it is 3_500_000",
    ),
    "text without quotes": (POOL.replace('"a"', "a") + SITE, "texts stand in quotes"),
    "admin on tcp": (
        '[proxy]\nadmin = "tcp:1"\n' + POOL + SITE,
        "Expected unix:PATH, got 'tcp:1' - at `$.proxy.admin`",
    ),
    "socket path too long": (
        f'[proxy]\nobserver = "unix:{"a" * 120}"\n' + POOL + SITE,
        "`$.proxy.observer`",
    ),
    "fail-safe above budget": (
        POOL + SITE + POWER.replace("100\n", "2000\n"),
        "`$.sites[0].power.fail_safe_w`",
    ),
    "no such port of a meter": (
        POOL + SITE + POWER + 'meter = "modbus://h:65536/1"\n',
        "Expected a port from 1 to 65535, got 65536 - at `$.sites[0].power.meter`",
    ),
    "no such parameter of a meter": (
        POOL + SITE + POWER + 'meter = "modbus://h/1?modell=213"\n',
        "Expected model or nth, got 'modell' - at `$.sites[0].power.meter`",
    ),
    "no such model of a meter": (
        POOL + SITE + POWER + 'meter = "modbus://h/1?model=103"\n',
        "got '103' - at `$.sites[0].power.meter`",
    ),
    "no such make of a meter": (
        POOL + SITE + POWER + "[sites.power.meter]\n"
        'url = "modbus://h/1"\nmake = "Eastron SDM 630"\n',
        "the nearest is 'Eastron SDM630'",
    ),
    "a make and a register of a meter": (
        POOL + SITE + POWER + "[sites.power.meter]\n"
        'url = "modbus://h/1"\nmake = "WAGO 879"\nregister = 3\n',
        "A meter with a make says that itself - at `$.sites[0].power.meter.register`",
    ),
    "neither a make nor a register of a meter": (
        POOL + SITE + POWER + '[sites.power.meter]\nurl = "modbus://h/1"\n',
        "A meter without a make needs register - at `$.sites[0].power.meter.register`",
    ),
    "an energy register of a meter without its type": (
        POOL + SITE + POWER + '[sites.power.meter]\nurl = "modbus://h/1"\n'
        'register = 3\ntype = "int32"\nenergy_register = 5\n',
        "needs energy_type, too - at `$.sites[0].power.meter.energy_type`",
    ),
    "no such unit of a meter": (
        POOL + SITE + POWER + 'meter = "modbus://[::1]:502/256"\n',
        "Expected a unit of at most 255, got 256 - at `$.sites[0].power.meter`",
    ),
    "fleet of nobody": (
        POOL + SITE + '[[sites.fleet]]\nmodel = "S9"\n',
        "`$.sites[0].fleet[0]`",
    ),
    "fleet addresses": (
        POOL + SITE + '[[sites.fleet]]\nmodel = "S9"\naddresses = "10.1/99"\n',
        "`$.sites[0].fleet[0].addresses`",
    ),
    "path of another kind": (
        NODE.replace('"c"', "5") + POOL + SITE,
        "Expected a path, got 5 - at `$.nodes[0].cookie_file`",
    ),
}


def test_the_password_of_those_who_have_none_is_no_password(tmp_path: Path) -> None:
    config = load(tmp_path, SV2_POOL + 'password = "x"\n' + SITE)

    assert config.secrets == ["x"]


@pytest.mark.parametrize(
    "url",
    [
        "stratum+tcp://my_pool:3333",
        "stratum+tcp://bücher.example:3333",
        "stratum+tcp://[2001:db8::1]:3333",
        f'stratum+tls://my_pool:3333"\nfingerprint = "{"ab" * 32}',
    ],
)
def test_a_pool_may_be_called_as_its_network_calls_it(tmp_path: Path, url: str) -> None:
    text = POOL.replace("stratum+tcp://pool.example:3333", url)

    assert load(tmp_path, text + SITE).pools[0].name == "main"


@pytest.mark.parametrize(("text", "named"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_refused_by_key(tmp_path: Path, text: str, named: str) -> None:
    message = fault(tmp_path, text)

    assert named in message
    assert message.startswith(str(tmp_path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.toml: No such file"):
        load_config(tmp_path / "none.toml")


def test_a_file_without_end_is_not_read(tmp_path: Path) -> None:
    assert "longer than" in fault(tmp_path, "#" * (MAX_FILE_BYTES + 1))


def test_signals_say_where_they_come_from(tmp_path: Path) -> None:
    text = POOL + SITE + POWER + 'relay = "http://10.0.0.8/beat"\n'
    text += 'own_pools = ["10.0.0.5:3333"]\n'
    power = load(tmp_path, text + SCHEDULE + HTTP).sites[0].power
    assert power is not None
    plan, http = power.signals

    assert (plan.source, plan.file) == ("schedule", tmp_path / "plan.toml")
    assert http.listen == f"unix:{tmp_path}/orders.sock"
    assert (http.token, http.lease_s) == ("s3crets3crets3cret", 30)
    assert power.relay == "http://10.0.0.8/beat"
    assert power.own_pools == ("10.0.0.5:3333",)


def test_tokens_of_power_are_secrets(tmp_path: Path) -> None:
    text = POOL + SITE + POWER + 'relay_token = "r3lay"\n' + HTTP
    config = load(tmp_path, text)

    assert {"s3crets3crets3cret", "r3lay"} <= set(config.secrets)
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            SIGNAL.format("schedule"),
            "needs file - at `$.sites[0].power.signals[0].file",
        ),
        (SIGNAL.format("http") + 'listen = "tcp:1"\n', "needs token"),
        (
            MODBUS + 'allow = ["10.9.0.1/24"]\n',
            "`$.sites[0].power.signals[0].allow[0]`",
        ),
        (
            MODBUS.replace("127.0.0.1", "10.9.0.1"),
            "`$.sites[0].power.signals[0].allow`",
        ),
        (MODBUS.replace("tcp:", "ssl:"), "Modbus TCP is not encrypted"),
        (MODBUS + 'map = "sunspek"\n', "`$.sites[0].power.signals[0].map`"),
        (
            SIGNAL.format("schedule") + 'file = "a"\nname = "trip_input"\n',
            "contact trips",
        ),
        (SCHEDULE + 'units = "kW"\n', "`$.sites[0].power.signals[0].units`"),
        (OPENADR.replace('client_secret = "b"', ""), "needs client_secret"),
        (OPENADR.replace("https://vtn.example/v3", "http://10.0.0.1"), "in the clear"),
        (OPENADR.replace("/token", "/token?a=b"), "without a query"),
        (OPENADR + "poll_s = 16\n", "`$.sites[0].power.signals[0].poll_s`"),
        (OPENADR + "poll_s = 0.4\n", "`$.sites[0].power.signals[0].poll_s`"),
        (OPENADR + "simple = [0.2, 0.6, 0.0, 0.0]\n", "level to allow more"),
        (OPENADR + "simple = [1.0, 0.6]\n", "`$.sites[0].power.signals[0].simple`"),
        (OPENADR + 'notices = "post"\n', "`$.sites[0].power.signals[0].notices`"),
        (
            OPENADR.replace("https://vtn.example", "http://127.0.0.1:1")
            + 'ca_file = "c"\n',
            "Of https:// alone",
        ),
        (OPENADR + "unit = 1\n", "Not of a signal of kind 'openadr3'"),
        (MODBUS + "poll_s = 10\n", "Not of a signal of kind 'modbus'"),
        (MODBUS + 'units = "percent"\n', "WMaxLimPct"),
        (SCHEDULE + 'token = "a"\n', "Not of a signal of kind 'schedule'"),
        (SCHEDULE + SCHEDULE, "two signals are called 'schedule'"),
        (HTTP + 'time_zone = "UTC"\n', "CSV alone (TOML names its own) - at `$.sites"),
        (SCHEDULE + 'time_zone = "UTC"\n', "`$.sites[0].power.signals[0].time_zone`"),
        (HTTP + 'name = "operator"\n', "`$.sites[0].power.signals[0].name`"),
        (HTTP.replace("s3cret", ""), "`$.sites[0].power.signals[0].token`"),
        (HTTP.replace("s3cret", " s3cret"), "without blanks around it"),
    ],
)
def test_a_signal_has_what_its_kind_needs(tmp_path: Path, text: str, says: str) -> None:
    assert says in fault(tmp_path, POOL + SITE + POWER + text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SCHEDULE, "plan.toml: No such file or directory - at"),
        (SCHEDULE.replace("plan.toml", "none.csv"), "no row in it"),
        (
            SCHEDULE.replace("plan.toml", "plan.csv") + 'time_zone = "Mars/Olympus"\n',
            "plan.csv: No time zone is called 'Mars/Olympus' - at",
        ),
        (HTTP.replace("unix:orders.sock", "ssl:1:privateKey=no.pem"), "No such file"),
    ],
)
def test_what_the_controller_could_not_use_stops_the_start(
    tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "plan.csv").write_text("start,end,watts\n2026-01-01,2026-01-02,1\n")
    (tmp_path / "none.csv").write_text("start,end,watts\n")
    config = load(tmp_path, POOL + SITE + POWER + text)

    with pytest.raises(ConfigError) as caught:
        check_power(config)

    assert says in str(caught.value)
    assert str(caught.value).endswith("`$.sites[0].power.signals[0]`")


def test_signals_that_can_be_had_may_start(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text("entries = []\n")
    (tmp_path / "plan.CSV").write_text("start,end,watts\n2026-01-01,2026-01-02,1\n")
    text = SCHEDULE.replace("plan.toml", "plan.CSV") + 'time_zone = "Asia/Tokyo"\n'
    config = load(
        tmp_path, POOL + SITE + POWER + HTTP + SCHEDULE + text + 'name = "other"\n'
    )

    check_power(config)


def test_a_trip_spares_machines_from_the_firm_priority_on(tmp_path: Path) -> None:
    text = POOL + SITE + POWER
    spares = load(tmp_path, text + "firm_priority = 2\n").sites[0].power
    none = load(tmp_path, text).sites[0].power

    assert spares is not None
    assert none is not None
    assert params_of(spares).plan.firm_priority == 2
    assert params_of(none).plan.firm_priority is None


@pytest.mark.parametrize("priority", [-1, 1001, 10**23])
def test_a_priority_has_its_range(tmp_path: Path, priority: int) -> None:
    fleet = '[[sites.fleet]]\nmodel = "S9"\nworkers = "a"\n'
    text = POOL + SITE + fleet + f"priority = {priority}\n"

    assert "`$.sites[0].fleet[0].priority`" in fault(tmp_path, text)


def test_a_relay_is_an_http_url(tmp_path: Path) -> None:
    assert "relay" in fault(tmp_path, POOL + SITE + POWER + 'relay = "10.0.0.8"\n')


def sections(kind: type[Section] = Section) -> Iterator[type[Section]]:
    for one in kind.__subclasses__():
        yield one
        yield from sections(one)


@pytest.mark.parametrize("section", [*sections()], ids=lambda kind: kind.__name__)
def test_a_default_is_of_the_type_that_the_file_would_give(
    section: type[Section],
) -> None:
    for field in msgspec.structs.fields(section):
        if get_type_hints(section)[field.name] is float:
            default = field.default
            assert default is msgspec.NODEFAULT or type(default) is float, field.name
