"""Where data with a name lies: your own folder, the cache, or a download with its checksum.

`$HIDDENSTATE_DATA/<name>/<file>` comes first and is taken as it is: it is yours. The cache comes next, in
`$HIDDENSTATE_CACHE` or where the user's caches lie, filled by a download from the address below. A file gets
its name there only once its checksum is right, so whatever interrupts a download leaves nothing that looks
whole.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hiddenstate.errors import DataError, InvalidArgument, MissingExtra, nearest

VARIABLE = "HIDDENSTATE_DATA"
CACHE_VARIABLE = "HIDDENSTATE_CACHE"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on the net: its address and the SHA-256 of its bytes."""

    url: str
    sha256: str


_CLINC = "https://raw.githubusercontent.com/clinc/oos-eval/828f8093932c8fe6ca7936c3d2e52903b1c523de/data/"
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_OPENSLR = "https://www.openslr.org/resources/"
REMOTES: Mapping[str, Mapping[str, Remote]] = {
    "clinc150": {
        "data_full.json": Remote(
            _CLINC + "data_full.json", "36923c3705a59e08fe9c3883d8bc2dd966ef93e22cb78ac41171782a698d56e0"
        ),
    },
    "mnist": {
        f"{part}-ubyte.gz": Remote(f"{_MNIST}{part}-ubyte.gz", sha256)
        for part, sha256 in {
            "train-images-idx3": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        }.items()
    },
    "yesno": {
        "waves_yesno.tar.gz": Remote(
            _OPENSLR + "1/waves_yesno.tar.gz",
            "c3f49e0cca421f96b75b41640749167b52118f232498667ca7a5f9416aef8e73",
        ),
    },
}


def own_folder() -> Path | None:
    """Return the folder that $HIDDENSTATE_DATA names, or None where it is not set.

    Raises DataError where it is set to something that is no folder.
    """
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"${VARIABLE} should name a folder with your data, came {value!r}. Correct or unset it."
        )
    return folder


def locate(dataset: str, file: str) -> Path:
    """Return where a known file of a data set lies, downloading it into the cache where it must.

    Raises InvalidArgument for a file that is not in `REMOTES`, DataError where the download fails or brings
    other bytes, MissingExtra where pooch is not installed.
    """
    if dataset not in REMOTES:
        raise InvalidArgument(
            f"no address is known for the data set {dataset!r}; {nearest(dataset, REMOTES)}"
        )
    if file not in REMOTES[dataset]:
        raise InvalidArgument(f"{dataset} has no file {file!r}; {nearest(file, REMOTES[dataset])}")
    own = own_folder()
    if own is not None and (own / dataset / file).is_file():
        return own / dataset / file
    return fetch(REMOTES[dataset][file], cache_folder() / dataset / file)


def own_table(name: str, suffixes: Sequence[str]) -> Path | None:
    """Look in $HIDDENSTATE_DATA for `<name><suffix>` or a folder `<name>` with one such file; else None.

    Raises DataError where several files would do.
    """
    own = own_folder()
    if own is None:
        return None
    found = [own / f"{name}{suffix}" for suffix in suffixes if (own / f"{name}{suffix}").is_file()]
    if (own / name).is_dir():
        found += sorted(path for path in (own / name).iterdir() if path.suffix.lower() in suffixes)
    if len(found) > 1:
        listed = ", ".join(str(path) for path in found[:5])
        raise DataError(f"{name!r} could be any of {len(found)} files: {listed}. Give the path of one.")
    return found[0] if found else None


def cache_folder() -> Path:
    """Return the folder $HIDDENSTATE_CACHE, else the cache of this user as the platform places it."""
    if value := os.environ.get(CACHE_VARIABLE):
        return Path(value).expanduser()
    return Path(_pooch().os_cache("hiddenstate"))


def fetch(remote: Remote, target: Path) -> Path:
    """Download one file to `target`, unless it is there already with the right checksum.

    Raises DataError where the download fails or brings other bytes; `target` is then as it was before.
    """
    if target.is_file() and _sha256(target) == remote.sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        _pooch().HTTPDownloader(chunk_size=1 << 16, timeout=30)(remote.url, part, None)
        came = _sha256(part)
        if came != remote.sha256:
            raise DataError(
                f"{remote.url}: expected a file with SHA-256 {remote.sha256}, came {came} "
                f"({part.stat().st_size} bytes). It was not kept. Try again; if it stays so, the file has "
                f"changed or something on the way alters it. {_by_hand(target)}"
            )
        os.replace(part, target)
    except OSError as error:  # requests' errors are OSErrors too, and keep the connection of a refusal open
        if (answer := getattr(error, "response", None)) is not None:
            answer.close()
        raise DataError(f"{remote.url}: could not be downloaded ({error}). {_by_hand(target)}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _by_hand(target: Path) -> str:
    place = f"${VARIABLE}/{target.parent.name}/{target.name}"
    return f"You can also fetch it by other means, put it at {place} and set {VARIABLE}."


def _sweep(target: Path) -> None:
    """Remove what downloads killed an hour or more ago left behind; a younger one may still be running."""
    for part in target.parent.glob(f"{target.name}.*.part"):
        if time.time() - part.stat().st_mtime > 3600:
            part.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pooch():  # type: ignore[no-untyped-def]
    try:
        import pooch
    except ImportError as error:
        raise MissingExtra(
            "looking up data by name needs pooch. Install it with: pip install 'hiddenstate[train]'"
        ) from error
    return pooch
