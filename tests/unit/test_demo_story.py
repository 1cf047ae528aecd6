import json

import pytest
from twisted.internet.task import Clock

from protocol.units import Watts
from proxy.demo.story import FAST, SLOW, STORIES, Story, StoryPlant

every_story = pytest.mark.parametrize("story", STORIES.values(), ids=list(STORIES))


@every_story
def test_the_scenes_are_in_order_and_the_story_comes_round(story: Story) -> None:
    begins = [scene.begins for scene in story.scenes]

    assert begins == sorted(begins)
    assert story.at(0.0) is story.scenes[0]
    assert story.at(story.lasts - 1.0) is story.scenes[-1]
    assert story.at(story.lasts) is story.at(story.repeats_from) is story.scenes[1]
    assert story.at(story.lasts + 60.0) is story.at(story.repeats_from + 60.0)


@every_story
def test_the_plant_begins_with_all_that_was_agreed_and_is_silent_once(
    story: Story,
) -> None:
    shares = [scene.share for scene in story.scenes]

    assert shares[0] == 1.0
    assert shares.count(None) == 1
    assert min(share for share in shares if share is not None) == 0.0


@every_story
def test_every_scene_can_be_said_in_json(story: Story) -> None:
    for scene in story.scenes:
        assert json.loads(f'"{scene.text}"') == scene.text


def test_the_fast_story_has_its_dispatch_soon() -> None:
    (dispatch,) = [scene for scene in FAST.scenes if scene.share == 0.4]

    assert dispatch.begins <= 25.0  # a start takes up to 15 s
    assert [s.text for s in FAST.scenes if s.share == 0.4] == [
        s.text for s in SLOW.scenes if s.share == 0.4
    ]


def test_a_plant_is_at_the_start_of_its_story_when_it_is_made() -> None:
    plant = StoryPlant("http://127.0.0.1:1", "token", Watts(80_000.0), Clock())

    assert plant.scene is FAST.scenes[0]
