"""Where sequences come from: corpora, splits, vocabularies and batches, in NumPy alone.

corpus.py      what a corpus is: labelled texts in splits
sources/       how each corpus or file format is read; `sources.read(name_or_path)`
store.py       where data with a name lies: your folder, the cache, or a download
textfile.py    bytes on disk -> text, or an error that names the byte
rows.py        the rows of any table -> a corpus
split.py       what to hold out where a file has no splits
vocabulary.py  text -> words -> ids, and hashed n-grams
batch.py       ids -> arrays, padded once, time first
"""
