"""The catalogue of machines."""

import re

import msgspec
import pytest

from proxy.config.machines import ModelConfig
from proxy.power.machines.models import (
    UnknownModelError,
    find_model,
    load_models,
    models_with,
    parse_models,
)

ROW = b"""
[[models]]
name = "Test 1"
th_s = 100.0
watts = 3000
idle_w = 300
sleep_w = 25
t_down_s = 5
t_up_delay_s = 5
t_up_ramp_s = 30
levels = [[70.0, 2000], [85.0, 2500]]
source = "a test"
"""


def test_the_catalogue_holds_at_least_forty_machines_each_with_its_source() -> None:
    models = load_models().values()

    assert len(models) >= 40
    assert all(model.source for model in models)


@pytest.mark.parametrize(
    ("name", "th_s", "watts"),
    [
        ("Antminer S9", 13.5, 1323),
        ("Antminer S19j Pro", 104, 3068),
        ("Antminer S21", 200, 3500),
        ("Antminer S21 XP Hyd", 473, 5676),
        ("Whatsminer M50", 118, 3422),
        ("Whatsminer M63S++", 460, 7130),
        ("Avalon A1246", 90, 3420),
        ("Sealminer A2", 226, 4050),
    ],
)
def test_a_machine_has_its_nameplate(name: str, th_s: float, watts: float) -> None:
    model = find_model(name)

    assert (model.th_s, model.watts) == (th_s, watts)


def test_efficiency_of_every_machine_is_between_nine_and_a_hundred() -> None:
    for model in load_models().values():
        assert 9 < model.joules_per_terahash < 100, model.name


def test_slower_levels_are_never_less_efficient() -> None:
    for model in load_models().values():
        running = [w / h for h, w in model.points(sleeps=True)[1:]]
        assert running == sorted(running), model.name


def test_letter_case_and_blanks_do_not_matter() -> None:
    assert find_model("  antminer  s21 ") is find_model("Antminer S21")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("S19j Pro (LuxOS)", "Antminer S19j Pro"),
        ("Antminer S19 Pro (Vnish 1.2.6)", "Antminer S19 Pro"),
        ("S19j Pro No PIC", "Antminer S19j Pro"),
        ("S19K Pro", "Antminer S19k Pro"),
        ("S21+ Hydro", "Antminer S21+ Hyd"),
        ("S9", "Antminer S9"),
        ("M50S VH50", "Whatsminer M50S"),
        ("M30S++_VH110", "Whatsminer M30S++"),
        ("M60S++ VLA0", "Whatsminer M60S++"),
        ("MicroBT Whatsminer M60", "Whatsminer M60"),
        ("AvalonMiner 1246", "Avalon A1246"),
        ("Avalon 1566", "Avalon A1566"),
        ("Avalon Nano 3s", "Avalon Nano 3S"),
        ("Avalon Q Home", "Avalon Q"),
        ("AT2880", "Auradine Teraflux AT2880"),
        ("BM1370", "Bitaxe Gamma"),
        ("Gamma", "Bitaxe Gamma"),
        ("nerdqaxe++", "NerdQAxe++"),
        ("SEALMINER A2 Pro Hydro", "Sealminer A2 Pro Hyd"),
    ],
)
def test_a_machine_is_found_by_what_makers_and_pyasic_call_it(
    said: str, name: str
) -> None:
    assert find_model(said).name == name


@pytest.mark.parametrize(
    ("said", "near"),
    [
        ("M60X", "Whatsminer M60"),
        ("Antminer S19 jPor", "Antminer S19j Pro"),
        ("S21 XPP", "Antminer S21 XP"),
    ],
)
def test_an_unknown_name_is_refused_with_near_ones(said: str, near: str) -> None:
    with pytest.raises(UnknownModelError, match=f"near it: .*{re.escape(near)}"):
        find_model(said)


def test_nothing_near_gives_no_hint() -> None:
    with pytest.raises(UnknownModelError, match=r"no model 'Toaster'$"):
        find_model("Toaster")


def test_a_machine_of_the_operators_stands_above_the_catalogue() -> None:
    own = ModelConfig(name="S21", th_s=190.0, watts=3300.0, levels=((150.0, 2400.0),))
    new = ModelConfig(name="Proto Rig", th_s=819.0, watts=12000.0)

    models = models_with([own, new])

    assert find_model("Antminer S21", models=models).watts == 3300.0
    assert find_model("proto rig", models=models).idle_w == 1200.0
    assert find_model("Antminer S9", models=models) is find_model("Antminer S9")
    with pytest.raises(UnknownModelError, match=r"describe it in \[\[models\]\]"):
        find_model("Toaster", models=models)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([ModelConfig(name="X", th_s=1.0, watts=9.0, levels=((2.0, 8.0),))], "levels"),
        (
            [ModelConfig(name="X", th_s=1.0, watts=9.0, idle_w=9.0, sleep_w=1.0)],
            "idle_w",
        ),
        (
            [ModelConfig(name=n, th_s=1.0, watts=9.0) for n in ("S21", "s 21")],
            "one name",
        ),
    ],
)
def test_a_machine_that_cannot_be_is_refused(rows: list[ModelConfig], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        models_with(rows)


def test_the_catalogue_is_read_once() -> None:
    assert load_models() is load_models()


def test_points_of_a_machine_that_sleeps_hold_its_levels() -> None:
    model = parse_models(ROW)["test1"]

    assert model.points(sleeps=True) == (
        (0.0, 25.0),
        (70e12, 2000.0),
        (85e12, 2500.0),
        (100e12, 3000.0),
    )


def test_a_machine_that_can_only_be_parked_idles_and_has_no_levels() -> None:
    model = parse_models(ROW)["test1"]

    assert model.points(sleeps=False) == ((0.0, 300.0), (100e12, 3000.0))


def test_times_and_rates_derive_from_the_row() -> None:
    model = parse_models(ROW)["test1"]

    assert model.t_up_s == 35.0
    assert model.hashrate(1e-9) == pytest.approx(1e5)
    assert model.joules_per_terahash == 30.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"watts = 3000", b"watts = -1", "Expected `float` > 0.0"),
        (b"source = ", b"colour = 1\nsource = ", "colour"),
        (b"t_down_s = 5\n", b"", "t_down_s"),
        (b"[85.0, 2500]", b"[60.0, 2500]", "levels do not rise"),
        (b"[85.0, 2500]", b"[85.0, 3000]", "levels do not rise"),
        (b"idle_w = 300", b"idle_w = 3000", "sleep_w <= idle_w < watts"),
        (b"idle_w = 300", b"idle_w = 20", "sleep_w <= idle_w < watts"),
    ],
)
def test_a_wrong_row_is_named(old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        parse_models(ROW.replace(old, new))


def test_one_name_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        parse_models(ROW + ROW)
