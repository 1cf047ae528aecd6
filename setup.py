"""Build the share engine in C where there is a compiler; all else is in pyproject."""

import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

FOLDER = Path("proxy/downstream/native")

engine = Extension(
    "proxy.downstream.native.engine",
    [str(part) for part in (FOLDER / "engine.pyx", *sorted(FOLDER.glob("*.c")))],
    depends=[str(part) for part in FOLDER.glob("*.h")],
    include_dirs=[str(FOLDER)],
    extra_compile_args=["-std=c11", "-O2", "-fvisibility=hidden"],
)

# epoll is Linux's: elsewhere the Python path is the only one
on_linux = sys.platform == "linux"
extensions = cythonize([engine], build_dir="build") if on_linux else []
for extension in extensions:
    extension.optional = True  # without a compiler the Python path does the same
setup(ext_modules=extensions)
