"""Lists of recordings in every form that others write, and all that is wrong with them, said at once."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.data.audio.reading import read
from hiddenstate.data.recordings import are_at, read_recordings
from hiddenstate.data.spoken import SpokenCorpus
from hiddenstate.errors import DataError, InvalidArgument
from spoken_files import listed, written

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


def said(corpus: SpokenCorpus, split: str = "train") -> list[tuple[str, str, str | None, float]]:
    return [(each.name, each.text, each.speaker, round(each.seconds, 3)) for each in corpus.split(split)]


def test_ljspeech(tmp_path: Path) -> None:
    for name, seconds in (("LJ001-0001", 0.5), ("LJ001-0002", 0.75), ("c", 0.25)):
        written(tmp_path / "wavs" / f"{name}.{'flac' if name == 'c' else 'wav'}", seconds)
    listed(
        tmp_path / "metadata.csv",
        'LJ001-0001|Printed in 1455, "so|printed in fourteen fifty-five, "so',
        "LJ001-0002|Been there|",
        "c.flac|  and   done ",
    )
    for place in (tmp_path, tmp_path / "metadata.csv"):
        assert said(read_recordings(place)) == [
            ("LJ001-0001", 'printed in fourteen fifty-five, "so', None, 0.5),
            ("LJ001-0002", "Been there", None, 0.75),
            ("c.flac", "and done", None, 0.25),
        ]


def test_a_first_line_of_column_names_is_left_out_and_said(tmp_path: Path) -> None:
    written(tmp_path / "wavs" / "a.wav")
    listed(tmp_path / "metadata.csv", "file_name|text", "a|hello")
    corpus = read_recordings(tmp_path)
    assert said(corpus) == [("a", "hello", None, 0.5)]
    assert corpus.notes == ("The first line of metadata.csv names columns and was left out.",)


def test_tables_whose_first_line_names_columns(tmp_path: Path) -> None:
    for name in ("a", "b", "clips/c"):
        written(tmp_path / f"{name}.wav", 1.0)
    lines = ("Audio_filepath,text,duration", 'a.wav,"go, on",1.0', "b.wav,stop,", "a.wav", "b.wav,x,long")
    list_ = listed(tmp_path / "list.csv", *lines)
    with pytest.raises(
        DataError, match=r"2 of 4 .*\n.*line 4: expected 3 cells, came 1\n.*line 5: .*came 'long'"
    ):
        read_recordings(list_)
    assert said(read_recordings(list_, skip_bad=True)) == [
        ("a", "go, on", None, 1.0),
        ("b", "stop", None, 1.0),
    ]
    theirs = listed(tmp_path / "train.tsv", "client_id\tpath\tsentence\tup_votes", 'me\tc.wav\t"Go\t2')
    corpus = read_recordings(theirs)
    assert said(corpus) == [("c", '"Go', "me", 1.0)]
    assert corpus.notes == ("Not used of train.tsv: up_votes.",)
    assert are_at(list_)
    assert are_at(theirs)
    assert not are_at(listed(tmp_path / "tickets.csv", "path,text,label", "/home,where is it,find"))
    other = listed(tmp_path / "other.csv", "wav,label", *["a.wav,go"] * 25)
    with pytest.raises(
        DataError, match=r"\(audio_filepath or path\) .* came the columns wav, label"
    ) as caught:
        read_recordings(other)
    assert "\n" not in str(caught.value)


def test_a_folder_called_as_a_recording_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "wavs" / "x.wav").mkdir(parents=True)
    listed(tmp_path / "metadata.csv", "x|word")
    with pytest.raises(DataError, match=r"x\.wav: expected a recording, came a folder\. Name"):
        read(tmp_path / "wavs" / "x.wav")
    with pytest.raises(DataError, match=r"line 1: expected a recording, came a folder: .*x\.wav"):
        read_recordings(tmp_path)


def kaldi(folder: Path) -> None:
    written(folder / "audio" / "one.wav", 2.0)
    written(folder / "two.wav", 0.5)
    listed(folder / "wav.scp", "s1-one audio/one.wav", f"s2-two {folder / 'two.wav'}")
    listed(folder / "text", "s1-one YES NO", "s2-two  GO ")
    listed(folder / "utt2spk", "s1-one s1", "s2-two s2")


def test_kaldi(tmp_path: Path) -> None:
    kaldi(tmp_path)
    for place in (tmp_path, tmp_path / "wav.scp"):
        assert said(read_recordings(place)) == [
            ("s1-one", "YES NO", "s1", 2.0),
            ("s2-two", "GO", "s2", 0.5),
        ]


def test_kaldi_with_segments(tmp_path: Path) -> None:
    kaldi(tmp_path)
    listed(tmp_path / "segments", "a s1-one 0.25 0.75", "b s1-one 1.5 -1", "c s2-two 0 0.52")
    listed(tmp_path / "text", "a YES", "b NO", "c GO")
    listed(tmp_path / "utt2spk", "a s1", "b s1", "c s2")
    corpus = read_recordings(tmp_path)
    assert said(corpus) == [("a", "YES", "s1", 0.5), ("b", "NO", "s1", 0.5), ("c", "GO", "s2", 0.5)]
    whole = read(tmp_path / "audio" / "one.wav")
    np.testing.assert_array_equal(corpus.split("train")[0].samples(), whole[4000:12000])
    np.testing.assert_array_equal(corpus.split("train")[1].samples(), whole[24000:])


def test_kaldi_folders_called_after_splits(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        kaldi(tmp_path / split)
    corpus = read_recordings(tmp_path)
    assert {name: len(each) for name, each in corpus.splits.items()} == {
        "train": 2,
        "validation": 2,
        "test": 2,
    }
    (tmp_path / "test").rename(tmp_path / "eval92")
    with pytest.raises(DataError, match=r"called train, validation .or dev. and test, came eval92"):
        read_recordings(tmp_path)


def test_kaldi_commands_are_never_run(tmp_path: Path) -> None:
    kaldi(tmp_path)
    mark = tmp_path / "ran"
    listed(
        tmp_path / "wav.scp", f"s1-one touch {mark}; cat audio/one.wav |", "s2-two two.wav", "s3 two.ark:17"
    )
    with pytest.raises(DataError) as caught:
        read_recordings(tmp_path)
    words = str(caught.value)
    assert "wav.scp, s1-one: a command ('touch " in words
    assert "which is never run. Write its output to a file." in words
    assert "wav.scp, s3: 'two.ark:17' is no file of its own" in words
    assert "s1-one: has a transcript and no recording that can be read" in words
    assert said(read_recordings(tmp_path, skip_bad=True)) == [("s2-two", "GO", "s2", 0.5)]
    assert not mark.exists()


def test_a_manifest(tmp_path: Path) -> None:
    written(tmp_path / "a.wav", 1.0)
    written(tmp_path / "deep" / "b.mp3", 1.0)
    rows = [
        {"audio_filepath": "a.wav", "text": "one two", "duration": 1.0},
        {"audio_filepath": str(tmp_path / "a.wav"), "text": "one", "offset": 0.25, "duration": 0.5},
        {"audio_filepath": "deep/b.mp3", "text": "dré", "speaker": 7, "split": "dev", "lang": "en"},
    ]
    listed(tmp_path / "data.jsonl", *(json.dumps(row) for row in rows))
    corpus = read_recordings(tmp_path / "data.jsonl")
    assert said(corpus) == [("a", "one two", None, 1.0), ("a@0.25", "one", None, 0.5)]
    assert said(corpus, "validation")[0][:3] == ("b", "dré", "7")
    assert corpus.notes == ("Not used of data.jsonl: lang.",)
    np.testing.assert_array_equal(
        corpus.split("train")[1].samples(8000), read(tmp_path / "a.wav", 8000, start=0.25, end=0.75)
    )


def test_manifests_called_after_splits(tmp_path: Path) -> None:
    written(tmp_path / "a.wav")
    for name in ("train.jsonl", "test.jsonl"):
        listed(tmp_path / name, json.dumps({"audio_filepath": "a.wav", "text": name}))
    corpus = read_recordings(tmp_path)
    assert corpus.texts("train") == ["train.jsonl"]
    assert corpus.texts("test") == ["test.jsonl"]


def test_what_is_wrong_with_lines_of_a_manifest(tmp_path: Path) -> None:
    written(tmp_path / "a.wav", 1.0)
    lines = {
        '{"audio_filepath": "a.wav"}': "audio_filepath and text, text is missing; came audio_filepath",
        '{"audio_file": "a.wav", "text": "x"}': "audio_filepath is missing; came audio_file, text",
        "{}": "audio_filepath is missing; came none",
        '{"audio_filepath": "a.wav", "text": 5}': "expected 'text' with a string, came 5",
        '["a.wav", "x"]': "expected an object with audio_filepath and text, came list",
        '{"audio_filepath": "a.wav"': "no JSON",
        '{"audio_filepath": "a.wav", "text": "x", "duration": "1"}': "'duration' with seconds, came '1'",
        '{"audio_filepath": "a.wav", "text": "x", "offset": NaN}': "'offset' with seconds, came nan",
        '{"audio_filepath": "a.wav", "text": "x", "split": "tran"}': "unknown split 'tran'; did you mean",
        '{"audio_filepath": "a.wav", "text": "  "}': "its transcript is empty",
        '{"audio_filepath": "a.wav", "text": "x", "duration": 2.0}': (
            "should have 2 s and has 1.00 s at 16000 Hz. Is the rate in its header wrong (8000 Hz would fit)"
        ),
        '{"audio_filepath": "a.wav", "text": "x", "offset": 0.5, "duration": 2}': (
            "a piece from 0.5 to 2.5 s, the file has 1.00 s at 16000 Hz"
        ),
    }
    listed(tmp_path / "m.jsonl", *lines, '{"audio_filepath": "a.wav", "text": "fine"}')
    with pytest.raises(DataError) as caught:
        read_recordings(tmp_path / "m.jsonl")
    came = str(caught.value).splitlines()
    assert came[0].endswith("m.jsonl: 12 of 13 recordings cannot be used:")
    faults = sorted(came[1:-1], key=lambda line: int(line.partition("line ")[2].partition(":")[0]))
    for number, (fault, words) in enumerate(zip(faults, lines.values(), strict=True), 1):
        assert fault.startswith(f"  m.jsonl, line {number}: ")
        assert words in fault
    assert came[-1] == "Correct them, or go on with the others: skip_bad=True (--skip-bad)."


def test_a_text_beside_each_recording(tmp_path: Path) -> None:
    for name in ("train/a.wav", "train/deep/b.flac", "test/a.ogg"):
        listed(written(tmp_path / name).with_suffix(".txt"), "said in", f" {Path(name).stem}")
    listed(tmp_path / "README.txt", "How this was recorded")
    corpus = read_recordings(tmp_path)
    assert said(corpus) == [
        ("train/a", "said in a", None, 0.5),
        ("train/deep/b", "said in b", None, 0.5),
    ]
    assert said(corpus, "test")[0][:2] == ("test/a", "said in a")
    (tmp_path / "train" / "a.txt").unlink()
    listed(tmp_path / "train" / "z.txt", "lost")
    with pytest.raises(
        DataError, match=r"2 of 4 .*\n  train.a.wav: no text beside it .*\n  train.z.txt: no rec"
    ):
        read_recordings(tmp_path)


def test_all_missing_files_are_listed_and_can_be_left_out(tmp_path: Path) -> None:
    names = [f"r{number:03}" for number in range(120)]
    for name in names[::2]:
        written(tmp_path / "wavs" / f"{name}.wav")
    listed(tmp_path / "metadata.csv", *(f"{name}|word" for name in names))
    with pytest.raises(DataError) as caught:
        read_recordings(tmp_path)
    words = str(caught.value)
    assert "60 of 120 recordings cannot be used" in words
    assert [name for name in names if f"{name}.wav" in words] == names[1::2]
    corpus = read_recordings(tmp_path, skip_bad=True)
    assert [each.name for each in corpus.split("train")] == names[::2]
    assert corpus.notes == ()
    assert len(corpus.left_out) == 60
    assert f"no such file: {tmp_path / 'wavs' / 'r001.wav'}" in corpus.left_out[0]


def test_every_bad_recording_is_named_with_its_line(tmp_path: Path) -> None:
    written(tmp_path / "wavs" / "good.wav")
    written(tmp_path / "wavs" / "short.wav", 0.01)
    (tmp_path / "wavs" / "empty.wav").write_bytes(b"")
    (tmp_path / "wavs" / "text.wav").write_text("not audio", encoding="utf-8")
    content = (tmp_path / "wavs" / "good.wav").read_bytes()
    (tmp_path / "wavs" / "cut.wav").write_bytes(content[:1000])
    lines = ["good|a", "short|b", "empty|c", "text|d", "cut|e", "good|f", "g|h|i|j", "good"]
    listed(tmp_path / "metadata.csv", *lines)
    with pytest.raises(DataError) as caught:
        read_recordings(tmp_path)
    words = str(caught.value)
    for line, part in (
        (2, "at least 0.025 seconds, came 160 samples"),
        (3, "came an empty file"),
        (4, "expected audio"),
        (5, "it is cut short"),
        (6, "a second recording called good"),
        (7, "came 4 columns: 'g|h|i|j'"),
        (8, "came 1 columns: 'good'"),
    ):
        assert any(f"line {line}: " in each and part in each for each in words.splitlines()), part
    assert [each.text for each in read_recordings(tmp_path, skip_bad=True).split("train")] == ["a"]


def test_where_all_is_bad_nothing_is_left_to_go_on_with(tmp_path: Path) -> None:
    listed(tmp_path / "metadata.csv", "a|word")
    with pytest.raises(DataError, match=r"1 of 1 recordings cannot be used:\n.*no such file: .*a.wav$"):
        read_recordings(tmp_path, skip_bad=True)


@settings(max_examples=60)
@given(st.data())
def test_whatever_stands_in_a_list_is_read_or_said(data: st.DataObject) -> None:
    parts = st.sampled_from(
        [
            "a",
            "a.wav",
            "|",
            " ",
            "\t",
            "\n",
            '"',
            "{",
            "}",
            ":",
            ",",
            "é",
            "\r",
            "0.1",
            "-1",
            "nan",
            "..",
            "/",
        ]
    )
    text = st.lists(parts, max_size=40).map("".join)
    rows = st.fixed_dictionaries(
        {},
        optional={
            "audio_filepath": st.one_of(st.just("a.wav"), JSON),
            "text": st.one_of(st.just("word"), JSON),
            "duration": st.one_of(st.floats(), JSON),
            "offset": st.one_of(st.floats(), JSON),
            "speaker": JSON,
            "split": st.one_of(st.just("dev"), JSON),
        },
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder / "a.wav", 0.1)
        form = data.draw(st.sampled_from(["metadata.csv", "list.jsonl", "wav.scp", "a.txt"]))
        if form == "list.jsonl":
            listed(
                folder / form, *(json.dumps(row) for row in data.draw(st.lists(rows, min_size=1, max_size=4)))
            )
        else:
            listed(folder / form, data.draw(text))
        if form == "wav.scp":
            listed(folder / "text", data.draw(text))
            listed(folder / "segments", data.draw(text))
        try:
            corpus = read_recordings(folder, skip_bad=True)
        except DataError:
            return
        assert all(each.text and len(each.samples()) >= 400 for each in corpus.split("train"))


def test_what_is_no_list_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        InvalidArgument, match="called 'an5': no such file, folder or corpus; did you mean 'an4'"
    ):
        read_recordings("an5")
    with pytest.raises(DataError, match=r"or name\.txt beside name\.wav; came nothing"):
        read_recordings(tmp_path)
    listed(tmp_path / "list.xlsx", "x")
    with pytest.raises(InvalidArgument, match=r"expected metadata.csv .* came .xlsx"):
        read_recordings(tmp_path / "list.xlsx")
    listed(tmp_path / "mine" / "metadata.csv", "a|word")
    written(tmp_path / "mine" / "wavs" / "a.wav")
    monkeypatch.setenv("HIDDENSTATE_DATA", str(tmp_path))
    assert read_recordings("mine").texts("train") == ["word"]


def test_what_speaks_of_a_wrong_rate_is_noted(tmp_path: Path) -> None:
    for name, seconds, rate in (("a", 1.0, 16000), ("b", 0.5, 8000), ("c", 0.5, 16000)):
        written(tmp_path / "wavs" / f"{name}.wav", seconds, rate)
    listed(tmp_path / "metadata.csv", f"a|{'word ' * 7}", f"b|{'word ' * 4}", "c|word")
    corpus = read_recordings(tmp_path)
    assert corpus.rates() == {16000: 2, 8000: 1}
    assert corpus.notes == (
        "Recorded at several rates: 2 at 16000 Hz, 1 at 8000 Hz. Where headers are right, that does no harm.",
        "Over 30 letters a second, which nobody says: b (32). Is the recording cut short, its rate wrong, or "
        "the transcript another's?",
    )


def test_the_digest_is_of_what_was_read(tmp_path: Path) -> None:
    written(tmp_path / "wavs" / "a.wav")
    listed(tmp_path / "metadata.csv", "a|word")
    first = read_recordings(tmp_path).sha256
    assert read_recordings(tmp_path).sha256 == first
    written(tmp_path / "wavs" / "a.wav", 0.6)
    longer = read_recordings(tmp_path).sha256
    listed(tmp_path / "metadata.csv", "a|words")
    assert len({first, longer, read_recordings(tmp_path).sha256}) == 3
