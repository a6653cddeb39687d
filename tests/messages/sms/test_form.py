"""A gateway described by a form: what it is asked, and how its answers are read."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import msgspec
import pytest

from syncom.contacts.model import Channel
from syncom.content.model import Rich
from syncom.errors import Invalid
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.sms.form import (
    Body,
    GatewayAnswers,
    GatewayCall,
    GatewayForm,
    Verb,
    check_form,
    check_name,
    fill,
    read_answer,
)
from syncom.messages.channels.sms.model import TextParcel

ID = UUID("0f6a4a02-6d0b-4a8d-8a3c-53f0d3c6b7e9")
URL = "https://gateway.example/send"


def text(words: str = "Hello", *, channel: Channel = Channel.SMS, rich: Rich | None = None) -> TextParcel:
    return TextParcel(
        key=None, channel=channel, message_id=ID, sender="Acme", to="+380671112233", text=words, parts=2, rich=rich
    )


def form(call: GatewayCall | None = None, **more: Any) -> GatewayForm:
    return GatewayForm(sms=call or GatewayCall(url=URL), names=("Acme",), **more)


def test_json_keeps_texts_as_they_are_and_numbers_as_numbers() -> None:
    fields = {
        "messages": [{"destinations": [{"to": "{to_digits}"}], "from": "{from}", "text": "{text}"}],
        "n": "{parts}",
    }
    request = fill(form(GatewayCall(url=URL, fields=fields)), text('Say "hi"\n{to}'), "s3cret")
    assert request is not None
    assert request.body is not None
    assert msgspec.json.decode(request.body) == {
        "messages": [{"destinations": [{"to": "380671112233"}], "from": "Acme", "text": 'Say "hi"\n{to}'}],
        "n": 2,
    }
    assert request.headers["Content-Type"] == "application/json"


def test_a_form_body_and_a_query_are_percent_encoded() -> None:
    fields = {"phone": "{to}", "message": "{text}", "key": "{secret}"}
    posted = fill(form(GatewayCall(url=URL, body=Body.FORM, fields=fields)), text("a&b=ж"), "s3&cret")
    assert posted is not None
    assert posted.body is not None
    assert dict(parse_qsl(posted.body.decode())) == {"phone": "+380671112233", "message": "a&b=ж", "key": "s3&cret"}
    call = GatewayCall(url=f"{URL}?v=2", verb=Verb.GET, body=Body.QUERY, fields=fields)
    asked = fill(form(call), text("a&b=ж"), "s3&cret")
    assert asked is not None
    assert asked.body is None
    assert dict(parse_qsl(urlsplit(asked.url).query)) == {
        "v": "2",
        "phone": "+380671112233",
        "message": "a&b=ж",
        "key": "s3&cret",
    }


def test_a_placeholder_in_the_path_cannot_leave_it() -> None:
    call = GatewayCall(url="https://gateway.example/to/{to}/say/{text}", fields={})
    request = fill(form(call), text("../../admin?x=1#y"), "")
    assert request is not None
    assert urlsplit(request.url).path == "/to/%2B380671112233/say/..%2F..%2Fadmin%3Fx%3D1%23y"


def test_templates_are_escaped_for_what_they_are() -> None:
    xml = GatewayCall(url=URL, body=Body.XML, template="<m to='{to}'>{text}</m>")
    request = fill(form(xml), text("a<b & c"), "")
    assert request is not None
    assert request.body == b"<m to='+380671112233'>a&lt;b &amp; c</m>"
    json = GatewayCall(url=URL, template='{"to":"{to}","text":"{text}","type":{}}')
    request = fill(form(json), text('"quoted"\\'), "")
    assert request is not None
    assert request.body is not None
    assert msgspec.json.decode(request.body) == {"to": "+380671112233", "text": '"quoted"\\', "type": {}}


def test_the_secret_goes_into_basic_or_a_header() -> None:
    basic = fill(form(username="acme"), text(), "s3cret")
    assert basic is not None
    assert basic.headers["Authorization"] == "Basic YWNtZTpzM2NyZXQ="
    bearer = fill(form(headers={"Authorization": "Bearer {secret}"}), text(), "s3cret")
    assert bearer is not None
    assert bearer.headers["Authorization"] == "Bearer s3cret"


def test_viber_has_its_own_path_and_leaves_out_what_a_message_has_not() -> None:
    viber = GatewayCall(
        url="https://gateway.example/viber",
        fields={
            "to": "{to}",
            "text": "{text}",
            "img": "{image}",
            "button": {"caption": "{caption}", "url": "{action}"},
        },
    )
    with_it = form(viber=viber)
    rich = Rich(image="https://shop.example/i.png", caption="Buy", action="https://shop.example", ttl_seconds=60)
    full = fill(with_it, text(channel=Channel.VIBER, rich=rich), "")
    assert full is not None
    assert full.url == "https://gateway.example/viber"
    assert full.body is not None
    assert msgspec.json.decode(full.body)["button"] == {"caption": "Buy", "url": "https://shop.example"}
    bare = fill(with_it, text(channel=Channel.VIBER, rich=Rich()), "")
    assert bare is not None
    assert bare.body is not None
    assert msgspec.json.decode(bare.body) == {"to": "+380671112233", "text": "Hello"}
    assert fill(form(), text(channel=Channel.VIBER), "") is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (GatewayForm(sms=GatewayCall(url=URL)), "config.gateway.names"),
        (GatewayForm(sms=GatewayCall(url=URL), names=("A name that is too long",)), "config.gateway.names"),
        (form(GatewayCall(url="ftp://gateway.example")), "config.gateway.sms.url"),
        (form(GatewayCall(url="https://{to}.example/send")), "config.gateway.sms.url"),
        (form(GatewayCall(url="https://user:pass@gateway.example/send")), "config.gateway.sms.url"),
        (form(GatewayCall(url=URL, fields={"to": "{to}"})), "config.gateway.sms.fields"),
        (form(GatewayCall(url=URL, fields={"to": "{to}", "text": "{txt}"})), "config.gateway.sms.fields"),
        (
            form(GatewayCall(url=URL, fields={"to": "{to}", "text": "{text}", "i": "{image}"})),
            "config.gateway.sms.fields",
        ),
        (form(GatewayCall(url=URL, verb=Verb.GET)), "config.gateway.sms.body"),
        (form(GatewayCall(url=URL, body=Body.XML)), "config.gateway.sms.template"),
        (form(GatewayCall(url=URL, body=Body.FORM, template="{to}{text}")), "config.gateway.sms.template"),
        (form(headers={"X Y": "1"}), "config.gateway.headers"),
        (form(headers={"X": "a\r\nHost: b"}), "config.gateway.headers"),
        (form(headers={"X": "{text}"}), "config.gateway.headers"),
        (form(username="a:b"), "config.gateway.username"),
    ],
)
def test_a_form_that_cannot_work_is_refused_by_name(wrong: GatewayForm, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_form(wrong)
    assert caught.value.fields[0].field == field


@pytest.mark.parametrize("name", ["Acme", "A&B Shop", "380671112233", "+380671112233", "1234"])
def test_sender_names_are_what_networks_take(name: str) -> None:
    assert check_name("from", name) == name


@pytest.mark.parametrize("name", ["", "TwelveLetter", "Ярослав", "12", "a\nb", "1" * 16])
def test_other_sender_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_name("from", name)


ANSWERS = GatewayAnswers(
    id="messages.0.id", error="messages.0.text", status="messages.0.status", accepted=("0",), temporary=("1",)
)


@pytest.mark.parametrize(
    ("status", "body", "outcome", "words"),
    [
        (200, b'{"messages":[{"id":"m-7","status":"0"}]}', Outcome.ACCEPTED, "200 id=m-7"),
        (200, b'{"messages":[{"id":"m-7","status":0}]}', Outcome.ACCEPTED, "200 id=m-7"),
        (200, b'{"messages":[{"status":"1","text":"throttled"}]}', Outcome.TRANSIENT, "200 throttled"),
        (200, b'{"messages":[{"status":"9","text":"no money"}]}', Outcome.PERMANENT, "200 no money"),
        (200, b'{"messages":[]}', Outcome.PERMANENT, '200 {"messages":[]}'),
        (200, b"not json", Outcome.PERMANENT, "200 not json"),
        (400, b'{"messages":[{"text":"bad\\nnumber"}]}', Outcome.PERMANENT, "400 bad number"),
        (302, b"", Outcome.PERMANENT, "302"),
        (429, b"slow down", Outcome.TRANSIENT, "429 slow down"),
        (500, b"<html>oops</html>", Outcome.TRANSIENT, "500 <html>oops</html>"),
        (504, b"", Outcome.UNCERTAIN, "504"),
    ],
)
def test_answers_are_read_where_the_form_says(status: int, body: bytes, outcome: Outcome, words: str) -> None:
    found, answer = read_answer(ANSWERS, status, body, None)
    assert (found, answer.words) == (outcome, words)


def test_without_paths_every_2xx_is_a_yes() -> None:
    outcome, answer = read_answer(GatewayAnswers(), 202, b"queued", None)
    assert (outcome, answer.words) == (Outcome.ACCEPTED, "202")
