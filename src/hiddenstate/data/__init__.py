"""Where sequences come from: corpora, splits, vocabularies and batches, in NumPy alone.

corpus.py      what a corpus is: labelled texts in splits
sources/       how each corpus or file format is read; `sources.read(name_or_path)`
store.py       where data with a name lies: your folder, the cache, or a download
textfile.py    bytes on disk -> text, or an error that names the byte
rows.py        the rows of any table -> a corpus
faults.py      what is wrong with a row: raised by who trains, kept by who checks
checks/        what would mislead training: findings on rows
tagged.py      what a corpus of tagged sentences is
schemes.py     tags of words <-> spans: IOB1, IOB2, IOBES, BILOU, BMES
tagged_rows.py the rows of any table -> tagged sentences
annotated.py   texts with marked values -> tagged sentences
yaml_nodes.py  YAML as a tree that knows its lines
pieces.py      text -> words that know where they stand in it
split.py       what to hold out where a file has no splits
words.py       text -> words, in any language
vocabulary.py  words -> ids, and hashed n-grams
spoken.py      what a corpus of recordings is
recordings.py  recordings with transcripts, by name or from a list; `recordings.read_recordings(name_or_path)`
manifests.py   the forms of such lists: LJSpeech, Kaldi, JSON lines, a text beside each
archives.py    archives of recordings -> folders in the cache
audio/         recordings -> features
batch.py       ids -> arrays, padded once, time first
"""
