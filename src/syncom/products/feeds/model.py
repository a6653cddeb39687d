"""Values of product feeds."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec


class FeedFormat(Enum):
    """How a feed is written. Found out by looking at it."""

    #: ``<yml_catalog>``.
    YML = "yml"
    #: Product data of Google Merchant Center: RSS 2.0, Atom, a table.
    RSS = "rss"
    ATOM = "atom"
    TABLE = "table"


class FeedInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants read."""

    name: str
    #: Where it is; empty: files are handed in.
    url: str = ""
    #: Of the Basic log-in; empty: none.
    username: str = ""
    password: str = ""
    #: BCP 47: the language of its texts; empty: they are for everybody.
    language: str = ""
    #: Seconds between two looks; 0: only when somebody asks.
    every: int = 6 * 3600


class FeedProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a product of the file was not taken: its line, its id where it has one, the member, the reason."""

    line: int
    product_id: str
    field: str
    reason: str


class FeedOutcome(Enum):
    """What became of a run."""

    APPLIED = "applied"
    #: The file is the one that was applied last.
    SAME_FILE = "same_file"
    #: So many products would go that somebody must say that this is right.
    HELD = "held"


class FeedResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did. Of what was held: what it would do to products that go."""

    outcome: FeedOutcome
    format: FeedFormat | None = None
    #: Offers in the file.
    offers: int = 0
    #: Products among them, each id once.
    products: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    #: Products of this feed that are no longer in the file.
    removed: int = 0
    refused: int = 0
    #: The first of the refused.
    problems: list[FeedProblem] = []


class FileMark(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the file that was applied last."""

    digest: str = ""
    etag: str = ""
    last_modified: str = ""


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A feed as stored, with how it goes. The password never leaves."""

    feed_id: int
    name: str
    url: str
    username: str
    language: str
    every: int
    enabled: bool
    created_at: datetime
    #: When it is looked at next; None: when somebody asks.
    next_at: datetime | None
    last_run_at: datetime | None
    last_result: FeedResult | None
    last_error: str | None
    #: In a row.
    failures: int
