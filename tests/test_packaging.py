"""What is installed is whole: data files travel, versions are pinned, the wheel and the sdist agree."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import hiddenstate

HOUSE = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))
BUILD = (
    "import sys; sys.path.insert(0, 'installation'); "
    "from backend import build_{0}; print(build_{0}(sys.argv[1]))"
)


def pins() -> dict[str, str]:
    lines = (HOUSE / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pinned}


def required(extras: set[str]) -> dict[str, Requirement]:
    """Return what installing hiddenstate with these extras takes, followed through what is installed here."""
    extra = PROJECT["project"]["optional-dependencies"]
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    waiting = [Requirement(line) for line in [*asked, *(line for name in extras for line in extra[name])]]
    found: dict[str, Requirement] = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or name == "hiddenstate":
            continue
        found[name] = requirement
        for line in importlib.metadata.requires(name) or ():
            below = Requirement(line)
            if below.marker is None or any(
                below.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
            ):
                waiting.append(below)
    return found


def build(kind: str, folder: Path, source: Path = HOUSE, **variables: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format(kind), str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        env=os.environ | variables,
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]


def package_files(root: Path) -> set[str]:
    files = (path for path in (root / "src" / "hiddenstate").rglob("*") if path.is_file())
    kept = (path for path in files if path.suffix not in (".pyc", ".so", ".pyd"))
    return {path.relative_to(root / "src").as_posix() for path in kept}


def test_every_pin_is_exact() -> None:
    lines = (HOUSE / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wrong = [
        line for line in lines if line and line[0] != "#" and not re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)
    ]
    assert wrong == []
    assert pins()["torch"] == "2.13.0"


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    found = required({"train", "dev"})
    assert {"torch", "numpy", "polars", "scikit-build-core", "scipy"} <= set(found)
    assert sorted(set(found) - set(pins())) == []
    assert [str(asked) for name, asked in found.items() if pins()[name] not in asked.specifier] == []


def test_no_file_names_a_package_index() -> None:
    for name in ("pyproject.toml", "constraints.txt", "Makefile", ".ci/run"):
        assert (
            re.findall(r"\w+://\S+|--(?:extra-)?index\S*|--find-links\S*", (HOUSE / name).read_text("utf-8"))
            == []
        )


def test_the_heart_of_the_package_is_small() -> None:
    names = {Requirement(line).name for line in PROJECT["project"]["dependencies"]}
    assert names == {"numpy", "pydantic", "regex", "rich", "safetensors", "typer"}


def test_make_help_lists_every_target() -> None:
    makefile = (HOUSE / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert set(re.findall(r"^([a-z-]+):.*## \w", makefile, re.MULTILINE)) == set(phony[1].split())


@pytest.mark.slow
def test_wheel_holds_the_whole_package(tmp_path: Path) -> None:
    wheel = build("wheel", tmp_path, CXX="false", HIDDENSTATE_NATIVE="")
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(f"hiddenstate-{hiddenstate.__version__}.dist-info/METADATA").decode()
        archive.extractall(tmp_path / "site")
    assert names == package_files(HOUSE), "where no compiler is, all but the compiled module"
    assert {"hiddenstate/data/starter/intents.csv", "hiddenstate/data/starter/README.md"} <= names
    assert "License-Expression: MIT" in metadata
    program = (
        "import hiddenstate, hiddenstate.native as native; "
        "print(hiddenstate.__file__, hiddenstate.__version__, native.available())"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=tmp_path / "site",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [
        str(tmp_path / "site" / "hiddenstate" / "__init__.py"),
        hiddenstate.__version__,
        "False",
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_wheel_holds_the_compiled_module(tmp_path: Path) -> None:
    wheel = build("wheel", tmp_path, HIDDENSTATE_NATIVE="required")
    with zipfile.ZipFile(wheel) as archive:
        module = [name for name in archive.namelist() if name.startswith("hiddenstate/_native.")]
        archive.extractall(tmp_path / "site")
    assert len(module) == 1
    program = "from hiddenstate import native; print(native.module().__file__, *native.module().isas())"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=tmp_path / "site",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[:2] == [str(tmp_path / "site" / module[0]), "scalar"]


@pytest.mark.slow
def test_a_required_module_is_not_left_out_in_silence(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="CMake configuration failed"):
        build("wheel", tmp_path, CXX="false", HIDDENSTATE_NATIVE="required")


@pytest.mark.slow
def test_sdist_builds_the_same_wheel(tmp_path: Path) -> None:
    sdist = build("sdist", tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python has filters since 3.11.4
        archive.extractall(tmp_path)
    unpacked = tmp_path / f"hiddenstate-{hiddenstate.__version__}"
    assert package_files(unpacked) == package_files(HOUSE)
    for name in (
        "LICENSE",
        "CMakeLists.txt",
        "installation/backend.py",
        "native/bindings.cpp",
        "Makefile",
        "constraints.txt",
        "pyproject.toml",
        "tests/test_packaging.py",
    ):
        assert (unpacked / name).is_file(), name
    plain = {"CXX": "false", "HIDDENSTATE_NATIVE": ""}
    from_sdist, direct = (
        build("wheel", tmp_path / "a", unpacked, **plain),
        build("wheel", tmp_path / "b", **plain),
    )
    with zipfile.ZipFile(from_sdist) as ours, zipfile.ZipFile(direct) as other:
        assert sorted(ours.namelist()) == sorted(other.namelist())
