"""Exact-match scores of chunks, written from the definition of CoNLL's conlleval script.

A chunk begins at B-, and at an I- whose word before is outside, or of another type. It ends where the next
word is outside, begins a chunk, or is of another type. It is right where type and both ends are right.
"""

from __future__ import annotations


def chunks(tags: list[str]) -> set[tuple[str, int, int]]:
    def kind(i: int) -> tuple[str, str]:
        if not 0 <= i < len(tags) or tags[i] == "O":
            return "O", ""
        prefix, name = tags[i].split("-", 1)
        return prefix, name

    def begins(i: int) -> bool:
        prefix, name = kind(i)
        before, before_name = kind(i - 1)
        return prefix == "B" or (prefix == "I" and (before == "O" or before_name != name))

    found = set()
    for i in range(len(tags)):
        if begins(i):
            end = i
            while kind(end + 1)[0] == "I" and kind(end + 1)[1] == kind(i)[1] and not begins(end + 1):
                end += 1
            found.add((kind(i)[1], i, end + 1))
    return found


def scores(truth: list[list[str]], given: list[list[str]]) -> dict[str, float]:
    right = asked = answered = 0
    for gold, guess in zip(truth, given, strict=True):
        right += len(chunks(gold) & chunks(guess))
        asked += len(chunks(gold))
        answered += len(chunks(guess))
    precision = right / answered if answered else 0.0
    recall = right / asked if asked else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "right": right}
