"""Values of imports and exports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import msgspec

from syncom.contacts.model import FieldType, IdentityKind, MergeMode, SaveOptions, SubscriptionState

#: Longest cell that is read, in characters. A longer one makes its row an error.
MAX_CELL = 1 << 20
#: Longest record (a row with all its line breaks), in bytes.
MAX_RECORD = 2 << 20
#: Most columns a file may have.
MAX_COLUMNS = 1_000
#: Most rows written to the file of errors; the count of failed rows stays exact beyond it.
MAX_ERROR_ROWS = 1_000_000

#: Targets of columns with further addresses.
FURTHER = ("emails", "phones")
#: Subscription states of a row's channels, when and where they were given, and the lists it names.
STATE_TARGETS = ("email_state", "sms_state")
CONSENT_AT = "consent_at"
CONSENT_SOURCE = "consent_source"
LISTS = "lists"
ROW_TARGETS = (*STATE_TARGETS, CONSENT_AT, CONSENT_SOURCE, LISTS)
#: What the target of a custom field begins with.
CUSTOM = "fields."
#: The target a key of the upsert must be mapped to.
KEY_TARGETS: Mapping[IdentityKind, str] = {
    IdentityKind.EMAIL: "email",
    IdentityKind.PHONE: "phone",
    IdentityKind.EXTERNAL_ID: "external_id",
    IdentityKind.CONTACT_KEY: "contact_key",
}


class ImportState(Enum):
    """Life of an import."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    #: Stopped for a reason that trying again would not cure; ``problem`` says which.
    FAILED = "failed"
    CANCELLED = "cancelled"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A place between two records of a file."""

    #: Bytes from the beginning of the file.
    offset: int
    #: Number of the line that begins here, from 1.
    line: int


class DateOrder(Enum):
    """How dates such as 03.04.2025 are read."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How a text file is cut into rows and cells."""

    #: Name of a Python codec.
    encoding: str = "utf-8"
    delimiter: str = ","
    #: Empty: cells are never quoted.
    quote: str = '"'
    #: Character that escapes a quote inside a quoted cell; empty: the quote is doubled (RFC 4180).
    escape: str = ""
    #: Bytes before the first record: byte order mark and Excel's ``sep=`` line.
    skip_bytes: int = 0
    #: Lines in those bytes.
    skip_lines: int = 0
    has_header: bool = True
    #: Decimal mark of numbers, '.' or ','.
    decimal: str = "."
    date_order: DateOrder = DateOrder.DAY_FIRST
    #: The file was made from a spreadsheet: the first cell of each record is the number of its row there.
    is_numbered: bool = False


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller knows better than detection; None leaves it to detection."""

    encoding: str | None = None
    delimiter: str | None = None
    has_header: bool | None = None
    decimal: str | None = None
    date_order: DateOrder | None = None
    #: Sheet of a spreadsheet; None: the first.
    sheet: str | None = None


class ColumnTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where a column goes.

    ``target`` is the name of a standard field of :class:`~syncom.contacts.model.ContactInput` (``email``,
    ``first_name``, ...), ``emails`` or ``phones`` for further addresses, ``fields.<key>`` for a custom field,
    ``email_state`` or ``sms_state`` for what the person agreed to, with ``consent_at`` and ``consent_source``,
    ``lists`` for names of lists separated by semicolons, or empty to leave the column out.
    """

    target: str = ""
    #: Make the custom field when it is missing, with this type.
    create_type: FieldType | None = None


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the file as proposed to the caller."""

    #: Place in the file, from 0.
    index: int
    #: As in the header; "Column 3" where there is none.
    name: str
    target: ColumnTarget
    #: 'name', 'content' or '': what the proposal stands on.
    reason: str
    #: Type a new custom field would get.
    suggested_type: FieldType
    samples: tuple[str, ...]


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was received and lies below the data folder."""

    file_name: str
    #: Names the file in later calls; belongs to the account that sent it.
    upload_id: str
    #: Bytes.
    size: int


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What detection made of a file. The caller may change everything in it before the import."""

    file: StoredFile
    dialect: Dialect
    columns: tuple[Column, ...]
    #: The first rows, as many cells as columns.
    rows: tuple[tuple[str, ...], ...]
    #: Sheets of a spreadsheet, empty for text.
    sheets: tuple[str, ...]
    warnings: tuple[str, ...]


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is imported."""

    #: One for each column; empty: as proposed.
    mapping: tuple[ColumnTarget, ...] = ()
    key: IdentityKind = IdentityKind.EMAIL
    mode: MergeMode = MergeMode.OVERWRITE
    list_ids: tuple[int, ...] = ()
    #: A list of this name is used, or made.
    list_name: str = ""
    consent: SubscriptionState = SubscriptionState.SUBSCRIBED
    #: Country of phone numbers written without a country code, ISO 3166-1 alpha-2.
    phone_region: str = ""
    overrides: Overrides = Overrides()
    #: For files of other systems: how rows are recognised and written, instead of ``key``, ``mode`` and lists.
    save: SaveOptions | None = None
    #: Type of the event that each new contact makes; empty: none. With ``save`` only.
    new_contact_event: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run needs, decided when the import was created and stored with it."""

    dialect: Dialect
    columns: tuple[str, ...]
    mapping: tuple[str, ...]
    key: IdentityKind
    mode: MergeMode
    list_ids: tuple[int, ...]
    consent: SubscriptionState
    phone_region: str = ""
    #: Where the first row after the header begins.
    start: Position
    #: The text file to read, relative to the data folder: the source itself, or what a spreadsheet became.
    text_path: str
    #: See ImportOptions.
    save: SaveOptions | None = None
    new_contact_event: str = ""


class ImportStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where an import is."""

    import_id: int
    account_id: int
    file_name: str
    state: ImportState
    problem: str
    bytes_total: int
    bytes_done: int
    #: Rows of the file settled so far, good and bad.
    rows_done: int
    created: int
    updated: int
    unchanged: int
    failed: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def share_done(self) -> float:
        """Progress from 0 to 1, by bytes."""
        if self.state is ImportState.FINISHED:
            return 1.0
        return min(1.0, self.bytes_done / self.bytes_total) if self.bytes_total else 0.0


class RowError(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Why a row was refused."""

    line: int
    #: Name of the column, empty when the whole row is meant.
    column: str
    #: The beginning of the cell.
    value: str
    reason: str
