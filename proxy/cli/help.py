"""`baseload help [TOPIC]`: what the options alone do not explain."""

import sys
from difflib import get_close_matches
from importlib.resources import files

from proxy.cli.command import Arguments, Parser, print_json
from proxy.config.reference import reference

_TOPICS = files("proxy.cli.topics")
_GENERATED = {"config": reference}


class UnknownTopicError(LookupError):
    """There is no topic of that name; the message has the nearest."""


def names() -> list[str]:
    """Return the topics that there are."""
    found = (file.name for file in _TOPICS.iterdir())
    written = (n.removesuffix(".md") for n in found if n.endswith(".md"))
    return sorted([*written, *_GENERATED])


def topic(name: str) -> str:
    """Return a topic's text in Markdown.

    Raises:
        UnknownTopicError: There is none of that name.
    """
    wanted = name.strip().lower()
    if wanted not in names():
        near = get_close_matches(wanted, names(), n=1, cutoff=0.5)
        hint = f"; near it: {near[0]}" if near else f"; there are {', '.join(names())}"
        raise UnknownTopicError(f"no topic {name!r}{hint}")
    if wanted in _GENERATED:
        return _GENERATED[wanted]()
    return _TOPICS.joinpath(f"{wanted}.md").read_text(encoding="utf-8")


def title(name: str) -> str:
    """Return a topic's first line."""
    return topic(name).partition("\n")[0].removeprefix("# ")


def help_options(parser: Parser) -> None:
    """Add the argument of `help`."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="one of those listed")


def show_help(arguments: Arguments) -> int:
    """Print a topic, or which there are; return 2 if there is none of that name."""
    if arguments.topic is None:
        _list_topics(as_json=arguments.json)
        return 0
    try:
        text = topic(arguments.topic)
    except UnknownTopicError as error:
        sys.stderr.write(f"baseload: {error}\n")
        return 2
    if arguments.json:
        print_json({"topic": arguments.topic.strip().lower(), "text": text})
    else:
        sys.stdout.write(text)
    return 0


def _list_topics(*, as_json: bool) -> None:
    titles = {name: title(name) for name in names()}
    if as_json:
        print_json({"topics": titles})
        return
    width = max(map(len, titles))
    lines = "".join(f"  {name:<{width}}  {text}\n" for name, text in titles.items())
    sys.stdout.write(f"baseload help TOPIC\n\n{lines}")
