"""Copy what pages are served with from npm's packages into the tree.

`python tools/vendor/vendor.py` writes `proxy/web/static/vendor`; `--check` changes
nothing and exits with 1 where that folder is not what the lock gives. Both need npm,
which compares each package with the sha512 that the lock holds of it.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
TARGET = HERE.parents[1] / "proxy" / "web" / "static" / "vendor"

FILES = {
    "htm.js": ("htm", "preact/standalone.module.js"),
    "uplot.js": ("uplot", "dist/uPlot.iife.min.js"),
    "uplot.css": ("uplot", "dist/uPlot.min.css"),
}
"""What is served, and the file of which package it is."""

BUNDLED = {"htm": "htm with preact and its hooks (MIT, Jason Miller)"}
"""What a package's file holds that is not the package's own."""


def vendored() -> dict[str, bytes]:
    """Return the contents of the folder by name, as the packages have them."""
    contents, listed = {}, []
    for name, (package, path) in FILES.items():
        contents[name] = (PACKAGES / package / path).read_bytes()
        about = json.loads((PACKAGES / package / "package.json").read_text())
        listed.append(
            {
                "file": name,
                "package": package,
                "version": about["version"],
                "from": path,
                "licence": about["license"],
                "holds": BUNDLED.get(package, package),
                "sha256": hashlib.sha256(contents[name]).hexdigest(),
            }
        )
        licence = PACKAGES / package / "LICENSE"
        contents[f"LICENSE.{package}"] = licence.read_bytes()
    contents["VENDORED.json"] = (json.dumps(listed, indent=2) + "\n").encode()
    return contents


def differing(contents: dict[str, bytes]) -> list[str]:
    """Return the names of files that are not, or not only, what they should be."""
    there = {path.name for path in TARGET.iterdir()} if TARGET.is_dir() else set()
    wrong = [
        name
        for name, content in contents.items()
        if name not in there or (TARGET / name).read_bytes() != content
    ]
    return sorted([*wrong, *(there - set(contents))])


def main() -> int:
    """Write or check the folder."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    check = arguments.parse_args().check
    npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(npm, cwd=HERE, check=True)  # noqa: S603  (its words are above)
    contents = vendored()
    wrong = differing(contents)
    if check:
        sys.stdout.write(
            "".join(f"{name}: not what the lock gives\n" for name in wrong)
        )
        return int(bool(wrong))
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in wrong:
        (TARGET / name).unlink(missing_ok=True)
    for name, content in contents.items():
        (TARGET / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
