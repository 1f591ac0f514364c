"""A view's page stands alone, says what the view says, and runs nothing that a text brings along."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.lens import Named, View

EVIL = ["</script><script>alert(1)</script>", "<b onload=x>", "&amp;", "]]>", "<!-- <script>", "\u2028'\""]


class Parsed(HTMLParser):
    """What is in a page: elements with their attributes, and the text inside each kind of element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.inside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while tag in self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in set(self.inside):
            self.texts[tag][-1] += data


def memory(words: list[str]) -> View:
    values = np.tril(np.arange(1.0, len(words) ** 2 + 1).reshape(len(words), len(words)))
    labels = {"step": words, "input": words}
    facts = {"verdict": f"It still holds {words[0]}.", "text": " ".join(words), "share": 1 / 3, "seen": True}
    reading = ("A row is a step.", f"A column is a word such as {words[-1]}.")
    array = Named(values, ("step", "input"), labels, "share")
    return View(f"Memory of {words[0]}", {"share": array}, facts, reading)


@pytest.mark.parametrize("words", [["what", "time"], EVIL, ["كم", "الساعة"]], ids=["plain", "evil", "arabic"])
def test_it_says_what_the_view_says(words: list[str]) -> None:
    view = memory(words)
    found = Parsed(view.html())
    assert found.texts["h1"] == [view.title]
    assert found.texts["title"] == [view.title]
    assert found.texts["p"][0] == view.facts["verdict"]
    assert found.texts["p"][1:3] == list(view.reading)
    assert found.texts["dt"] == ["text", "share", "seen"]
    assert found.texts["dd"] == [" ".join(words), "0.3333", "yes"]
    assert found.texts["th"] == ["", *words, *words]
    assert [float(cell) for cell in found.texts["td"]] == view.arrays["share"].values.reshape(-1).tolist()
    assert [json.loads(text) for text in found.texts["script"]] == [view.as_dict()]


def test_a_text_cannot_break_out() -> None:
    page = memory(EVIL).html()
    found = Parsed(page)
    scripts = [attributes for tag, attributes in found.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "view"}]
    assert page.lower().count("</script") == 1
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    assert "<!--" not in page.split("</svg>")[1]


def test_it_asks_nothing_of_the_network() -> None:
    found = Parsed(memory(["what", "time"]).html())
    for tag, attributes in found.elements:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "action", "data", "srcset"):
                assert (value or "").startswith(("#", "data:image/png;base64,")), (tag, name, value)
            assert "url(" not in (value or "") or "url(#" in (value or "")
    assert "link" not in {tag for tag, _ in found.elements}
    style = found.texts["style"][0]
    assert re.search(r"url\(|@import|http", style) is None
    policies = [each["content"] for tag, each in found.elements if tag == "meta" and "http-equiv" in each]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_light_dark_paper_and_directions() -> None:
    found = Parsed(memory(["كم", "الساعة", "שלום"]).html())
    style = found.texts["style"][0]
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    ways = [(each.get("dir"), each.get("lang")) for tag, each in found.elements if tag == "bdi"]
    assert ("rtl", "und-Arab") in ways
    assert ("rtl", "und-Hebr") in ways
    assert next(each for tag, each in found.elements if tag == "html") == {"lang": "en"}
    assert next(each for tag, each in found.elements if tag == "figure")["aria-label"] == "Memory of كم"


def test_large_tables_are_shortened_and_say_so() -> None:
    values = np.arange(2 * 60 * 30).reshape(2, 60, 30)
    labels = {"layer": [1, 2], "step": range(60), "unit": range(30)}
    view = View("t", {"h": Named(values, ("layer", "step", "unit"), labels, "value")})
    found = Parsed(view.html())
    assert found.texts["caption"] == [f"h · layer {n} (down: step, across: unit, value)" for n in (1, 2)]
    assert len(found.texts["td"]) == 2 * 50 * 24
    assert found.texts["td"][24 * 50] == "1800"
    more = [text for text in found.texts["p"] if "rows" in text]
    assert more[0].startswith("60 rows and 30 columns; the first are shown, all of them are in the JSON")
    assert json.loads(found.texts["script"][0])["arrays"]["h"]["values"] == values.tolist()


def test_the_longest_arrays_are_left_to_the_command_line() -> None:
    values = np.zeros((401, 500))
    view = View("t", {"h": Named(values, ("step", "unit"), {"step": range(401), "unit": range(500)})})
    page = view.html()
    assert len(page) < 500_000
    found = Parsed(page)
    inside = json.loads(found.texts["script"][0])["arrays"]["h"]
    assert (inside["values"], inside["left_out"]) == (None, 200_500)
    assert (
        "401 rows and 500 columns; the first are shown, all of them are in what --csv" in found.texts["p"][-1]
    )


def test_numbers_that_are_none_and_arrays_of_no_and_one_axis() -> None:
    arrays = {
        "span": Named(np.array(4.5), (), {}, "steps"),
        "norm": Named(np.array([1.0, np.nan]), ("layer",), {"layer": ["a", "b"]}, "norm"),
    }
    found = Parsed(View("t", arrays, {"bad": float("nan")}).html())
    assert "span: 4.5 steps" in found.texts["p"]
    assert found.texts["td"] == ["1", "nan"]
    assert found.texts["dd"] == ["-"]


@pytest.mark.slow
def test_a_browser_shows_it_and_refuses_nothing(tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium is installed to look at the page with")
    path = tmp_path / "page.html"
    path.write_text(memory(EVIL).html(), encoding="utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path}",
    ]
    done = subprocess.run(
        [browser, *options, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    assert "Content Security Policy" not in done.stderr, "a part of the page is not shown"
    seen = Parsed(done.stdout)
    assert [tag for tag, _ in seen.elements].count("script") == 1
    assert seen.texts["th"] == ["", *EVIL, *EVIL]


def test_facts_in_rows_are_a_table() -> None:
    rows = [
        {"unit": 3, "span": 2.5, "before": ["what", "<time>"], "by": [{"word": "a", "value": 0.25}] * 2},
        {"unit": 4, "span": None, "before": [], "by": []},
    ]
    view = View("t", {"x": Named(np.ones(1), ("step",), {"step": [1]})}, {"longest_units": rows, "n": [1, 2]})
    page = Parsed(view.html())
    captions = [text for text in page.texts["caption"] if text == "longest units"]
    assert captions == ["longest units"]
    cells = page.texts["td"][:8]
    assert cells == ["3", "2.5", "what <time>", "a · 0.25a · 0.25", "4", "-", "", ""]
    assert "1, 2" in page.texts["dd"]


def test_facts_are_in_words() -> None:
    facts = {
        "diverged": [],
        "left_out": (),
        "limits": {"vanishing_below": 0.01},
        "main": {"lstm_projected": "h"},
    }
    found = Parsed(View("t", {}, facts).html())
    assert found.texts["dt"] == ["diverged", "left out", "limits", "main"]
    assert found.texts["dd"] == ["none", "none", "vanishing below: 0.01", "lstm_projected: h"]
