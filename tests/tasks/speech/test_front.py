"""The convolutions before the cells: NumPy computes what torch learned, step by step or at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hiddenstate.tasks.speech import SpeechSpec
from hiddenstate.tasks.speech.front import AT_ONCE, front_shapes, front_width, steps_of
from hiddenstate.tasks.speech.model import SpeechModel
from hiddenstate.tasks.speech.reader import Listening, Reader

SYMBOLS = 5


def model(**settings: Any) -> SpeechModel:
    """A model that knows nothing, with biases that are not 0."""
    torch.manual_seed(0)
    usual = {"data": "x", "mels": 20, "hidden": 6, "layers": 1, "convolved": 4}
    module = SpeechModel(SpeechSpec.from_options({**usual, **settings}), SYMBOLS)
    for name, value in module.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(value)
    return module.eval()


def frames_of(count: int, module: SpeechModel) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, module.spec.features.width)).astype(np.float32)


@pytest.mark.parametrize(
    "settings",
    [{}, {"deltas": 2}, {"mels": 13, "reduce": 1}, {"reduce": 4, "convolved": 7}, {"mels": 4, "reduce": 2}],
)
def test_it_is_torchs_convolution_over_the_whole_recording(settings: dict[str, Any]) -> None:
    """Not window by window, but over one picture [planes, frames, mels], the ends padded once."""
    module = model(**settings)
    spec, reader = module.spec, module.reader()
    frames = frames_of(7 * spec.reduce, module)
    picture = torch.from_numpy(frames).reshape(len(frames), -1, spec.mels).transpose(0, 1)[None]
    own = module.front
    early = torch.conv2d(picture, own.early.weight, own.early.bias, stride=(1, 2), padding=(2, 2)).relu()
    late = torch.conv2d(early, own.late.weight, own.late.bias, stride=(spec.reduce, 2), padding=(0, 1)).relu()
    wanted = late[0].permute(1, 0, 2).flatten(1).detach().numpy()
    assert wanted.shape == (7, front_width(spec))
    np.testing.assert_allclose(reader.steps(frames), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5, 31])
@pytest.mark.parametrize("settings", [{}, {"convolved": 0}, {"deltas": 1}], ids=str)
def test_the_scores_are_those_of_the_model_that_learns(count: int, settings: dict[str, Any]) -> None:
    module = model(**settings)
    frames = frames_of(count, module)
    steps = torch.from_numpy(steps_of(frames, module.spec.reduce, module.spec.around))[:, None]
    with torch.no_grad():
        wanted = module(steps, torch.tensor([len(steps)]))[:, 0].numpy()
    np.testing.assert_allclose(module.reader().scores([frames])[0], wanted, atol=2e-5)


@pytest.mark.parametrize("settings", [{}, {"convolved": 0}, {"reduce": 1}, {"reduce": 5}], ids=str)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7, 23])
def test_however_a_recording_is_cut_its_steps_are_the_same(count: int, settings: dict[str, Any]) -> None:
    module = model(bidirectional=False, **settings)
    reader, frames = module.reader(), frames_of(count, module)
    whole = reader.scores([frames])[0] if count else np.zeros((0, SYMBOLS))
    for size in (1, 2, 3, 7):
        listening = Listening(reader)
        found = [listening.feed(frames[at : at + size]) for at in range(0, count, size)]
        found.append(listening.finish())
        np.testing.assert_array_equal(np.concatenate(found), whole)


def test_a_long_recording_is_convolved_part_by_part() -> None:
    module = model()
    reader = module.reader()
    frames = frames_of(3 * (AT_ONCE + 40), module)
    whole = reader.steps(frames)
    assert len(whole) == AT_ONCE + 40
    np.testing.assert_array_equal(whole[-9:-1], reader.steps(frames[-90:])[-9:-1])


def test_without_it_the_frames_are_read_as_they_are() -> None:
    module = model(convolved=0)
    assert front_shapes(module.spec) == {}
    frames = frames_of(6, module)
    np.testing.assert_array_equal(module.reader().steps(frames), frames.reshape(2, -1))


def test_a_reader_has_a_copy_of_the_weights() -> None:
    module = model()
    reader = module.reader()
    assert isinstance(reader, Reader)
    before = reader.parameters["front.early.weight"].copy()
    with torch.no_grad():
        module.front.early.weight.add_(1.0)
    np.testing.assert_array_equal(reader.parameters["front.early.weight"], before)
