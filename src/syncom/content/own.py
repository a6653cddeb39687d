"""What is made for one message before it is rendered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: The address of a personal link: its number, its target.
Link = Callable[[int, str], str]


@dataclass(slots=True)
class Own:
    """A message's token, its addresses, and how to write a personal link."""

    track: str
    unsubscribe_url: str
    view_url: str
    link: Link
