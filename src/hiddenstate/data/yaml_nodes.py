"""YAML as a tree that knows its lines. Nothing is built of it but strings: no tag is ever followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hiddenstate.errors import DataError, require

DEEPEST = 40  # levels; NLU data has five
PLAIN = {
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq", "int", "float", "bool", "null", "timestamp")
}


def load(text: str, where: str) -> dict[str, Any]:
    """Read one document, and give the nodes under its keys.

    Raises DataError with the line for what is no YAML, a key given twice, an alias or a tag (`!include`,
    `!!python/...`), nesting without end, and a document that is no mapping.
    """
    require("yaml", "reading YAML", extra="train")
    import yaml

    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > DEEPEST:
                what = (
                    f"the alias *{event.anchor}" if isinstance(event, yaml.AliasEvent) else f"{depth} levels"
                )
                raise DataError(
                    f"{where}, line {event.start_mark.line + 1}: expected plain lists and keys, came {what}. "
                    "Write it out."
                )
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        cure = " Indent with spaces, not with tabs." if "\\t" in str(problem) else ""
        raise DataError(
            f"{where}{place}: expected YAML, came something that is not ({problem}).{cure}"
        ) from error
    if root is None or root.tag == "tag:yaml.org,2002:null":
        raise DataError(f"{where}: expected keys such as `nlu`, came an empty document. Was it saved?")
    _check(root, where)
    return mapping(root, where, "keys such as `nlu`")


def _check(root: Any, where: str) -> None:
    """Raise DataError for a tag, or a key that stands twice in the same mapping."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.tag not in PLAIN:
            raise DataError(
                f"{where}, line {line(node)}: expected plain text, lists and keys, came the tag "
                f"{node.tag!r}. Take it out; nothing in a data file is executed."
            )
        if node.id == "mapping":
            seen: dict[str, int] = {}
            for key, value in node.value:
                name = str(key.value)
                if name in seen:
                    raise DataError(
                        f"{where}, line {line(key)}: the key {name!r} stands there twice (first in line "
                        f"{seen[name]}). Join the two, or rename one."
                    )
                seen[name] = line(key)
                waiting += [key, value]
        elif node.id == "sequence":
            waiting += node.value


def line(node: Any) -> int:
    """The line, from 1, in which a node begins."""
    return int(node.start_mark.line) + 1


def is_list(node: Any) -> bool:
    """Whether a node is a list."""
    return bool(node.id == "sequence")


def is_text(node: Any) -> bool:
    """Whether a node is neither list nor mapping."""
    return bool(node.id == "scalar")


def size(node: Any) -> int:
    """How many entries a node has."""
    return 1 if is_text(node) else len(node.value)


def plain(node: Any) -> str:
    """The text of a node; raises DataError for a list or a mapping."""
    if not is_text(node):
        raise DataError(f"{node.start_mark.name}, line {line(node)}: expected a text, came a {node.id}.")
    return str(node.value)


def mapping(node: Any, where: str, what: str) -> dict[str, Any]:
    """The nodes under the keys of a mapping; raises DataError for anything else than `what`."""
    if node.id != "mapping":
        raise DataError(
            f"{where}, line {line(node)}: expected {what}, came a {node.id}. Check the indentation."
        )
    return {str(key.value): value for key, value in node.value}


def items(node: Any, where: str, what: str) -> list[Any]:
    """The nodes of a list; raises DataError for anything else than `what`."""
    if not is_list(node):
        raise DataError(
            f"{where}, line {line(node)}: expected {what}, came a {node.id}. Begin each with a dash."
        )
    return list(node.value)


def lines(node: Any, where: str) -> Iterator[tuple[str, int]]:
    """The lines of a block of text (`|`), each with its line in the file.

    Raises DataError for a block that joins its lines (`>`, or none).
    """
    written = plain(node).split("\n")
    if node.style == "|":
        # the block begins in the line after its sign
        yield from ((each, line(node) + number) for number, each in enumerate(written, start=1))
    elif len([each for each in written if each.strip()]) == 1 and node.end_mark.line == node.start_mark.line:
        yield written[0], line(node)
    else:
        raise DataError(
            f"{where}, line {line(node)}: expected a block of lines, `examples: |`, came one that joins its "
            "lines. Write the sign | behind `examples:`."
        )
