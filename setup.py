"""Build the share engine in C where there is a compiler; all else is in pyproject."""

import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

FOLDER = "proxy/downstream/native"

engine = Extension(
    "proxy.downstream.native.engine",
    [f"{FOLDER}/engine.pyx", f"{FOLDER}/share.c", f"{FOLDER}/sha256.c"],
    depends=[f"{FOLDER}/share.h", f"{FOLDER}/sha256.h", f"{FOLDER}/share.pxd"],
    include_dirs=[FOLDER],
    extra_compile_args=["-std=c11", "-O2"],
)

# epoll is Linux's: elsewhere the Python path is the only one
on_linux = sys.platform == "linux"
extensions = cythonize([engine], build_dir="build") if on_linux else []
for extension in extensions:
    extension.optional = True  # without a compiler the Python path does the same
setup(ext_modules=extensions)
