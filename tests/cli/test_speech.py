"""From recordings of tones to words, through the command line: files, folders, pipes, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

import tones
from fresh_python import alone, stopped
from hiddenstate.data.audio.reading import read
from hiddenstate.decode import NGram
from recording_sessions import Terminal

if TYPE_CHECKING:
    from conftest import Said

pytestmark = pytest.mark.slow
SETTINGS = (
    "hidden=32", "layers=1", "convolved=0", "rate=8000", "mels=20", "epochs=60", "batch_size=8", "speeds=1",
    "learning_rate=0.01", "dropout=0", "time_masks=0", "frequency_masks=0", "noise=0", "bidirectional=false",
)  # fmt: skip


@pytest.fixture(scope="module")
def heard(cli: Callable, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    """A run trained on tones, in letters, and what was said."""
    folder = tmp_path_factory.mktemp("speech")
    data = tones.write(folder / "data", 90, seed=0)
    words = [part for each in SETTINGS for part in ("--set", each)]
    said = cli("train", "speech", "--data", data, "--out", folder / "run", *words, "--json")
    assert said.code == 0, said.err
    return folder / "run", said


@pytest.fixture(scope="module")
def unheard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings, and a manifest of them."""
    folder = tones.write(tmp_path_factory.mktemp("unheard") / "wavs", 12, seed=1)
    tones.write_manifest(folder)
    return folder


def test_training_says_how_many_words_are_wrong(heard: tuple[Path, Said]) -> None:
    found = heard[1].json()
    assert found["wer"] <= 0.15
    assert found["baseline"]["wer"] is not None
    assert "snapshot" in heard[1].err
    assert "predict" in heard[1].err
    assert (heard[0] / "heard.png").exists()
    assert (heard[0] / "language.arpa").read_text(encoding="utf-8").startswith("\\data\\")


def test_a_manifest_is_evaluated(cli: Callable, heard: tuple[Path, Said], unheard: Path) -> None:
    said = cli("evaluate", heard[0], "--data", unheard / "manifest.jsonl", "--json")
    assert said.code == 0, said.err
    found = said.json()
    assert 0 <= found["wer"] <= 0.15
    assert 0 <= found["cer"] <= 0.15
    assert found["n"] == 12


def test_files_and_folders_are_written_down_without_torch(heard: tuple[Path, Said], unheard: Path) -> None:
    paths = sorted(unheard.glob("*.wav"))
    done = alone("predict", heard[0], *paths[:3], "--json")
    assert done.returncode == 0, done.stderr.decode()
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [Path(row["source"]) for row in rows] == paths[:3]
    right = sum(
        row["text"] == path.with_suffix(".txt").read_text(encoding="utf-8").strip()
        for row, path in zip(rows, paths, strict=False)
    )
    assert right >= 2
    done = alone("predict", heard[0], unheard)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().count(".wav") == 12


def test_on_a_terminal_it_is_seen_how_far_a_folder_is(heard: tuple[Path, Said], unheard: Path) -> None:
    shown = Terminal(["predict", heard[0], unheard], unheard)
    try:
        shown.until("recordings/s")
        assert shown.end() == 0
        assert shown.seen.rpartition("recordings/s")[2].count(".wav") == 12, "the table comes after the bar"
    finally:
        shown.close()


def test_pieces_of_words_are_learned_and_heard_without_what_learned_them(
    cli: Callable, unheard: Path, tmp_path: Path
) -> None:
    words = [part for each in (*SETTINGS, "symbols=bpe", "pieces=24") for part in ("--set", each)]
    words[words.index("epochs=60")] = "epochs=1"
    said = cli("train", "speech", "--data", unheard, "--out", tmp_path / "run", *words, "--json")
    assert said.code == 0, said.err
    written = json.loads((tmp_path / "run" / "model.json").read_text(encoding="utf-8"))["symbols"]
    assert (written["kind"], len(written["written"])) == ("bpe", 24)
    done = alone("predict", tmp_path / "run", sorted(unheard.glob("*.wav"))[0], "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert {word["text"] for word in json.loads(done.stdout)["words"]} <= set(tones.TONES)
    words[words.index("pieces=24")] = "pieces=4"
    said = cli("train", "speech", "--data", unheard, "--out", tmp_path / "other", *words)
    assert (said.code, (tmp_path / "other").exists()) == (1, False)
    assert "letters take" in said.err


def test_files_say_what_can_be_said_and_how_probable_it_is(
    cli: Callable, unheard: Path, tmp_path: Path
) -> None:
    listed, arpa = tmp_path / "words.txt", tmp_path / "lm.arpa"
    listed.write_text("low\nrise\n", encoding="utf-8")
    NGram.train([["low", "rise"], ["rise"]], order=2).write_arpa(arpa)
    files = (f"closed={listed}", f"language_model={arpa}")
    words = [part for each in (*SETTINGS, *files) for part in ("--set", each)]
    words[words.index("epochs=60")] = "epochs=1"
    said = cli("train", "speech", "--data", unheard, "--out", tmp_path / "run", *words)
    assert said.code == 0, said.err
    assert "2 words of the training transcripts are not in" in " ".join(said.out.split())
    assert NGram.read_arpa(tmp_path / "run" / "language.arpa").order == 2
    done = alone("predict", tmp_path / "run", unheard, "--json")
    assert done.returncode == 0, done.stderr.decode()
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert {word for row in rows for word in row["text"].split()} <= {"low", "rise"}
    words[words.index(files[1])] = f"language_model={listed}"
    said = cli("train", "speech", "--data", unheard, "--out", tmp_path / "other", *words)
    assert (said.code, (tmp_path / "other").exists()) == (1, False)
    assert "words.txt ends behind line 2" in " ".join(said.err.split())


@pytest.mark.parametrize("as_wav", [True, False])
def test_a_pipe_is_heard_while_it_arrives(heard: tuple[Path, Said], unheard: Path, as_wav: bool) -> None:
    path = sorted(unheard.glob("*.wav"))[0]
    content = path.read_bytes()
    if not as_wav:
        content = (read(path, tones.RATE) * 2**15).astype("<i2").tobytes()
    done = alone("predict", heard[0], "--stream", "-", given=content)
    assert done.returncode == 0, done.stderr.decode()
    whole = json.loads(alone("predict", heard[0], path, "--json").stdout)
    assert " ".join(done.stdout.decode().split()) == whole["text"]


def test_ctrl_c_ends_a_microphone_and_the_last_utterance_is_said(
    heard: tuple[Path, Said], unheard: Path
) -> None:
    for path in sorted(unheard.glob("*.wav"), key=lambda path: path.stat().st_size)[-2:]:
        content = (read(path, tones.RATE) * 2**15).astype("<i2").tobytes()
        whole = json.loads(alone("predict", heard[0], path, "--json").stdout)["text"]
        code, said = stopped("predict", heard[0], "--stream", "-", given=content)
        assert (code, " ".join(said.split())) == (130, whole)


def test_a_file_that_cannot_be_read_does_not_lose_the_others(
    cli: Callable, heard: tuple[Path, Said], unheard: Path, tmp_path: Path
) -> None:
    (tmp_path / "no.wav").write_text("this is no sound", encoding="utf-8")
    out = tmp_path / "found.tsv"
    good = sorted(unheard.glob("*.wav"))[0]
    said = cli("predict", heard[0], tmp_path / "no.wav", good, tmp_path / "gone.wav", "--out", out)
    assert said.code == 1
    assert "no.wav" in said.err
    assert "gone.wav" in said.err
    assert out.read_text(encoding="utf-8").splitlines()[1].startswith(str(good))


def test_what_a_run_that_listens_cannot_do(
    cli: Callable, heard: tuple[Path, Said], trained: tuple[Path, Said], tmp_path: Path
) -> None:
    run, data = heard[0], tones.write(tmp_path / "data", 2, seed=0)
    stereo = tmp_path / "stereo.wav"
    soundfile.write(stereo, np.zeros((800, 2)), 44_100)
    for words, typed, expected in (
        (("predict", run), None, "listens: name recordings"),
        (("predict", run, "--why", "a.wav"), None, "--why explains intents"),
        (("predict", run, "--file", "x.txt"), None, "--file is a file of texts"),
        (("predict", run, "--stream", "x.wav"), None, "--stream hears stdin, which is -"),
        (("predict", run, "--stream", "-"), stereo.read_bytes(), "2 channels, 44100 a second"),
        (("predict", trained[0], "--stream", "-"), None, "reads texts"),
        (("chat", run), None, "listens"),
        (("data", "check", data), None, "data holds recordings, and what is checked here are texts"),
        (("evaluate", run, "--text", "said"), None, "--text and --label choose columns of tables"),
        (("train", "speech"), None, "speech needs 'data'"),
        (("train", "speech", "--data", "nowhere"), None, "no recordings called 'nowhere'"),
    ):
        said = cli(*words, typed=typed)
        assert said.code in (1, 2), words
        assert expected in said.err, (words, said.err)
