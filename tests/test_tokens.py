"""Return paths: the one token of a mail that comes back through other people's mail servers."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.ids import campaign_message_id
from syncom.security import Keyring
from syncom.tokens import BOUNCE_DAYS, BounceRef, MessageTokens

TOKENS = MessageTokens(Keyring(bytes(range(32))))
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MESSAGE = campaign_message_id(7, 513)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789+-=._"


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63 - 1),
    st.uuids(),
    st.integers(0, 28_000),
)
def test_a_return_path_names_its_message_and_fits_into_a_local_part(
    account_id: int, contact_id: int, message_id: UUID, days: int
) -> None:
    at = NOW + timedelta(days=days)
    local = TOKENS.bounce(account_id, contact_id, message_id, at)
    assert len(local) <= 64
    expected = BounceRef(account_id=account_id, contact_id=contact_id, message_id=message_id)
    assert TOKENS.read_bounce(local, at + timedelta(days=3)) == expected


@pytest.mark.parametrize("change", [str.upper, str.title, str.swapcase])
def test_a_server_that_changes_the_case_of_letters_does_no_harm(change: object) -> None:
    local = TOKENS.bounce(1, 513, MESSAGE, NOW)
    assert callable(change)
    assert TOKENS.read_bounce(change(local), NOW) == TOKENS.read_bounce(local, NOW) is not None


def test_a_return_path_is_listened_to_for_thirty_days() -> None:
    local = TOKENS.bounce(1, 513, MESSAGE, NOW)
    assert TOKENS.read_bounce(local, NOW + timedelta(days=BOUNCE_DAYS)) is not None
    assert TOKENS.read_bounce(local, NOW + timedelta(days=BOUNCE_DAYS + 1)) is None
    assert TOKENS.read_bounce(local, NOW - timedelta(days=1)) is None, "made tomorrow"


@given(st.integers(2, 62), st.sampled_from(LETTERS))
def test_no_other_letter_makes_a_return_path_of_anything(place: int, letter: str) -> None:
    local = TOKENS.bounce(1, 513, MESSAGE, NOW)
    changed = local[:place] + letter + local[place + 1 :]
    assert changed == local or TOKENS.read_bounce(changed, NOW) is None


@given(st.text(max_size=80))
def test_texts_of_others_are_no_return_paths(text: str) -> None:
    assert TOKENS.read_bounce(text, NOW) is None
    assert TOKENS.read_bounce(f"b+{text}", NOW) is None


def test_a_return_path_is_nobody_elses() -> None:
    local = TOKENS.bounce(1, 513, MESSAGE, NOW)
    assert MessageTokens(Keyring(bytes(32))).read_bounce(local, NOW) is None
    # Nor is another token of the same message one.
    assert TOKENS.read_bounce(f"b+{TOKENS.track(1, 2, 513, MESSAGE)}", NOW) is None
    kept = MessageTokens(Keyring(bytes(32), bytes(range(32))))
    assert kept.read_bounce(local, NOW) is not None, "a key that was rotated out still reads what it signed"


# ---------------------------------------------------------------- mutations

_READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "track": (TOKENS.track(1, 2, 513, MESSAGE), TOKENS.read_track),
    "unsubscribe": (TOKENS.unsubscribe(1, 2, 513, MESSAGE, (4, 5)), TOKENS.read_unsubscribe),
    "view": (TOKENS.view(1, 2, 513, MESSAGE), TOKENS.read_view),
    "notification": (TOKENS.notification(1, 2, 513, MESSAGE), TOKENS.read_notification),
    "redirect": (
        TOKENS.redirect(3, "https://shop.example/a", MESSAGE),
        lambda token: TOKENS.read_redirect(token, MESSAGE),
    ),
}
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. %я\0"


def _mutated(token: str, random: Random) -> str:
    """A token with one to three small harms: letters changed, cut off, put in, taken out, swapped, in another case."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        place = random.randrange(max(1, len(token)))
        letter = random.choice(_ALPHABET)
        match random.randrange(7):
            case 0 | 1:
                token = token[:place] + letter + token[place + 1 :]
            case 2:
                token = token[:place]
            case 3:
                token = token[:place] + letter + token[place:]
            case 4:
                token = token[:place] + token[place + 1 :]
            case 5:
                token = token[:place] + token[place:].swapcase()
            case _:
                token = token[place:] + token[:place]
    return token


@pytest.mark.parametrize("kind", sorted(_READERS))
def test_no_mutation_of_a_links_token_is_taken(kind: str) -> None:
    """As many as `make tokens` says; a few thousand here.

    The last letter of base64 has bits that nobody reads: a token with others in their place is no token either.
    """
    token, read = _READERS[kind]
    assert read(token) is not None
    random = Random(kind)
    taken = [
        harmed
        for harmed in (_mutated(token, random) for _ in range(int(os.environ.get("SYNCOM_TOKEN_MUTATIONS", "4000"))))
        if harmed != token and read(harmed) is not None
    ]
    taken += [other for letter in _ALPHABET if (other := token[:-1] + letter) != token and read(other) is not None]
    assert taken == []


@pytest.mark.parametrize("kind", sorted(_READERS))
def test_a_token_of_one_purpose_opens_nothing_else(kind: str) -> None:
    token, _ = _READERS[kind]
    assert [other for other, (_, read) in _READERS.items() if other != kind and read(token) is not None] == []
