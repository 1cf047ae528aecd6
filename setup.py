"""Build what is in C where there is a compiler; all else is in pyproject."""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# two builds of the same source are equal to the bit, wherever they are made
HERE = f"-ffile-prefix-map={Path.cwd()}=."
EARLIEST = "315532800"  # 1980: no file in a zip can be older
os.environ.setdefault("SOURCE_DATE_EPOCH", EARLIEST)

ENGINE = Path("proxy/engine")
CORE, LOOP = ENGINE / "core", ENGINE / "loop"
LOAD = Path("proxy/bench/native")


def extension(module: Path, parts: list[Path], headers: list[Path]) -> Extension:
    """Return what builds `module` from its .pyx and its parts in C."""
    return Extension(
        ".".join(module.parts),
        [str(part) for part in (module.with_suffix(".pyx"), *sorted(parts))],
        depends=[str(file) for folder in headers for file in folder.glob("*.h")],
        include_dirs=[str(folder) for folder in headers],
        libraries=["dl", "pthread"],  # parts of the C library since glibc 2.34
        extra_compile_args=["-std=c11", "-O2", "-fvisibility=hidden", HERE],
    )


engine = extension(
    ENGINE / "engine", [*CORE.glob("*.c"), *LOOP.glob("*.c")], [CORE, LOOP]
)
load = extension(
    LOAD / "generator", [*LOAD.glob("*.c"), CORE / "sha256.c"], [LOAD, CORE]
)

# epoll is Linux's: elsewhere the Python path is the only one
on_linux = sys.platform == "linux"
extensions = cythonize([engine, load], build_dir="build") if on_linux else []
for built in extensions:
    # without a compiler the Python path does the same; wheels must have it
    built.optional = os.environ.get("BASELOAD_REQUIRE_NATIVE") != "1"
setup(ext_modules=extensions)
