from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.connect.intents.lexical import LexicalIndex, score
from syncom.connect.intents.words import fold, plain_words, split_key, stem, terms


@pytest.mark.parametrize(
    "forms",
    [
        "contact contacts",
        "subscribed subscribes subscribing",
        "контакт контакти контактів контактами контакту",
        "сегмент сегменты сегментов сегментам",
        "видалити видали видалить",
    ],
)
def test_forms_of_a_word_have_one_stem(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


def test_languages_meet_in_meanings() -> None:
    for text in (
        "delete the customer",
        "видали клієнта",
        "удалить клиента",
        "删除客户",
        "borrar al cliente",
        "lösche den Kunden",
    ):
        assert {"~delete", "~contact", "~delete~contact"} <= terms(text).keys(), text


def test_chinese_is_cut_into_pairs_and_data_is_left_out() -> None:
    assert {"发送", "送短", "短信"} <= terms("发送短信").keys()
    assert terms("anna@example.com +380501234567 2026-01-02 10:30") == {}


def test_keys_are_words() -> None:
    assert split_key("getContactById").split() == ["get", "Contact", "By", "Id"]
    assert split_key("send_SMSNow-2").split() == ["send", "SMS", "Now", "2"]


def test_a_misspelt_word_stands_for_the_one_that_is_known() -> None:
    index = LexicalIndex([terms("subscription"), terms("warehouse"), terms("calendar")])
    for query, best in (("subscripton", 0), ("warehose", 1), ("calender", 2)):
        [scores] = score([index], terms(query))
        assert scores.argmax() == best
        assert scores[best] > 0


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    assert isinstance(fold(text), str)
    assert all(plain_words(text))
    assert all(weight > 0 for weight in terms(text).values())
