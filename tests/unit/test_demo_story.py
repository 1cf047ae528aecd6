import json

from twisted.internet.task import Clock

from protocol.units import Watts
from proxy.demo.story import LASTS, REPEATS_FROM, STORY, StoryPlant, scene_at


def test_the_scenes_are_in_order_and_the_story_comes_round() -> None:
    begins = [scene.begins for scene in STORY]

    assert begins == sorted(begins)
    assert scene_at(0.0) is STORY[0]
    assert scene_at(LASTS - 1.0) is STORY[-1]
    assert scene_at(LASTS) is scene_at(REPEATS_FROM) is STORY[1]
    assert scene_at(LASTS + 60.0) is scene_at(REPEATS_FROM + 60.0)


def test_the_plant_begins_with_all_that_was_agreed_and_is_silent_once() -> None:
    assert STORY[0].share == 1.0
    assert [scene.share for scene in STORY].count(None) == 1
    assert min(s.share for s in STORY if s.share is not None) == 0.0


def test_every_scene_can_be_said_in_json() -> None:
    for scene in STORY:
        assert json.loads(f'"{scene.text}"') == scene.text


def test_a_plant_is_at_the_start_of_its_story_when_it_is_made() -> None:
    plant = StoryPlant("http://127.0.0.1:1", "token", Watts(80_000.0), Clock())

    assert plant.scene is STORY[0]
