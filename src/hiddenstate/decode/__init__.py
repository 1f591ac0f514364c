"""HOW DO SCORES BECOME SYMBOLS? A network gives every frame a probability for each symbol; these read it.

ctc.py         what CTC says of a target: fewest frames, score, best alignment, loss
greedy.py      the best symbol of every frame
beam.py        prefix beam search, whole or as frames arrive
prefixes.py    the prefixes that it holds, one frame further
history.py     sequences that share their beginnings
decoded.py     an answer: symbols, scores, times, words
alphabet.py    the texts of symbols, and where words begin
grammar.py     what language adds to every next symbol
lexicon.py     a closed list of words
ngram.py       a language model that counts
"""

from hiddenstate.decode.alphabet import Alphabet
from hiddenstate.decode.beam import BeamStream, PrefixBeam
from hiddenstate.decode.ctc import align, collapse, fewest_frames, forward_score
from hiddenstate.decode.decoded import Decoded, Word
from hiddenstate.decode.greedy import greedy
from hiddenstate.decode.lexicon import Lexicon
from hiddenstate.decode.ngram import NGram

__all__ = [
    "Alphabet",
    "BeamStream",
    "Decoded",
    "Lexicon",
    "NGram",
    "PrefixBeam",
    "Word",
    "align",
    "collapse",
    "fewest_frames",
    "forward_score",
    "greedy",
]
