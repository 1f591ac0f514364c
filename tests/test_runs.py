"""A run's folder: written whole or not at all, read with suspicion, executed never."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as to_safetensors

from hiddenstate import intact
from hiddenstate.errors import InvalidArgument, RunError
from hiddenstate.runs import Run

WEIGHTS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.array(2.5)}
SHAPES = {"a.weight": (2, 3), "a.bias": ()}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run.create(tmp_path / "runs" / "first")
    run.write_spec({"task": "classify"})
    return run


# The folder


def test_spec_comes_back_and_says_its_format(run: Run) -> None:
    spec = {"task": "classify", "sizes": [3, 4], "rate": 0.1, "labels": {"größe": None}}
    run.write_spec(spec)
    assert Run.open(run.path).spec() == spec
    on_disk = json.loads((run.path / "spec.json").read_text(encoding="utf-8"))
    assert on_disk == {"format": 1, **spec}
    assert "größe" in (run.path / "spec.json").read_text(encoding="utf-8")


def test_a_run_is_not_overwritten_unless_told(run: Run) -> None:
    run.write_weights(WEIGHTS)
    run.log({"step": 1})
    with pytest.raises(RunError, match=r"already holds a run.*--resume .*first"):
        Run.create(run.path)
    assert run.weights().keys() == WEIGHTS.keys()
    (run.path / ".state.safetensors.partial").write_bytes(b"from a kill")
    again = Run.create(run.path, overwrite=True)
    assert list(again.path.iterdir()) == []


def test_a_folder_that_is_no_run_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years", encoding="utf-8")
    for overwrite in (False, True):
        with pytest.raises(RunError, match=r"not a run's \(thesis\.txt"):
            Run.create(tmp_path, overwrite=overwrite)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "three years"


def test_what_a_kill_left_before_the_first_file_does_not_block(tmp_path: Path) -> None:
    (tmp_path / ".spec.json.partial").write_bytes(b"{")
    run = Run.create(tmp_path)
    assert list(run.path.iterdir()) == []


def test_open_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nowhere is not a folder"):
        Run.open(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"has no spec\.json"):
        Run.open(tmp_path)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(RunError, match=r"taken cannot be written: .*Choose a folder"):
        Run.create(tmp_path / "taken")


# Specs and text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b'{"format": 1, "task"', "not JSON"),
        (b"[1, 2]", "expected an object, got list"),
        (b'{"task": "x"}', "'format' should be a number, not None"),
        (b'{"format": "1"}', "'format' should be a number, not '1'"),
        (b'{"format": true}', "'format' should be a number, not True"),
        (
            b'{"format": 2}',
            r"format 2, from a newer hiddenstate; this one reads up to 1.*pip install --upgrade",
        ),
        (b'{"format": 1, "rate": NaN}', "NaN is not JSON"),
        (b'{"format": 1, "x": \xff}', "not UTF-8 at byte 19"),
        (b'{"format": 1, "x": ' + b"[" * 200_000, "not JSON"),
        (b'{"format": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_a_damaged_spec_is_named(run: Run, content: bytes, words: str) -> None:
    (run.path / "spec.json").write_bytes(content)
    with pytest.raises(RunError, match=words) as raised:
        run.spec()
    assert str(run.path / "spec.json") in str(raised.value)


def test_a_spec_too_large_for_any_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intact, "LARGEST_TEXT", 10)
    with pytest.raises(RunError, match="is larger than"):
        run.spec()


@pytest.mark.parametrize("spec", [{"rate": float("nan")}, {"path": Path()}, {"name": "\ud800"}])
def test_what_json_cannot_hold_is_refused_before_anything_is_written(run: Run, spec: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"saved in a run"):
        run.write_spec(spec)
    assert run.spec() == {"task": "classify"}


def test_format_is_the_files_own_key(run: Run) -> None:
    with pytest.raises(InvalidArgument, match="'format' is the file's own number"):
        run.write_spec({"format": 7})


def test_text_and_bytes_come_back(run: Run) -> None:
    run.write("labels.txt", "time\nwetter größer\n")
    assert run.text("labels.txt") == "time\nwetter größer\n"
    run.write("picture.png", b"\x89PNG")
    assert (run.path / "picture.png").read_bytes() == b"\x89PNG"
    with pytest.raises(RunError, match=r"words\.txt is missing"):
        run.text("words.txt")


@pytest.mark.parametrize("name", ["", "../out.txt", "a/b", "a\\b", ".hidden", "c:x", "a\0b"])
def test_a_file_stays_in_the_folder(run: Run, name: str) -> None:
    for act in (lambda: run.write(name, "x"), lambda: run.text(name)):
        with pytest.raises(InvalidArgument, match="plain name"):
            act()


# The log


def test_the_log_grows_by_lines_and_is_cut_to_a_step(run: Run) -> None:
    assert run.entries() == []
    for step in (10, 20, 30):
        run.log({"step": step, "loss": step / 7})
    assert run.cut_log(20) == [{"step": 10, "loss": 10 / 7}, {"step": 20, "loss": 20 / 7}]
    run.log({"step": 25, "loss": 1.0})
    assert [entry["step"] for entry in run.entries()] == [10, 20, 25]


def test_a_line_cut_by_a_kill_does_not_count(run: Run) -> None:
    run.log({"step": 10})
    with open(run.path / "log.jsonl", "ab") as file:
        file.write(b'{"step": 20, "lo')
    assert run.entries() == [{"step": 10}]
    run.cut_log(99)
    run.log({"step": 20})
    assert run.entries() == [{"step": 10}, {"step": 20}]


@pytest.mark.parametrize("line", ["{", "[]", '{"loss": 1}', '{"step": "9"}'])
def test_a_damaged_log_is_named_by_its_line(run: Run, line: str) -> None:
    (run.path / "log.jsonl").write_text(f'{{"step": 1}}\n{line}\n', encoding="utf-8")
    with pytest.raises(RunError, match=r"log\.jsonl, line 2"):
        run.cut_log(5)


# Tensors


def test_tensors_come_back_with_shape_and_type(run: Run) -> None:
    arrays = {**WEIGHTS, "none": np.zeros((0, 4), np.int64), "flag": np.array([True, False])}
    run.write_weights(arrays)
    read = run.weights()
    assert {name: (array.dtype, array.shape) for name, array in read.items()} == {
        name: (array.dtype, array.shape) for name, array in arrays.items()
    }
    assert all(np.array_equal(read[name], arrays[name]) for name in arrays)


def test_state_holds_arrays_and_scalars_exactly(run: Run) -> None:
    scalars = {"best": 0.1 + 0.2, "tiny": 5e-324, "words": ["ä"], "step": 2**60}
    assert not run.has_state()
    run.write_state(WEIGHTS, scalars)
    arrays, read = run.state()
    assert run.has_state()
    assert read == scalars
    assert np.array_equal(arrays["a.weight"], WEIGHTS["a.weight"])


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({**SHAPES, "b": (1,)}, r"1 tensors are missing \(b\)"),
        ({"a.bias": ()}, r"1 tensors are not the model's \(a\.weight\)"),
        ({**SHAPES, "a.weight": (3, 2)}, r"'a\.weight' should be \[3, 2\] and is \[2, 3\]"),
    ],
)
def test_weights_of_another_model_are_refused(run: Run, shapes: Any, words: str) -> None:
    run.write_weights(WEIGHTS)
    run.weights(SHAPES)
    with pytest.raises(RunError, match=rf"weights\.safetensors does not fit.*{words}"):
        run.weights(shapes)


def safetensors(header: bytes, body: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + body


class Bomb:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.mkdir, ("exploded",))


HOSTILE = {
    "empty": (b"", "truncated"),
    "shorter than a header's length": (b"\x01\0\0", "truncated"),
    "a header longer than the file": ((2**62).to_bytes(8, "little") + b"{}", "truncated: it has 10 bytes"),
    "a header larger than any run's": (safetensors(b" " * (17 * 2**20)), "a header of 17825792 bytes"),
    "a header that is not JSON": (safetensors(b"{" * 50), "damaged"),
    "a pickle": (pickle.dumps(Bomb()), "truncated|damaged"),
    "a pickle inside": (safetensors(pickle.dumps(Bomb())), "damaged"),
    "a tensor larger than the file": (
        safetensors(
            b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}', b"1234"
        ),
        "damaged",
    ),
    "a size that overflows": (
        safetensors(b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'),
        "damaged",
    ),
    "overlapping tensors": (
        safetensors(
            b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},'
            b'"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}',
            b"123456",
        ),
        "damaged",
    ),
    "a type no run holds": (
        safetensors(b'{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', b"1234"),
        "'a' has type F8_E4M3",
    ),
    "an unknown type": (
        safetensors(b'{"a":{"dtype":"OBJ","shape":[4],"data_offsets":[0,4]}}', b"1234"),
        "damaged",
    ),
}


@pytest.mark.parametrize(("content", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_tensor_files(run: Run, content: bytes, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.path)
    for name, read in (("weights.safetensors", run.weights), ("state.safetensors", run.state)):
        (run.path / name).write_bytes(content)
        with pytest.raises(RunError, match=words) as raised:
            read()
        assert str(run.path / name) in str(raised.value)
    assert not (run.path / "exploded").exists()


def test_a_state_from_a_newer_version_or_without_scalars(run: Run) -> None:
    for metadata, words in (
        ({"scalars": '{"format": 9}'}, "format 9, from a newer hiddenstate"),
        ({"scalars": "["}, "not JSON"),
        ({}, "not JSON"),
        (None, "not JSON"),
    ):
        (run.path / "state.safetensors").write_bytes(to_safetensors(WEIGHTS, metadata=metadata))
        with pytest.raises(RunError, match=words):
            run.state()


def test_missing_weights(run: Run) -> None:
    with pytest.raises(RunError, match=r"weights\.safetensors is missing: the run stopped before") as told:
        run.weights()
    assert f"Go on with it: hiddenstate train --resume {run.path}; or copy it" in str(told.value)
    run.write("report.md", "It was trained to the end.")
    with pytest.raises(RunError, match=r"Copy it again from where it is whole, or train again\.$"):
        run.weights()
    (run.path / "weights.safetensors").mkdir()
    with pytest.raises(RunError, match=r"weights\.safetensors cannot be read|truncated"):
        run.weights()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage_is_a_run_error_or_harmless(data: st.DataObject) -> None:
    """Flip, cut, insert: what comes is tensors of the right shapes or a RunError, and nothing else."""
    content = bytearray(to_safetensors(WEIGHTS, metadata={"scalars": '{"format": 1, "position": {}}'}))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        if kind == "flip":
            content[place] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del content[max(place, 1) :]
        else:
            content[place:place] = data.draw(st.binary(min_size=1, max_size=9))
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        for name in ("weights.safetensors", "state.safetensors"):
            (run.path / name).write_bytes(content)
        try:
            weights = run.weights(SHAPES)
        except RunError:
            pass
        else:
            assert {name: array.shape for name, array in weights.items()} == SHAPES
        with contextlib.suppress(RunError):
            run.state()


# Writing that goes wrong

full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")


@full_device
@pytest.mark.parametrize("name", ["spec.json", "weights.safetensors", "state.safetensors"])
def test_a_full_disk_leaves_the_old_file_whole(run: Run, name: str) -> None:
    run.write_weights(WEIGHTS)
    run.write_state(WEIGHTS, {"step": 1})
    before = (run.path / name).read_bytes()
    (run.path / f".{name}.partial").symlink_to("/dev/full")
    with pytest.raises(RunError, match=rf"disk is full: .*{name} needs .* kB are free.*--resume"):
        run.write(name, bytes(1000))
    assert (run.path / name).read_bytes() == before
    assert not (run.path / f".{name}.partial").is_symlink()


@full_device
def test_a_full_disk_under_the_log(run: Run) -> None:
    (run.path / "log.jsonl").symlink_to("/dev/full")
    with pytest.raises(RunError, match=r"disk is full: .*log\.jsonl"):
        run.log({"step": 1})


def test_a_disk_that_fills_within_a_file(run: Run) -> None:
    """A real limit on file sizes: the first part fits, the rest does not."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on file sizes to set")
    run.write_weights(WEIGHTS)
    for step in range(1, 15):
        run.log({"step": step, "words": "x" * 200})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(RunError, match="disk is full"):
            run.write_weights({"large": np.ones(5000)})
        with pytest.raises(RunError, match="disk is full"):  # noqa: PT012
            for step in range(15, 99):
                run.log({"step": step, "words": "x" * 200})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert np.array_equal(run.weights()["a.weight"], WEIGHTS["a.weight"])
    assert not list(run.path.glob(".*"))
    content = (run.path / "log.jsonl").read_bytes()
    assert content.endswith(b"}\n")
    assert [entry["step"] for entry in run.entries()] == [*range(1, len(content.splitlines()) + 1)]
    assert len(run.entries()) >= 15


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_a_folder_closed_to_us(run: Run, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*given: object) -> None:
        raise PermissionError(13, "Permission denied")

    run.write_weights(WEIGHTS)
    monkeypatch.setattr(os, failing, closed)
    with pytest.raises(
        RunError, match=r"weights\.safetensors cannot be written: Permission denied\. .*may write"
    ):
        run.write_weights({"other": np.ones(3)})
    monkeypatch.undo()
    assert run.weights().keys() == WEIGHTS.keys()
    assert not list(run.path.glob(".*"))


def test_ctrl_c_while_writing_leaves_the_old_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    run.write_weights(WEIGHTS)
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.write_weights({"other": np.ones(3)})
    monkeypatch.undo()
    assert run.weights().keys() == WEIGHTS.keys()
    assert not list(run.path.glob(".*"))
