"""People and machines are told apart by signs, each with a reason."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any
from uuid import UUID

import pytest

from syncom.activity.model import HONEYPOT_LINK, ActivityKind, HitClass
from syncom.activity.robots import RecentLinks, Visit, classify

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML) Chrome/129.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML) Mobile/15E148"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (CHROME, HitClass.HUMAN),
        (IPHONE, HitClass.HUMAN),
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            HitClass.HUMAN,
        ),
        ("Mozilla/5.0", HitClass.MACHINE),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", HitClass.UNKNOWN),
        ("", HitClass.MACHINE),
        ("curl/8.5.0", HitClass.MACHINE),
        ("python-requests/2.32.0", HitClass.MACHINE),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", HitClass.MACHINE),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/129.0 Safari/537.36",
            HitClass.MACHINE,
        ),
        ("Barracuda Sentinel (EE)", HitClass.MACHINE),
    ],
)
def test_agents_are_classified(agent: str, expected: HitClass) -> None:
    verdict = classify(Visit(kind=ActivityKind.OPENED, user_agent=agent))
    assert verdict.hit_class is expected
    assert verdict.reason or expected is HitClass.HUMAN


def test_a_prefetch_is_a_machine_whatever_the_browser() -> None:
    visit = Visit(kind=ActivityKind.CLICKED, user_agent=CHROME, purpose="prefetch;prerender")
    assert classify(visit).hit_class is HitClass.MACHINE


def test_whoever_touched_the_invisible_link_is_a_machine() -> None:
    assert (
        classify(Visit(kind=ActivityKind.CLICKED, user_agent=CHROME, link=HONEYPOT_LINK)).hit_class is HitClass.MACHINE
    )
    later = Visit(kind=ActivityKind.CLICKED, user_agent=CHROME, link=1, recent_links=((HONEYPOT_LINK, 20.0),))
    assert classify(later).hit_class is HitClass.MACHINE


def test_many_links_within_seconds_are_a_machine_and_over_minutes_a_person() -> None:
    fast = Visit(kind=ActivityKind.CLICKED, user_agent=CHROME, link=3, recent_links=((1, 2.0), (2, 1.0)))
    slow = Visit(kind=ActivityKind.CLICKED, user_agent=CHROME, link=3, recent_links=((1, 25.0), (2, 12.0)))
    assert classify(fast).hit_class is HitClass.MACHINE
    assert classify(slow).hit_class is HitClass.HUMAN


def test_weak_signs_add_up() -> None:
    def verdict(**signs: Any) -> HitClass:
        return classify(Visit(kind=ActivityKind.CLICKED, user_agent=CHROME, link=1, **signs)).hit_class

    assert verdict(seconds_since_sent=3.0) is HitClass.HUMAN
    assert verdict(has_language=False) is HitClass.HUMAN
    assert verdict(seconds_since_sent=3.0, has_language=False) is HitClass.UNKNOWN
    assert verdict(seconds_since_sent=3.0, recent_links=((2, 0.5),)) is HitClass.MACHINE


def test_recent_links_are_remembered_per_message_and_in_bounds() -> None:
    recent = RecentLinks(size=2)
    one, two, three = (UUID(int=number) for number in (1, 2, 3))
    assert recent.seen(one, 5, 100.0) == ()
    assert recent.seen(one, 6, 101.0) == ((5, 1.0),)
    assert recent.seen(one, 6, 102.0) == ((5, 2.0),)
    assert recent.seen(two, 5, 102.0) == ()
    assert recent.seen(three, 5, 102.0) == ()
    assert recent.seen(one, 7, 103.0) == ()  # forgotten: two newer messages


def test_every_rule_names_its_source() -> None:
    data = tomllib.loads(resources.files("syncom.activity").joinpath("robots.toml").read_text("utf-8"))
    for rule in data["agent"]:
        assert rule["source"]
        assert rule["reason"]
        assert ("exact" in rule) != ("contains" in rule)
