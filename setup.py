"""Build the share engine in C where there is a compiler; all else is in pyproject."""

import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

FOLDER = "proxy/downstream/native"
PARTS = ("wire", "share", "sha256")

engine = Extension(
    "proxy.downstream.native.engine",
    [f"{FOLDER}/engine.pyx", *(f"{FOLDER}/{part}.c" for part in PARTS)],
    depends=[f"{FOLDER}/{part}.h" for part in PARTS],
    include_dirs=[FOLDER],
    extra_compile_args=["-std=c11", "-O2"],
)

# epoll is Linux's: elsewhere the Python path is the only one
on_linux = sys.platform == "linux"
extensions = cythonize([engine], build_dir="build") if on_linux else []
for extension in extensions:
    extension.optional = True  # without a compiler the Python path does the same
setup(ext_modules=extensions)
