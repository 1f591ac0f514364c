"""What the linker is given: no newer instruction reaches a processor that lacks it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nanobind
import pytest

HOUSE = Path(__file__).resolve().parents[2]


def weak(objects: list[Path]) -> set[str]:
    """Return the functions that several objects may define and of which the linker keeps the first."""
    listed = subprocess.run(["nm", *map(str, objects)], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^\w+ W (\w+)$", listed, re.MULTILINE))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("nm") is None, reason="nm lists what an object defines, and is not here")
def test_functions_that_objects_share_come_from_the_plainest(tmp_path: Path) -> None:
    # beside this Python, which may run without its folder on the path
    beside = str(Path(sys.executable).parent)
    cmake, ninja = (shutil.which(tool, path=beside) or shutil.which(tool) for tool in ("cmake", "ninja"))
    configure = [cmake, "-S", HOUSE, "-B", tmp_path, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    given = [f"-DPython_EXECUTABLE={sys.executable}", f"-Dnanobind_DIR={nanobind.cmake_dir()}"]
    subprocess.run([*configure, *given], check=True, capture_output=True)
    built = subprocess.run([cmake, "--build", tmp_path], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout
    objects = {folder.name: sorted(folder.rglob("*.o")) for folder in (tmp_path / "CMakeFiles").glob("*.dir")}
    newer = weak([*objects.get("kernels_avx2.dir", []), *objects.get("kernels_avx512.dir", [])])
    before = weak([*objects["_native.dir"], *objects["kernels_scalar.dir"]])
    after = weak(objects["nanobind-static.dir"])
    assert (newer - before) & after == set()
    rule = next(
        line
        for line in (tmp_path / "build.ninja").read_text("utf-8").splitlines()
        if "MODULE_LIBRARY" in line
    )
    order = [
        rule.find(f"{name}.dir/") for name in ("_native", "kernels_scalar", "kernels_avx2", "kernels_avx512")
    ]
    assert [at for at in order if at >= 0] == sorted(at for at in order if at >= 0)
