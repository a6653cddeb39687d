"""STOP, HELP and START as people write them."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.inbound_texts.keywords import Keyword, read_keyword

#: The reply words of 47 CFR 64.1200(a)(10), which always revoke consent.
FCC = ("STOP", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE")
LANGUAGES = {
    "STOPP": "de",
    "ARRET": "fr",
    "ARRÊT": "fr",
    "PARAR": "es",
    "BAJA": "es",
    "СТОП": "uk",
    "Відписатися": "uk",
    "отписаться": "ru",
    "kündigen": "de",
    "wypisz": "pl",
    "iptal": "tr",
    "İPTAL": "tr",
}


@pytest.mark.parametrize("word", FCC)
def test_every_word_of_the_federal_rule_stops(word: str) -> None:
    asked = read_keyword(word)
    assert asked is not None
    assert asked.keyword is Keyword.STOP


@pytest.mark.parametrize(("word", "language"), LANGUAGES.items())
def test_words_of_other_languages_stop_and_tell_the_language(word: str, language: str) -> None:
    asked = read_keyword(word)
    assert asked is not None
    assert (asked.keyword, asked.language) == (Keyword.STOP, language)


@pytest.mark.parametrize(
    "text",
    [
        "Stop.",
        "stop please",
        "  STOP!!! ",
        "«стоп»",
        "S T O P",
        "opt-out",
        "Please stop sending me texts",
        "stop\n\nSent from my iPhone",
        "STOP ALL",
        "стоп, будь ласка",
        "dar de baja por favor",
        "s\u200btop",
    ],
)
def test_case_spaces_punctuation_and_courtesy_do_not_matter(text: str) -> None:
    asked = read_keyword(text)
    assert asked is not None
    assert asked.keyword is Keyword.STOP


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!!!",
        "don't stop",
        "stop by at six",
        "cancel my order",
        "at the end of the day",
        "I need help with order 5 and want my money back today",
        "nonstop",
        "Can you start on Monday?",
        "Stop " * 20,
        "stop" * 5000,
    ],
)
def test_what_says_more_than_a_keyword_is_a_message_like_any_other(text: str) -> None:
    assert read_keyword(text) is None


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("HELP", Keyword.HELP),
        ("help me please", Keyword.HELP),
        ("Info", Keyword.HELP),
        ("допомога", Keyword.HELP),
        ("START", Keyword.START),
        ("unstop", Keyword.START),
        ("Subscribe me", Keyword.START),
        ("help stop", Keyword.STOP),
        ("start stop", Keyword.STOP),
    ],
)
def test_help_and_start_are_told_apart_and_stop_weighs_more(text: str, keyword: Keyword) -> None:
    asked = read_keyword(text)
    assert asked is not None
    assert asked.keyword is keyword


@given(
    st.sampled_from(FCC),
    st.lists(st.sampled_from(["please", "now", "thanks", "me"]), max_size=3),
    st.text(' \t.,!?-_()«»"…', max_size=5),
    st.booleans(),
)
def test_a_keyword_dressed_in_any_way_stays_one(word: str, courtesy: list[str], dress: str, upper: bool) -> None:
    text = dress + f" {dress}".join([word, *courtesy]) + dress
    asked = read_keyword(text.upper() if upper else text.lower())
    assert asked is not None
    assert asked.keyword is Keyword.STOP


@given(st.text(max_size=400))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_keyword(text)


@given(st.sampled_from(FCC), st.text(string.ascii_lowercase, max_size=12))
def test_a_strange_word_beside_a_keyword_makes_it_a_message(word: str, strange: str) -> None:
    assert read_keyword(f"{word} zq{strange}") is None
    assert read_keyword(f"zq{strange} {word}") is None
