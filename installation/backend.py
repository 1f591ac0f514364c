"""What pip calls: scikit-build-core, which goes on without the compiled module where it cannot be built.

A wheel holds hiddenstate/_native where CMake could compile it. An editable installation has it in
src/hiddenstate itself, so that it counts for whoever puts src/ on the path; its objects stay in
build/editable, and only what changed is compiled again.

    pip install .                                       the C++ compiler that CMake finds, or $CXX
    pip install --config-settings compiler=ziglang .    the compiler of the package ziglang, fetched now
    HIDDENSTATE_NATIVE=required pip install .           fail where the module cannot be built
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
import tempfile
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from scikit_build_core import build as builder
from scikit_build_core.errors import ScikitBuildError

Settings = dict[str, str | list[str]]

HOUSE = Path(__file__).resolve().parent.parent
IN_PLACE = HOUSE / "src" / "hiddenstate"
OLDEST_GLIBC = "gnu.2.28"  # what Zig links against: that of 2018, as NumPy's wheels do
WITHOUT_MODULE: Settings = {"wheel.cmake": "false", "wheel.py-api": ""}

build_sdist = builder.build_sdist
get_requires_for_build_sdist = builder.get_requires_for_build_sdist


def get_requires_for_build_wheel(config_settings: Settings | None = None) -> list[str]:
    settings, compiler = _split(config_settings)
    return [*builder.get_requires_for_build_wheel(settings), *([compiler] if compiler else [])]


def prepare_metadata_for_build_wheel(folder: str, config_settings: Settings | None = None) -> str:
    settings, _ = _split(config_settings)
    return builder.prepare_metadata_for_build_wheel(folder, settings | WITHOUT_MODULE)


def build_wheel(folder: str, config_settings: Settings | None = None, metadata: str | None = None) -> str:
    settings, compiler = _split(config_settings)
    required = _required()
    with tempfile.TemporaryDirectory() as wrappers:
        compiling = {**settings, **(_ziglang(Path(wrappers)) if compiler else {})}
        try:
            return builder.build_wheel(folder, compiling)
        except (SystemExit, ScikitBuildError) as failure:
            if compiler or required:
                raise
            reason = "see above" if isinstance(failure, SystemExit) else failure
            print(
                f"*** hiddenstate: the compiled core was not built ({reason}). Going on without it: "
                "the slower reference backend does its work. To fail instead: HIDDENSTATE_NATIVE=required",
                file=sys.stderr,
            )
    return builder.build_wheel(folder, settings | WITHOUT_MODULE)


get_requires_for_build_editable = get_requires_for_build_wheel


def prepare_metadata_for_build_editable(folder: str, config_settings: Settings | None = None) -> str:
    settings, _ = _split(config_settings)
    return builder.prepare_metadata_for_build_editable(folder, settings | WITHOUT_MODULE)


def build_editable(folder: str, config_settings: Settings | None = None, metadata: str | None = None) -> str:
    settings, compiler = _split(config_settings)
    with tempfile.TemporaryDirectory() as temporary:
        objects: Settings = {"build-dir": str(HOUSE / "build" / "editable" / ("{wheel_tag}" + _by(compiler)))}
        wheel = build_wheel(temporary, objects | (config_settings or {}))
        _unpack_module(Path(temporary) / wheel)
    return builder.build_editable(folder, settings | WITHOUT_MODULE)


def _split(config_settings: Settings | None) -> tuple[Settings, str]:
    """Return scikit-build-core's settings, and the one that is ours: the package to fetch a compiler from."""
    settings = dict(config_settings or {})
    compiler = settings.pop("compiler", "")
    if compiler not in ("", "ziglang"):
        raise SystemExit(
            f"hiddenstate: compiler={compiler} is not known; the one offered is compiler=ziglang"
        )
    return settings, str(compiler)


def _required() -> bool:
    """Say whether the installation has to fail where the module cannot be built."""
    asked = os.environ.get("HIDDENSTATE_NATIVE", "")
    if asked not in ("", "required"):
        raise SystemExit(
            f"hiddenstate: HIDDENSTATE_NATIVE={asked} is not known; set it to required, or not at all"
        )
    return bool(asked)


def _by(compiler: str) -> str:
    """Return what a folder of objects is called after its compiler: CMake keeps the one it began with."""
    return "".join(f"-{word}" for word in re.findall(r"[\w.+]+", compiler or os.environ.get("CXX", "")))


def _unpack_module(wheel: Path) -> None:
    """Put a wheel's compiled module into src/hiddenstate, in place of the one that this Python would load."""
    for suffix in EXTENSION_SUFFIXES:
        (IN_PLACE / f"_native{suffix}").unlink(missing_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith("hiddenstate/_native."):
                beside = IN_PLACE / (name.rpartition("/")[2] + ".new")
                beside.write_bytes(archive.read(name))
                os.replace(beside, beside.with_suffix(""))


def _ziglang(folder: Path) -> Settings:
    """Return the settings that make CMake use the package ziglang; wrappers that it needs go to `folder`.

    The archiver has to be one file to CMake. Without a target Zig would compile all for this very processor,
    and on Linux against this machine's C library, whose headers need not be there.
    """
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise SystemExit("hiddenstate: compiler=ziglang needs the package: pip install ziglang")
    zig = Path(spec.origin).parent / ("zig.exe" if os.name == "nt" else "zig")
    tools = {}
    for tool in ("ar", "ranlib"):
        wrapper = folder / (f"zig-{tool}.cmd" if os.name == "nt" else f"zig-{tool}")
        line = f'@"{zig}" {tool} %*\n' if os.name == "nt" else f'#!/bin/sh\nexec "{zig}" {tool} "$@"\n'
        wrapper.write_text(line, encoding="utf-8")
        wrapper.chmod(0o755)
        tools[f"cmake.define.CMAKE_{tool.upper()}"] = wrapper.as_posix()
    target = "-mcpu=baseline"
    if sys.platform == "linux":
        library = OLDEST_GLIBC if platform.libc_ver()[0] == "glibc" else "musl"
        target = f"-target;{platform.machine()}-linux-{library}"
    return {"cmake.define.CMAKE_CXX_COMPILER": f"{zig.as_posix()};c++;{target}", **tools}
