"""Texts as snapshots: TF-IDF of words and letters, and a logistic regression. The rival of every reader."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union

MOST_WEIGHTS = 40_000_000  # the solver keeps some twenty numbers for each
WORD = re.compile(r"\b\w\w+\b")


def pipeline_for(texts: Sequence[str], labels: int = 1) -> Pipeline:
    """The unfitted pipeline for such texts; without words in scikit-learn's sense it reads letters alone.

    For very many labels it reads the most frequent n-grams, so that its weights stay within `MOST_WEIGHTS`.
    """
    # to scikit-learn a word has two letters or more, and a file of emoji or of Chinese may have none
    with_words = any(WORD.search(text) for text in texts)
    most = MOST_WEIGHTS // (2 * labels)
    words = [TfidfVectorizer(ngram_range=(1, 2), max_features=most)] if with_words else []
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), max_features=most)
    return make_pipeline(make_union(*words, letters), LogisticRegression(C=10, max_iter=300))


def size(pipeline: Any) -> int:
    """What a fitted pipeline's numbers would take on disk, as 32-bit floats, with its list of n-grams."""
    model = pipeline[-1]
    vectorisers = [vectoriser for _, vectoriser in pipeline[0].transformer_list]
    grams = sum(len(gram.encode()) + 4 for each in vectorisers for gram in each.vocabulary_)
    rarity = sum(each.idf_.size for each in vectorisers)
    return int(4 * (model.coef_.size + model.intercept_.size + rarity) + grams)
