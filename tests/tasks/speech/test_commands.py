"""Commands: the list, what is made to learn from, when one was said, what a threshold does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.spoken import Recording
from hiddenstate.errors import DataError, InvalidArgument
from hiddenstate.tasks.speech import SpeechSpec
from hiddenstate.tasks.speech.commands import shown
from hiddenstate.tasks.speech.commands.judging import Course, Heard, bound, surest
from hiddenstate.tasks.speech.commands.listed import Commands, read_commands
from hiddenstate.tasks.speech.commands.material import Noise, Shuffled, Strung, asked_of, strings
from hiddenstate.tasks.speech.commands.spotter import Answer, Spotted
from hiddenstate.tasks.speech.commands.spotting import Event, Spotting

STEP = 0.03


# --- the list ---


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "expected commands, one a line, came none"),
        ("\n  \n", "expected commands, one a line, came none"),
        ("on\n\noff\n", r"words.txt, line 2: expected a command, came ''"),
        ("on\n!?\n", r"line 2: expected a command, came '!\?'"),
        ("on\noff\n On. \n", r"line 3: 'On.' is the command of line 1 again"),
    ],
)
def test_a_list_that_is_none_names_its_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidArgument, match=words):
        read_commands(path)


def test_all_lines_that_are_no_commands_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("on\n\nzap\noff\nOn!\n", encoding="utf-8")
    with pytest.raises(InvalidArgument) as told:
        read_commands(path, lambda: ["on and on", "off"])
    assert str(told.value).splitlines() == [
        "3 of 5 lines are no commands that can be learned:",
        f"  {path}, line 2: expected a command, came ''; write one there, or take the line out",
        f"  {path}, line 3: 'zap' has 'p', 'z', which no training transcript has",
        f"  {path}, line 5: 'On!' is the command of line 1 again (capitals and punctuation make no "
        "difference); take one of them out",
    ]


def test_a_list_is_read_as_people_write_it(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffLights  on\r\nétoile\r\n\r\n".encode())
    assert read_commands(path) == ("Lights on", "étoile")
    with pytest.raises(DataError, match="there is no such file"):
        read_commands(tmp_path / "gone.txt")
    path.write_bytes("caf\xe9\n".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        read_commands(path)


def test_commands_are_found_in_transcripts_the_longest_first() -> None:
    commands = Commands(("lights", "Lights on", "on the left"))
    assert commands.said("LIGHTS ON the left") == ("Lights on",)
    assert commands.said("lights, on: lights off on the left!") == ("Lights on", "lights", "on the left")
    assert commands.reduced("the lights on") == "… Lights␣on"
    assert commands.said("light son") == ()
    assert commands.said("") == ()


def test_commands_that_nobody_says_are_named_with_their_lines() -> None:
    commands = Commands(("go", "stop", "zap", "go home"), "words.txt")
    commands_said = ["go", "stop now", "go", "home again"]
    with pytest.raises(DataError) as told:
        commands.check(commands_said)
    assert "2 of 4 commands cannot be learned" in str(told.value)
    assert "words.txt, line 3: 'zap' has 'z', which no training transcript has" in str(told.value)
    assert "words.txt, line 4: 'go home' is said in no training transcript" in str(told.value)
    Commands(("go", "stop")).check(commands_said)


def test_settings_that_cannot_be_with_commands_are_refused() -> None:
    spec = SpeechSpec.from_options({"data": "x", "commands": ("go", "stop")})
    assert (spec.symbols, spec.bidirectional, spec.language_model) == ("words", False, 0)
    assert SpeechSpec.from_run(spec.model_dump(mode="json"), "spec.json") == spec
    for name, value in (("bidirectional", True), ("symbols", "characters"), ("language_model", 3)):
        with pytest.raises(InvalidArgument, match=f"{name} is .* with them"):
            SpeechSpec.from_options({"data": "x", "commands": ("go",), name: value})
    with pytest.raises(InvalidArgument, match="line 2: 'GO' is the command of line 1 again"):
        SpeechSpec.from_options({"data": "x", "commands": ("go", "GO")})


# --- when one was said ---


def row(*shares: float) -> np.ndarray:
    """Log probabilities of a step: the blank has what the commands leave."""
    with np.errstate(divide="ignore"):
        return np.log([1 - sum(shares), *shares])


def last_said(probabilities: np.ndarray) -> np.ndarray:
    """P(the last symbol of a collapsed path is c), by walking through every path there is."""
    T, K = probabilities.shape
    found = np.zeros(K)
    for path in itertools.product(range(K), repeat=T):
        said = [symbol for symbol in path if symbol]
        if said:
            found[said[-1]] += np.prod(probabilities[range(T), path])
    return found[1:]


@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(2, 4))
def test_a_score_is_the_sum_over_all_paths_that_end_so(seed: int, T: int, K: int) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(K), T)
    spotting = Spotting(range(1, K), STEP)
    spotting.kept, spotting.wait = 1.0, 10**6  # nothing is forgotten, nothing answered
    spotting._decided = lambda scores: []  # type: ignore[method-assign]
    spotting.feed(np.log(probabilities))
    np.testing.assert_allclose(spotting.inside + spotting.behind, last_said(probabilities), atol=1e-12)


QUIET = [row(0.0, 0.0)] * 20


def spotted(rows: list[np.ndarray]) -> list[tuple[int, int, float]]:
    spotting = Spotting((1, 2), STEP)
    events = [*spotting.feed(np.array(rows)), *spotting.finish()]
    return [(event.command, event.step, round(event.score, 3)) for event in events]


def test_each_command_is_noted_once_however_long_it_sounds() -> None:
    assert spotted([*QUIET, row(0.9, 0.0), *QUIET]) == [(0, 20, 0.9)]
    assert spotted([*QUIET, *[row(0.97, 0.0)] * 60, *QUIET]) == [(0, 20, pytest.approx(0.99, abs=0.03))]
    assert spotted([*QUIET, row(0.9, 0.0), *QUIET, row(0.8, 0.0)]) == [(0, 20, 0.9), (0, 41, 0.8)]
    assert spotted([*QUIET, row(0.9, 0.0), row(0.0, 0.0), row(0.0, 0.8), *QUIET]) == [
        (0, 20, 0.9),
        (1, 22, 0.8),
    ]


def test_two_readings_of_one_sound_are_one_answer() -> None:
    assert spotted([*QUIET, row(0.3, 0.1), row(0.0, 0.6), *QUIET]) == [(1, 21, pytest.approx(0.65, abs=0.05))]
    assert spotted([*QUIET, row(0.6, 0.1), row(0.0, 0.3), *QUIET]) == [(0, 20, 0.6)]


def test_what_is_nearly_silence_never_adds_up() -> None:
    assert spotted([row(1e-4, 1e-4)] * 100_000) == []


@given(st.integers(0, 2**31), st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_however_steps_are_cut_the_events_are_the_same(seed: int, cuts: list[int]) -> None:
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet([8.0, 0.3, 0.3, 0.3], 60)
    rows = np.log(shares + 1e-9)
    whole, parts = Spotting((1, 2), STEP), Spotting((1, 2), STEP)
    expected = [*whole.feed(rows), *whole.finish()]
    edges = [0, *sorted(min(cut, 60) for cut in cuts), 60]
    found = [event for a, b in itertools.pairwise(edges) for event in parts.feed(rows[a:b])]
    assert [*found, *parts.finish()] == expected


# --- what is learned from ---


def recording(text: str, seconds: float = 0.5) -> Any:
    """A recording without a file: a tone."""
    return Tone(text, Path("none.wav"), text, seconds, rate=8000)


class Tone(Recording):
    def samples(self, rate: int = 16000) -> np.ndarray:
        return np.sin(np.arange(round(self.seconds * rate)) * (1 + len(self.text)) / 5).astype(np.float32)


def test_strings_hold_every_recording_once() -> None:
    asked = [replace(recording(f"r{number}"), text=f"c{number}") for number in range(40)]
    made = list(strings(asked, seed=1))
    assert sorted(word for each in made for word in each.text.split()) == sorted(each.text for each in asked)
    assert len(made) < 30
    for each in made[:5]:
        assert len(each.samples(8000)) / 8000 == pytest.approx(each.seconds, abs=0.002)
        np.testing.assert_array_equal(each.samples(8000), each.samples(8000))
    assert [each.text for each in strings(asked, seed=1)] == [each.text for each in made]


def test_where_nothing_else_is_said_it_is_made() -> None:
    commands = Commands(("go", "stop now"))
    asked, told = asked_of([recording("go")] * 6 + [recording("please stop now")] * 4, commands, seed=0)
    assert [each.text for each in asked] == ["go"] * 6 + ["… stop␣now"] * 4 + ["…"] * 3
    assert "0 of 10 recordings hold no command, so 3 were made" in told
    asked, told = asked_of([recording("go")] * 8 + [recording("why")] * 2, commands, seed=0)
    assert ([each.text for each in asked], told) == (["go"] * 8 + ["…"] * 2, "")


def test_made_sounds_are_as_loud_and_hold_no_command() -> None:
    tone = recording("go", 0.8)
    other = Shuffled(tone, "", seed=3)
    np.testing.assert_allclose(np.sort(other.samples(8000)), np.sort(tone.samples(8000)))
    assert np.abs(other.samples(8000) - tone.samples(8000)).max() > 0.5
    noise = Noise(0.7, seed=2).samples(8000)
    assert len(noise) == 5600
    assert 0.0009 < noise.std() < 0.11
    string = Strung("s", (tone, Noise(0.5, 0), tone), (0.1, 0.2, 0.0, 0.3), seed=0)
    assert (string.text, string.seconds) == ("go go", pytest.approx(2.7))


# --- what is shown ---


def test_command_score_and_time_are_of_one_event() -> None:
    found = (Spotted("five", 0.2, 0.030000000000000002), Spotted("seven", 0.9, 2.9099999999999997))
    answer, refused = Answer("a.wav", found, 0.9, 3.0004), Answer("b.wav", (), 0.123, 1.0)
    row = shown.values(answer)
    assert (row["command"], row["score"], row["time"], row["highest"]) == ("five", 0.2, 0.03, 0.9)
    assert row["seconds"] == 3.0
    assert row["commands"][1] == {"command": "seven", "score": 0.9, "time": 2.91}
    row = shown.values(refused)
    assert (row["command"], row["score"], row["time"], row["highest"]) == (None, None, None, 0.123)
    assert [cells[2:] for cells in shown.table([answer, refused]).rows] == [
        ("five, seven", "0.20, 0.90"), ("(no command)", "0.12"),
    ]  # fmt: skip


# --- what a threshold does ---


def course(*said: tuple[int, ...]) -> Course:
    """Recordings of one second with these commands, and a second of pause behind each."""
    parts = tuple(recording("x", 1.0) for _ in said)
    ends = tuple(2.0 * place for place in range(1, len(said) + 1))
    return Course(Strung("s", parts, (0.0, *[1.0] * len(said)), 0), said, ends)


def heard(said: list[tuple[int, ...]], found: list[list[tuple[int, float]]]) -> Heard:
    events = [[Event(command, score, 0) for command, score in row] for row in found]
    return Heard(course(*said), events, 0.0)


def test_misses_and_false_alarms_are_counted_as_by_hand() -> None:
    one = heard(
        [(0, 1), (2,), (), (), (1,)],
        [[(0, 0.9), (2, 0.6), (1, 0.8)], [(0, 0.95)], [(1, 0.7)], [], []],
    )
    low, high = one.tally(0.5), one.tally(0.85)
    assert (low.said, low.right, low.spare, low.alarms) == (4, 2, 1, 1)
    assert low.misses == 0.5
    assert low.hours == pytest.approx(4 / 3600)
    assert low.per_hour == pytest.approx(900)
    assert (high.right, high.spare, high.alarms) == (1, 0, 0)
    assert bound(low) == "900.0 an hour (1 in 4 seconds)"
    assert bound(high) == "none in 4 seconds: under 2700 an hour, with 95 % certainty"
    assert heard([(0,)], [[]]).tally(0.5).per_hour is None
    assert heard([()], [[]]).tally(0.5).misses is None


def test_events_belong_to_the_recording_in_which_they_end() -> None:
    events = [Event(0, 0.9, 10), Event(1, 0.9, 66), Event(2, 0.9, 70), Event(0, 0.9, 1000)]
    found = course((0,), (1,)).by_recording(events, STEP)
    assert [[event.step for event in row] for row in found] == [[10], [66, 70, 1000]]


def test_the_threshold_lies_between_what_may_pass_and_what_may_not() -> None:
    said = [(0,), (1,), (), ()]
    one = heard(said, [[(0, 0.99)], [(1, 0.95)], [(1, 0.8)], [(0, 0.2)]])
    assert 0.8 < one.chosen(most=0.0) < 0.95
    assert (one.tally(one.chosen(0.0)).alarms, one.tally(one.chosen(0.0)).misses) == (0, 0.0)
    # one in four seconds is allowed: nothing in the way from a half up to the highest of else
    assert 0.5 <= one.chosen(most=1000.0) < 0.8
    # nothing of the kind was heard: between a half and the faintest command
    assert 0.5 < heard(said, [[(0, 0.99)], [(1, 0.95)], [], []]).chosen(1.0) < 0.95
    # all else is louder than any command: nothing is answered rather than anything false
    loud = heard(said, [[(0, 0.6)], [], [(1, 0.9)], []])
    assert loud.tally(loud.chosen(0.0) + 1e-9).alarms == 0


def test_what_sounded_most_like_a_command_is_named() -> None:
    one = heard([(), (0,), ()], [[(0, 0.61), (1, 0.4)], [(0, 0.99), (1, 0.98)], [(1, 0.97)]])
    assert [(score, command) for score, _, command in one.wrong()] == [(0.97, 1), (0.61, 0), (0.4, 1)]
    told = surest(one, ("go", "stop now"))
    assert told == "What sounded most like a command and is none: x (stop now, 0.970), x (go, 0.610)."
    assert surest(heard([(), (0,)], [[(0, 0.5)], [(1, 0.99)]]), ("go", "stop now")) == ""


def test_a_course_lays_each_recording_once() -> None:
    commands = Commands(("go", "stop now"))
    parts = [
        replace(recording("r", 0.5 + number / 10), text=text)
        for number, text in enumerate(("go", "… …", "stop␣now … go"))
    ]
    laid = Course.of(parts, commands, seed=4)
    assert sorted(laid.said) == [(), (0,), (1, 0)]
    assert laid.count == 3
    assert laid.ends[-1] == pytest.approx(laid.stream.seconds)
    silent = laid.said.index(())
    assert 0.6 + 0.5 <= 3600 * laid.hours <= 0.6 + 1.0
    assert laid.stream.parts[silent].text == "… …"
