"""The built-in starter set: a personal assistant's intents, written by hand, with a fixed split."""

from __future__ import annotations

import csv
import hashlib
import io
from importlib import resources

from hiddenstate.data import textfile
from hiddenstate.data.corpus import Corpus
from hiddenstate.data.rows import Table, corpus_of


def read() -> Corpus:
    """Read the starter set that comes with the package; its out-of-scope label is `out_of_scope`."""
    found, sha256 = table()
    return corpus_of(found, "starter", sha256)


def table() -> tuple[Table, str]:
    """Read the rows of the starter set, and its SHA-256."""
    content = (resources.files("hiddenstate.data") / "starter" / "intents.csv").read_bytes()
    header, *rows = csv.reader(io.StringIO(textfile.decode(content, "starter"), newline=""))
    table = Table("starter", tuple(header), rows, range(2, len(rows) + 2), "line", header=1)
    return table, hashlib.sha256(content).hexdigest()
