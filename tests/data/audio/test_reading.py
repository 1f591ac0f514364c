"""Reading recordings: every format, rate and width of sample; and each thing that can be wrong with one,
said."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate import errors
from hiddenstate.data.audio import reading
from hiddenstate.data.audio.reading import blocks, described, load, read
from hiddenstate.data.audio.resampling import Resampler, resampled
from hiddenstate.errors import DataError, InvalidArgument, MissingExtra

RATE = 16000
TONE = (0.4 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


def tone(rate: int, seconds: float = 1.0) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    soundfile.write(tmp_path / "whole.wav", TONE, RATE)
    return (tmp_path / "whole.wav").read_bytes()


@pytest.mark.parametrize(
    ("name", "subtype", "error"),
    [
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "PCM_U8", 2**-7),
        ("a.wav", "FLOAT", 0.0),
        ("a.wav", "DOUBLE", 0.0),
        ("a.wav", "ULAW", 0.02),
        ("a.wav", "IMA_ADPCM", 0.05),
        ("a.flac", "PCM_16", 2**-15),
        ("a.aiff", "PCM_16", 2**-15),
        ("a.ogg", "VORBIS", 0.03),
        ("a.ogg", "OPUS", 0.03),
        ("a.mp3", "MPEG_LAYER_III", 0.03),
    ],
)
def test_every_format_gives_the_samples_back(tmp_path: Path, name: str, subtype: str, error: float) -> None:
    soundfile.write(tmp_path / name, TONE, RATE, subtype=subtype)
    found = read(tmp_path / name)
    assert found.dtype == np.float32
    inside = slice(1000, -1000)  # what hears like the original begins and ends otherwise
    np.testing.assert_allclose(found[: len(TONE)][inside], TONE[inside], rtol=0, atol=error)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_any_rate_becomes_the_asked_one(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate), rate, subtype="FLOAT")
    sound = load(tmp_path / "a.wav")
    assert (sound.rate, sound.file.rate, len(sound.samples)) == (RATE, rate, RATE)
    np.testing.assert_allclose(sound.samples[500:-500], TONE[500:-500], rtol=0, atol=1e-3)


def test_channels_are_averaged(tmp_path: Path) -> None:
    three = np.stack([TONE, TONE / 2, np.zeros_like(TONE)], axis=1)
    soundfile.write(tmp_path / "a.wav", three, RATE, subtype="FLOAT")
    np.testing.assert_allclose(read(tmp_path / "a.wav"), TONE / 2, rtol=0, atol=1e-7)


def test_a_piece_is_that_of_the_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", TONE, RATE, subtype="FLOAT")
    np.testing.assert_array_equal(read(tmp_path / "a.wav", start=0.25, end=0.5), TONE[4000:8000])
    np.testing.assert_array_equal(read(tmp_path / "a.wav", start=0.75, end=1.05), TONE[12000:])
    with pytest.raises(DataError, match=r"a piece up to 3 s, the file ends at 1.00 s"):
        read(tmp_path / "a.wav", start=0.25, end=3.0)
    with pytest.raises(InvalidArgument, match=r"start 0.5 and end 0.25"):
        read(tmp_path / "a.wav", start=0.5, end=0.25)
    with pytest.raises(InvalidArgument, match="rate: expected 1000 to 768000 samples a second, came 16"):
        read(tmp_path / "a.wav", 16)


@given(
    st.sampled_from([8000, 16000, 22050, 44100]),
    st.lists(st.integers(0, 3000), max_size=12),
    st.integers(0, 9),
)
def test_resampling_in_chunks_is_resampling_the_whole(source: int, sizes: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal(sum(sizes) + 50).astype(np.float32)
    stream, at, parts = Resampler(source, RATE), 0, []
    for size in [*sizes, 50]:
        parts.append(stream.feed(samples[at : at + size]))
        at += size
    found = np.concatenate([*parts, stream.finish()])
    np.testing.assert_array_equal(found, resampled(samples, source, RATE), strict=True)


def test_blocks_are_the_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.stack([tone(44100, 2.5), tone(44100, 2.5) / 3], axis=1), 44100)
    parts = list(blocks(tmp_path / "a.flac", seconds=0.1))
    assert len(parts) == 26
    np.testing.assert_array_equal(np.concatenate(parts), read(tmp_path / "a.flac"), strict=True)


def test_a_header_is_described_without_reading_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.zeros((44100, 2)), 44100)
    told = described(tmp_path / "a.flac")
    assert (told.samples, told.rate, told.channels, told.format) == (44100, 44100, 2, "FLAC, PCM_16")
    assert told.seconds == 1.0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected audio, came an empty file"),
        (b"hello, this is a letter", r"expected audio .wav, flac, .* came something else .*Convert other"),
        (b"RIFF\x24\0\0\0WAVE", "something else or a damaged file"),
        (b"\0\0\0\x20ftypM4A " + b"\0" * 300, "ffmpeg -i FILE FILE.wav"),
    ],
)
def test_what_is_no_audio_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    for name in ("a.wav", "a.flac", "a.xyz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: .*{words}"):
            read(tmp_path / name)


def test_no_file_a_folder_and_samples_alone_are_said(tmp_path: Path, wav: bytes) -> None:
    with pytest.raises(DataError, match=r"b\.wav: there is no such file\. Beside it: whole\.wav"):
        read(tmp_path / "b.wav")
    with pytest.raises(DataError, match="came a folder"):
        read(tmp_path)
    (tmp_path / "a.raw").write_bytes(wav[44:])
    with pytest.raises(DataError, match="samples alone, whose rate nobody can know"):
        read(tmp_path / "a.raw")


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (TONE[:0], "a file in which no sample can be read"),
        (TONE[:1], r"at least 0.025 seconds, came 1 sample at 16000 Hz .0.0001 s"),
        (TONE[:399], "came 399 samples"),
        (np.zeros(RATE), "every sample is 0: nothing was recorded. Was the microphone muted"),
        (np.full(RATE, 0.25), "every sample is 0.25: nothing was recorded"),
        (np.where(np.arange(RATE) == 8000, np.nan, TONE), "are numbers, came nan at 0.500 s"),
        (np.where(np.arange(RATE) > 8000, -np.inf, TONE), "came -inf at 0.500 s"),
        (TONE * 32768, r"from -1 to 1, came 13107.2. Were whole numbers"),
        (np.stack([TONE, -TONE], axis=1), "its channels cancel each other"),
    ],
)
def test_samples_that_are_no_speech_are_said(tmp_path: Path, samples: np.ndarray, words: str) -> None:
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(DataError, match=words):
        read(tmp_path / "a.wav")
    with pytest.raises(DataError, match=words):
        list(blocks(tmp_path / "a.wav"))


def test_channels_that_cancel_but_for_rounding_are_said(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([TONE, -TONE], axis=1), RATE)
    with pytest.raises(DataError, match="cancel each other"):
        read(tmp_path / "a.wav")


def test_too_long_is_said_with_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", TONE, RATE)
    with pytest.raises(DataError, match=r"at most 0.5 seconds, came 1. Cut it at pauses"):
        load(tmp_path / "a.wav", longest=0.5)
    assert load(tmp_path / "a.wav", end=0.5, longest=0.5).seconds == 0.5
    assert reading.LONGEST == 7200


def test_clipping_is_noted_with_its_share(tmp_path: Path) -> None:
    loud = np.clip(TONE * 4, -1, 1)
    flat = 100 * np.mean((loud[1:] == loud[:-1]) & (np.abs(loud[1:]) == 1))
    assert 50 < flat < 57  # |sin| > 0.625: 57 % of the time
    soundfile.write(tmp_path / "loud.wav", loud, RATE)
    sound = load(tmp_path / "loud.wav")
    assert sound.notes == (
        f"{tmp_path / 'loud.wav'}: {flat:.1f} % of its samples are clipped. Record at a lower level; what "
        "was above is lost.",
    )
    soundfile.write(tmp_path / "fine.wav", TONE / 0.4, RATE)
    assert load(tmp_path / "fine.wav").notes == ()


def test_a_wav_cut_short_is_said(tmp_path: Path, wav: bytes) -> None:
    for size in (44, 45, 20000, len(wav) - 2):
        (tmp_path / "cut.wav").write_bytes(wav[:size])
        with pytest.raises(DataError, match=rf"announces 32,000 bytes of samples, {size - 44:,} are there"):
            read(tmp_path / "cut.wav")
        with pytest.raises(DataError, match="it is cut short"):
            described(tmp_path / "cut.wav")


def test_a_wav_written_to_a_pipe_is_read_to_its_end(tmp_path: Path, wav: bytes) -> None:
    for announced in (0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFDB):
        (tmp_path / "pipe.wav").write_bytes(wav[:40] + struct.pack("<I", announced) + wav[44:])
        np.testing.assert_allclose(read(tmp_path / "pipe.wav"), TONE, rtol=0, atol=2**-15)
    (tmp_path / "pipe.wav").write_bytes(wav[:40] + bytes(4) + wav[44:])
    with pytest.raises(DataError, match=r"announces no samples, 32,000 bytes follow.*--ignore-length"):
        read(tmp_path / "pipe.wav")


def test_a_rate_that_contradicts_the_header_is_said(tmp_path: Path, wav: bytes) -> None:
    (tmp_path / "rate.wav").write_bytes(wav[:24] + struct.pack("<I", 8000) + wav[28:])
    with pytest.raises(DataError, match=r"contradicts itself: 8000 samples .* it says 32,000 .* be 16000 Hz"):
        read(tmp_path / "rate.wav")
    (tmp_path / "rate.wav").write_bytes(wav[:24] + struct.pack("<II", 7, 14) + wav[32:])
    with pytest.raises(DataError, match="1000 to 768000 samples a second, its header says 7"):
        read(tmp_path / "rate.wav")


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_other_files_cut_short_are_said(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, np.tile(TONE, 4), RATE)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"damaged|cut short"):
        read(tmp_path / name)


def test_what_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", TONE, RATE)
    soundfile.write(tmp_path / "b.wav", TONE, 8000)
    monkeypatch.setattr(errors, "find_spec", lambda name: None if name == "soxr" else name)
    assert len(read(tmp_path / "a.wav")) == RATE, "the rate is right as it is"
    with pytest.raises(MissingExtra, match=r"needs soxr, .* pip install 'hiddenstate\[speech\]'"):
        read(tmp_path / "b.wav")
    monkeypatch.setattr(errors, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"reading recordings needs soundfile, .*\[speech\]"):
        read(tmp_path / "a.wav")


def test_features_of_a_file_need_numpy_soundfile_and_soxr_alone(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", TONE, 8000)
    program = (
        "import sys; from hiddenstate.data.audio import features, reading; "
        "stream = features.Features(deltas=1).stream(); "
        "parts = [stream.feed(block) for block in reading.blocks(sys.argv[1])]; "
        "print(sum(map(len, [*parts, stream.finish()])), *sorted(set(sys.modules) & set(sys.argv[2:])))"
    )
    heavy = ["torch", "scipy", "librosa", "sklearn", "polars", "matplotlib", "pooch", "pandas"]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.wav"), *heavy],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["198"]  # two seconds: (32000 - 400) // 160 + 1
