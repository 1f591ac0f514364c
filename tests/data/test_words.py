"""Text -> words in any language: exact cases, Unicode's own examples, and laws over all texts."""

from __future__ import annotations

import pickle
import subprocess
import sys
import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from hiddenstate.data import words
from hiddenstate.data.words import FIRST, MOST_MARKS, Tokeniser, clip, tokenise
from hiddenstate.errors import InvalidArgument

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
TURKISH = Tokeniser(turkish=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What's the time?", ["what's", "the", "time", "?"]),
        ("rock 'n' roll", ["rock", "'", "n", "'", "roll"]),
        (
            "say 'i am' in the 1980’s, o’clock",
            ["say", "'", "i", "am", "'", "in", "the", "1980's", ",", "o'clock"],
        ),
        ("é $5.20 at 7:30pm", ["é", "$", "5", ".", "20", "at", "7", ":", "30pm"]),
        (
            "naïve_case, e-mail hello.World",
            ["naïve", "_", "case", ",", "e", "-", "mail", "hello", ".", "world"],
        ),
        ("¿Qué? «ja» … 5€ 20°", ["¿", "qué", "?", "«", "ja", "»", "…", "5", "€", "20", "°"]),
        # French: the elided word stays with the next, as UAX 29 has it; ’ is '
        ("L’heure d'aujourd’hui", ["l'heure", "d'aujourd'hui"]),
        ("Qu'est-ce que c’est ?", ["qu'est", "-", "ce", "que", "c'est", "?"]),
        ("п’ять пʼять", ["п'ять", "п'ять"]),
        ("col·lega", ["col·lega"]),
        # marks stay with their letters
        ("CAFE\u0301", ["café"]),
        ("क्षत्रिय हिन्दी में।", ["क्षत्रिय", "हिन्दी", "में", "।"]),
        ("தமிழ் বাংলা తెలుగు", ["தமிழ்", "বাংলা", "తెలుగు"]),
        ("مَرْحَبًا كتـــاب، ٣٫١٤؟", ["مَرْحَبًا", "كتاب", "،", "٣٫١٤", "؟"]),
        ("می\u200cخواهم بروم", ["می\u200cخواهم", "بروم"]),
        ('צה"ל צה״ל "שלום" ג\'ורג\'', ['צה"ל', 'צה"ל', '"', "שלום", '"', "ג'ורג", "'"]),
        ("한국어, 안녕!", ["한국어", ",", "안녕", "!"]),
        ("\u1112\u1161\u11ab", ["한"]),  # jamo
        # no spaces: a grapheme a word
        ("今日は、晴れ。", ["今", "日", "は", "、", "晴", "れ", "。"]),
        ("コーヒーをabc杯２０", ["コ", "ー", "ヒ", "ー", "を", "abc", "杯", "２０"]),
        ("か\u3099ﾊﾞ", ["が", "ﾊﾞ"]),
        ("葛\U000e0100飾", ["葛", "飾"]),
        ("ไม่เอาน้ำ", ["ไ", "ม่", "เ", "อ", "า", "น้ำ"]),
        ("ພາສາລາວ", ["ພ", "າ", "ສ", "າ", "ລ", "າ", "ວ"]),
        ("ភាសាខ្មែរ", ["ភា", "សា", "ខ្មែ", "រ"]),
        ("ကျွန်တော်", ["ကျွ", "န်", "တေ", "ာ်"]),
        # emoji: one word each, in colour or not
        ("I ☺\ufe0f it ☺", ["i", "☺", "it", "☺"]),
        (f"{FAMILY}👍🏽👍🙂🙂", [FAMILY, "👍🏽", "👍", "🙂", "🙂"]),
        ("❤\ufe0f\u200d🔥", ["❤\u200d🔥"]),
        ("🇩🇪🇫🇷🇯🇵 🇫", ["🇩🇪", "🇫🇷", "🇯🇵", "🇫"]),
        ("🏴\U000e0067\U000e0062\U000e007f!", ["🏴\U000e0067\U000e0062\U000e007f", "!"]),
        ("#\ufe0f\u20e3", ["#\u20e3"]),
        # not read
        ("half \ud83d character\ud83d é\ud83d", ["half", "character", "é"]),
        ("a\0b\x1f\x7fc é\0d", ["a", "b", "c", "é", "d"]),
        ("\u200fשלום\u200e \u202aab\u202c \ufeffDonau\u00addampf", ["שלום", "ab", "donaudampf"]),
        ("ខ្ញុំ\u200bទៅ", ["ខ្ញុំ", "ទៅ"]),
        ("\u0301e \u200d \u0301", ["\u0301", "e", "\u0301"]),
        (" \t\n\u3000", []),
    ],
)
def test_texts_are_cut_into_words(text, expected):
    assert tokenise(text) == expected


@pytest.mark.parametrize(
    ("text", "folded", "in_turkish"),
    [
        ("ISPARTA", "isparta", "ısparta"),
        ("İSTANBUL'DA", "istanbul'da", "istanbul'da"),
        ("I\u0307stanbul", "istanbul", "istanbul"),
        ("i\u0307stanbul", "istanbul", "istanbul"),
        ("ışık IŞIK", "ışık işik", "ışık ışık"),
        ("Straße STRASSE", "strasse strasse", "strasse strasse"),
        ("ΟΔΌΣ οδός", "οδόσ οδόσ", "οδόσ οδόσ"),
        ("ǅ ﬁn", "ǆ fin", "ǆ fin"),
    ],
)
def test_case_is_folded_as_the_language_does(text, folded, in_turkish):
    assert " ".join(tokenise(text)) == folded
    assert " ".join(TURKISH(text)) == in_turkish


# From the examples of UAX 29 and its lists WordBreakTest and GraphemeBreakTest, ÷ where a boundary is.
BOUNDARIES = [
    "a÷\r\n÷b", "can't", "can’t", "a·b", "a÷·÷·÷b", "a:b", "3.14", "1,000", "a.b", "a÷.÷1", "a_b_1", "1÷:÷2",
    "א\"א", "א'", "א÷\"", "a\u0308b", "÷a\u200d👩", "🇩🇪÷🇫🇷÷🇯", "👩🏽÷🛑", "カタカナ÷漢÷字", "가각", "a÷ ÷b",
]  # fmt: skip
GRAPHEMES = [
    "e\u0301÷x", "\r\n÷a", "🇩🇪÷🇫🇷÷🇯", f"{FAMILY}÷👍🏽÷👍", "\u1100\u1161\u11a8÷\u1100", "각÷가", "क्ष÷त्रि÷य",
    "กำ÷ก", "\u0600١÷a", "a\u200d÷👩", "❤\ufe0f\u200d🔥÷1\ufe0f\u20e3", "ខ្មែ÷រ",
]  # fmt: skip


@pytest.mark.parametrize("marked", BOUNDARIES)
def test_the_library_knows_the_word_boundaries_of_unicode(marked):
    pieces = [piece for piece in marked.split("÷") if piece]
    assert [piece for piece in regex.split(r"(?V1w)\b", "".join(pieces)) if piece] == pieces


@pytest.mark.parametrize("marked", GRAPHEMES)
def test_the_library_knows_the_graphemes_of_unicode(marked):
    pieces = marked.split("÷")
    assert regex.findall(r"\X", "".join(pieces)) == pieces


# what people write, and the marks, joiners and odd signs that break tokenisers
SCRIPTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("aI'i\u0307\u0301\u0308.,_-:\" 1٣é’ßΣςİığ"),
        st.sampled_from("कक्षिीاَبـ\u200c\u200dאְ״日ガก็ำខ្ម가ᄀ👍🏽👩🇩🇪❤\ufe0f\u20e3\ud83d\0"),
    ),
    max_size=30,
)


def readable(text):
    """What of a text is read at all: no layout, space, control characters, halves, nor joiners."""
    unread = {"\u0640", "\u00ad", "\u061c", "\u180e", "\ufeff", "\u2019"}
    return [
        sign
        for sign in unicodedata.normalize("NFD", text)
        if not sign.isspace()
        and unicodedata.category(sign) not in ("Cc", "Cs", "Cf")
        and sign not in unread
        and not regex.match(r"\p{Default_Ignorable_Code_Point}", sign)
    ]


@given(st.text(st.characters(max_codepoint=127)))
@example("it's 1980's 'i am' a'1 __init__ 5.20 x.y:z;")
def test_the_short_way_for_ascii_gives_the_words_of_the_long_way(text):
    assert tokenise(text) == words._in_any_script(text, False)
    assert TURKISH(text) == words._in_any_script(text, True)
    if not regex.search(r"[\x00-\x08\x0e-\x1f\x7f]", text):
        assert tokenise(text) == FIRST(text)


@given(st.text(st.sampled_from("abcI'’é5. ,?-\"$"), max_size=20))
def test_english_is_cut_as_in_version_1(text):
    assert tokenise(text) == FIRST(text)


@given(SCRIPTS, st.booleans())
def test_splitting_again_changes_nothing(text, turkish):
    split = Tokeniser(turkish=turkish)
    found = split(text)
    assert all(word and not any(map(str.isspace, word)) for word in found)
    assert all(unicodedata.is_normalized("NFC", word) for word in found)
    assert split(" ".join(found)) == found


@given(SCRIPTS)
def test_nothing_that_is_read_is_lost(text):
    folded = unicodedata.normalize("NFC", text).casefold().replace("i\u0307", "i")
    read = readable(folded.translate({0x2019: "'", 0x2BC: "'", 0x5F3: "'", 0x5F4: '"'}))
    kept = readable("".join(tokenise(text)))
    assert sorted(kept) == sorted(s for s in read if s != "\u0307" or "\u0307" in kept)


@given(SCRIPTS)
def test_a_mark_is_never_split_from_its_letter(text):
    for word in tokenise(text):
        assert not regex.match(r"[\p{GCB=Extend}\p{GCB=SpacingMark}]", word) or starts_a_run(text, word)


def starts_a_run(text, word):
    """Whether a word that begins with a mark has no letter that the mark could stand on."""
    folded = words._folded(words._unread().sub("", text), False)
    return any(
        at == 0 or regex.match(r"[\s\p{Cc}\p{Cs}\p{Cf}\u200b]", folded[at - 1])
        for at in (match.start() for match in regex.finditer(regex.escape(word), folded))
    )


@given(st.text(st.sampled_from("abé бв कखिी ابَ אבְ 가각 ٣٤ ·٫ —«€ 👍🏽"), max_size=20))
def test_words_end_where_the_library_says(text):
    """Where there is no apostrophe, no ASCII sign and no script without spaces, UAX 29 alone decides."""
    text = " " + unicodedata.normalize("NFC", text)
    pieces = [piece.strip() for piece in regex.split(r"(?V1w)\b", text)]
    assert tokenise(text) == [piece for piece in pieces if piece]


def test_turkish_is_heard_in_the_training_texts():
    turkish = ["hava nasıl", "ışığı aç", "tamam", "evet"]
    assert Tokeniser.of(turkish).turkish
    assert Tokeniser.of(["IŞIK", "İyi"]).turkish
    assert not Tokeniser.of([*turkish, "yes", "no", "why", "how"]).turkish
    assert not Tokeniser.of(["şarkı"] + ["book a flight to Diyarbakır"] + ["hello"] * 8).turkish
    assert not Tokeniser.of(["bună ziua şi ţie", "çawa yî, şev baş"]).turkish  # Romanian, Kurdish
    assert not Tokeniser.of([]).turkish
    assert Tokeniser.of([], "tr") == Tokeniser.of([], "az") == TURKISH
    assert Tokeniser.of(turkish, "other") == Tokeniser()
    assert Tokeniser.of(turkish, version=1) == FIRST


def test_a_tokeniser_checks_itself_and_comes_back():
    for made in (Tokeniser(), TURKISH, FIRST):
        assert Tokeniser.from_dict(made.as_dict()) == made
        assert pickle.loads(pickle.dumps(made)) == made
    assert Tokeniser.from_dict(None) == FIRST
    with pytest.raises(InvalidArgument, match="version 1 or 2, turkish or not, came 3 and False"):
        Tokeniser(3)
    with pytest.raises(InvalidArgument, match="version 1 knows no Turkish"):
        Tokeniser(1, turkish=True)
    with pytest.raises(InvalidArgument, match="auto, tr, az, other, came 'fr'"):
        Tokeniser.of([], "fr")
    with pytest.raises(InvalidArgument, match="version 1 knows no language, came 'tr'"):
        Tokeniser.of([], "tr", version=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("हिन्दी में।", ["हिन्दी", "में", "।"]),
        ("今日は、晴れ。", ["今日は", "、", "晴れ", "。"]),
        ("Straße İx", ["straße", "i̇x"]),
        ("a.b 5_c I \u2764\ufe0f", ["a", ".", "b", "5", "_", "c", "i", "\u2764"]),
    ],
)
def test_version_1_answers_as_it_did(text, expected):
    assert FIRST(text) == expected


ENORMOUS = {
    "marks": ("e" + "\u0301\u0316" * 5000, 1),
    "a megabyte of marks": ("e" + "\u0301\u0316" * 250_000, 1),
    "letters": ("é" * 500_000, 1),
    "ascii letters": ("a" * 1_000_000, 1),
    "han": ("日" * 300_000, 300_000),
    "thai": ("ก็" * 150_000, 150_000),
    "flags": ("🇩🇪" * 120_000, 120_000),
    "one family": ("👩\u200d" * 150_000, 1),
    "conjunct": ("क्" * 150_000, 1),
    "joiners": ("é" + "\u200d" * 300_000, 1),
    "direction": ("é" + "\u202e" * 300_000, 1),
    "apostrophes": ("é'" * 250_000, 2),
    "hebrew quotes": ('א"' * 250_000, 2),
    "halves": ("\ud83d" * 300_000, 0),
}


@pytest.mark.parametrize("name", ENORMOUS)
def test_enormous_texts_take_time_by_their_length_alone(name):
    """The test's own limit would stop what takes time squared: a megabyte of any of these, hours."""
    text, count = ENORMOUS[name]
    found = tokenise(text)
    assert len(found) == count
    if "marks" in name:
        assert len(unicodedata.normalize("NFD", found[0])) == 1 + MOST_MARKS


@pytest.mark.parametrize(
    ("text", "letters", "expected"),
    [
        ("हिन्दी में", 3, "हिन्दी…"),
        (FAMILY * 3, 2, FAMILY + "…"),
        ("time", 3, "ti…"),
        ("e\u0301" * 4, 4, "e\u0301" * 4),
        ("", 3, ""),
    ],
)
def test_what_is_shown_is_cut_between_letters(text, letters, expected):
    assert clip(text, letters) == expected


def test_the_library_is_not_loaded_for_ascii():
    code = "import sys\nfrom hiddenstate.data.words import tokenise\n"
    code += "print(tokenise('It’s 5!'), 'regex' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == "[\"it's\", '5', '!'] False"
