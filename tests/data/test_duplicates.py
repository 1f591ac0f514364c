"""Near-duplicates: what counts as one, and that nearly all are found."""

import random

import numpy as np

from hiddenstate.data.duplicates import SIMILAR, groups_of, similarity

WORDS = [
    "alarm",
    "bank",
    "call",
    "day",
    "east",
    "fork",
    "gold",
    "hour",
    "ink",
    "june",
    "kite",
    "lamp",
    "moon",
    "nine",
    "oven",
]


def test_case_punctuation_order_and_small_changes_make_no_new_group():
    texts = [
        "Set an alarm for six",
        "set an alarm, for SIX!",
        "for six set an alarm",
        "please change the pin on my bank of america account to be 1234",
        "what is the weather",
        "change the pin on my bank of america account to be 1234",
        "?!",
        "...",
        "?!",
    ]
    assert groups_of(texts) == [0, 0, 0, 1, 2, 1, 3, 4, 3]
    assert groups_of([]) == []


def test_similarity_is_the_share_of_common_n_grams():
    assert similarity("abcd", "abcd") == 1.0
    assert similarity("abcd", "wxyz") == 0.0
    assert similarity("abcdef", "abcdeg") == 3 / 7  # " abc" "abcd" "bcde" of "cdef" "def " "cdeg" "deg "


def test_nearly_all_similar_pairs_of_a_larger_set_are_joined():
    generator = random.Random(0)
    texts = [" ".join(generator.choices(WORDS, k=12)) for _ in range(300)]
    for text in texts[:200]:
        words = text.split()
        words[generator.randrange(12)] = generator.choice(WORDS)
        texts.append(" ".join(words))
    groups = np.array(groups_of(texts))
    pairs = [(i, j) for i in range(500) for j in range(i) if similarity(texts[i], texts[j]) >= SIMILAR]
    assert len(pairs) > 50
    assert all(groups[i] == groups[j] for i, j in pairs)
    apart = [(i, j) for i in range(300) for j in range(i) if groups[i] == groups[j]]
    assert all(sorted(texts[i].split()) == sorted(texts[j].split()) or (i, j) in pairs for i, j in apart)
