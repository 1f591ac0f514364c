"""The front door: sorted names, each imported when it is asked for, and no torch before that."""

import subprocess
import sys

import pytest

import hiddenstate


def test_all_names_are_there_and_sorted():
    assert hiddenstate.__all__ == sorted(hiddenstate.__all__)
    for name in hiddenstate.__all__:
        assert getattr(hiddenstate, name).__class__ is not None
    public = {name for name in dir(hiddenstate) if not name.startswith("_")}
    modules = {name for name in public if type(getattr(hiddenstate, name)).__name__ == "module"}
    assert public - modules - {"annotations", "Any", "import_module"} == set(hiddenstate.__all__)


def test_names_are_the_ones_of_their_rooms():
    from hiddenstate.layers import LSTM, Recurrent

    assert (hiddenstate.LSTM, hiddenstate.Recurrent) == (LSTM, Recurrent)


def test_an_unknown_name_says_what_is_near():
    with pytest.raises(AttributeError, match="hiddenstate has no name 'Recurent'; did you mean 'Recurrent'"):
        _ = hiddenstate.Recurent


def test_importing_does_not_import_torch():
    check = "import sys, hiddenstate; hiddenstate.InvalidArgument; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
