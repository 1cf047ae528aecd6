"""Hold a discovery payload (stdin) to Home Assistant's own schemas; say what is wrong.

Run by a Python that has Home Assistant. It does with the payload what
`homeassistant.components.mqtt.discovery` does before it sets up.
"""

import asyncio
import importlib
import json
import sys


def main() -> None:
    discovery = importlib.import_module("homeassistant.components.mqtt.discovery")
    schemas = importlib.import_module("homeassistant.components.mqtt.schemas")
    told = json.load(sys.stdin)
    discovery._replace_all_abbreviations(told)
    schemas.DEVICE_DISCOVERY_SCHEMA(told)
    seen: dict[str, int] = {}
    for name, component in told["components"].items():
        platform = component.pop("platform")
        given = component | {"device": told["device"], "origin": told["origin"]}
        discovery._merge_common_device_options(given, told)
        module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
        found = module.DISCOVERY_SCHEMA(given)
        # What it does not know it takes out, without a word.
        if lost := given.keys() - found.keys() - {"origin"}:
            raise SystemExit(f"{name}: not known to {platform}: {', '.join(lost)}")
        seen[platform] = seen.get(platform, 0) + 1
    print(json.dumps(seen))  # noqa: T201


async def in_loop() -> None:
    main()


if __name__ == "__main__":
    asyncio.run(in_loop())
