"""AN4, census data spelled and spoken (Carnegie Mellon University, 1991): 948 training recordings, 74
speakers."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from hiddenstate.data import archives, store, textfile
from hiddenstate.data.audio.reading import described
from hiddenstate.data.spoken import Recording, SpokenCorpus
from hiddenstate.errors import DataError

CURE = (
    "Get it with: git clone https://github.com/cmusphinx/an4 (42 minutes of training recordings), name that "
    "folder an4, and set HIDDENSTATE_DATA to the folder it is in."
)
PARTS = {"train": ("an4_train", "wav.tar.xz"), "test": ("an4_test", "wav.tar.xz")}
LINE = re.compile(r"(?:<s>)?(.*?)(?:</s>)?\s*\((\S+)\)")


def read() -> SpokenCorpus:
    """Read the training recordings, and those of the official test where its lists lie beside them.

    Raises DataError where AN4 is not in $HIDDENSTATE_DATA, or recordings and transcripts do not match.
    """
    own = store.own_folder()
    lists = own / "an4" / "etc" if own is not None else None
    if lists is None or not (lists / "an4_train.fileids").is_file():
        raise DataError(f"an4: expected an4/etc/an4_train.fileids in ${store.VARIABLE}, came none. {CURE}")
    wavs = archives.folder("an4", "wav", ("wav.tar.xz", "wav.tar.gz", "wav.tar"), CURE)
    digest = hashlib.sha256()
    splits = {"train": _part(lists, "an4_train", wavs, digest)}
    if (lists / "an4_test.fileids").is_file():
        splits["test"] = _part(lists, "an4_test", wavs, digest)
    return SpokenCorpus("an4", splits, digest.hexdigest())


def _part(lists: Path, part: str, wavs: Path, digest: hashlib._Hash) -> tuple[Recording, ...]:
    """Read one part: two files that go side by side, line by line."""
    files = [lists / f"{part}.fileids", lists / f"{part}.transcription"]
    contents = [textfile.load(file) for file in files]
    names, said = (
        textfile.decode(content, str(file)).splitlines()
        for content, file in zip(contents, files, strict=True)
    )
    digest.update(b"".join(contents))
    if len(names) != len(said):
        raise DataError(
            f"{files[1]}: expected {len(names)} transcripts, as {files[0].name} has names, came {len(said)}."
        )
    recordings, missing = [], []
    for number, (name, line) in enumerate(zip(names, said, strict=True), 1):
        found = LINE.fullmatch(line.strip())
        if found is None or found[2] != name.rpartition("/")[2]:
            raise DataError(
                f"{files[1]}, line {number}: expected <s> WORDS </s> ({name.rpartition('/')[2]}), came "
                f"{line!r}."
            )
        path = wavs / f"{name}.wav"
        if not path.is_file():
            missing.append(str(path))
            continue
        told = described(path)
        digest.update(str(told.samples).encode())
        recordings.append(
            Recording(
                found[2], path, " ".join(found[1].split()), told.seconds, name.split("/")[-2], rate=told.rate
            )
        )
    if missing:
        listed = "\n  ".join(missing)
        raise DataError(f"{files[0]}: {len(missing)} recordings are missing:\n  {listed}\n{CURE}")
    return tuple(recordings)
