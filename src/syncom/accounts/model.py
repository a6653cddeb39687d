"""Values of the accounts domain: who may do what."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

import msgspec

from syncom.errors import Forbidden


class Role(Enum):
    """What a member or a key may do in an account, from the most to the least."""

    # Every request asks what its role may do. Members are single objects; hashing their names costs ten times more.
    __hash__ = object.__hash__

    OWNER = "owner"
    ADMIN = "admin"
    MARKETER = "marketer"
    VIEWER = "viewer"

    def covers(self, other: Role) -> bool:
        """Whether this role may do everything the other may: nobody hands out more than they have."""
        return PERMISSIONS[other] <= PERMISSIONS[self]


class Permission(Enum):
    """What a route asks for. Every route declares exactly one."""

    __hash__ = object.__hash__

    #: Nothing but to be signed in: one's own session and password.
    SIGNED_IN = "signed_in"
    READ_ACCOUNT = "read_account"
    MANAGE_ACCOUNT = "manage_account"
    MANAGE_USERS = "manage_users"
    MANAGE_KEYS = "manage_keys"
    READ_SETTINGS = "read_settings"
    #: Senders, custom fields: what changes how the whole account works.
    MANAGE_SETTINGS = "manage_settings"
    READ_CONTACTS = "read_contacts"
    WRITE_CONTACTS = "write_contacts"
    #: All contacts at once, in a file.
    EXPORT_CONTACTS = "export_contacts"
    READ_CONTENT = "read_content"
    WRITE_CONTENT = "write_content"
    READ_CAMPAIGNS = "read_campaigns"
    WRITE_CAMPAIGNS = "write_campaigns"
    READ_ACTIVITY = "read_activity"
    #: Events and orders: what happens in a shop.
    WRITE_EVENTS = "write_events"
    #: Anything that makes a mail leave: starting a campaign, a transactional message, a test.
    SEND = "send"
    #: What belongs to the installation and not to an account: dev inbox, other accounts.
    OPERATE = "operate"


_VIEWER = frozenset(
    {
        Permission.SIGNED_IN,
        Permission.READ_ACCOUNT,
        Permission.READ_SETTINGS,
        Permission.READ_CONTACTS,
        Permission.READ_CONTENT,
        Permission.READ_CAMPAIGNS,
        Permission.READ_ACTIVITY,
    }
)
_MARKETER = _VIEWER | {
    Permission.WRITE_CONTACTS,
    Permission.EXPORT_CONTACTS,
    Permission.WRITE_CONTENT,
    Permission.WRITE_CAMPAIGNS,
    Permission.WRITE_EVENTS,
    Permission.SEND,
}
_ADMIN = _MARKETER | {Permission.MANAGE_SETTINGS, Permission.MANAGE_USERS, Permission.MANAGE_KEYS}
_OWNER = _ADMIN | {Permission.MANAGE_ACCOUNT}

#: What each role may do. OPERATE comes from the user, never from a role.
PERMISSIONS = MappingProxyType({Role.OWNER: _OWNER, Role.ADMIN: _ADMIN, Role.MARKETER: _MARKETER, Role.VIEWER: _VIEWER})


class KeyScope(Enum):
    """Which part of an account a key is for (eSputnik's access rights of keys); its role may narrow that further."""

    __hash__ = object.__hash__

    FULL = "full"
    EVENTS = "events"
    EVENTS_CONTACTS = "events_contacts"
    MESSAGES = "messages"


_GENERAL = frozenset({Permission.SIGNED_IN, Permission.READ_ACCOUNT, Permission.READ_SETTINGS, Permission.READ_CONTENT})
_EVENTS = _GENERAL | {Permission.WRITE_EVENTS}
#: What each scope lets through.
SCOPES = MappingProxyType(
    {
        KeyScope.FULL: frozenset(Permission),
        KeyScope.EVENTS: _EVENTS,
        KeyScope.EVENTS_CONTACTS: _EVENTS | {Permission.READ_CONTACTS, Permission.WRITE_CONTACTS},
        KeyScope.MESSAGES: _GENERAL
        | {
            Permission.WRITE_CONTENT,
            Permission.READ_CAMPAIGNS,
            Permission.WRITE_CAMPAIGNS,
            Permission.READ_ACTIVITY,
            Permission.SEND,
        },
    }
)


class Compat(Enum):
    """Shapes of answers that some old clients of eSputnik's API need (docs/esputnik.md)."""

    #: A send to one recipient answers `results` as an object, not as a list.
    COLLAPSE_SINGLE = "collapse_single"
    #: Sentences and empty bodies become JSON objects.
    JSON_SENTENCES = "json_sentences"
    #: Orders answer with an empty body.
    EMPTY_ORDERS = "empty_orders"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, and in which account."""

    account_id: int
    role: Role
    #: For the audit log: 'user:7', 'key:3', 'cli'.
    actor: str
    is_operator: bool = False
    #: The signed-in user; None for a key and for the command line.
    user_id: int | None = None
    scope: KeyScope = KeyScope.FULL
    compat: frozenset[Compat] = frozenset()
    #: Their account asks for a second factor that they do not have: until then they may only set one up.
    must_enrol: bool = False

    @property
    def permissions(self) -> frozenset[Permission]:
        if self.must_enrol:
            return frozenset({Permission.SIGNED_IN})
        granted = PERMISSIONS[self.role] & SCOPES[self.scope]
        return granted | {Permission.OPERATE} if self.is_operator else granted

    def require(self, permission: Permission) -> None:
        """Raises Forbidden, naming what is missing."""
        if permission is not Permission.SIGNED_IN:
            self.require_enrolled()
        if permission not in SCOPES[self.scope]:
            raise Forbidden(f"this key is for {self.scope.value} only; make one with the scope full")
        if permission in PERMISSIONS[self.role] or (self.is_operator and permission is Permission.OPERATE):
            return
        if permission is Permission.OPERATE:
            raise Forbidden("only an operator of this installation may do this")
        raise Forbidden(
            f"the role {self.role.value} may not do this (it needs {permission.value}); ask an admin of the account"
        )

    def require_enrolled(self) -> None:
        """Raises Forbidden for a person who has to set up a second factor first."""
        if self.must_enrol:
            raise Forbidden(
                "your account asks for two-factor sign-in: set it up first (POST /syncom/v1/session/two-factor)"
            )


class Velocity(Enum):
    """Which version of Velocity an account's templates follow where its versions differ (docs/esputnik.md)."""

    ONE = 1
    TWO = 2


#: Days for which facts are kept at least, if not for ever: three months, as far back as the feed can be read.
SHORTEST_KEEPING: Final = 93
#: A hundred years.
LONGEST_KEEPING: Final = 36_525


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One customer of this installation; everything belongs to exactly one."""

    account_id: int
    name: str
    time_zone: str
    #: What `#if` takes for false: 1, a missing value and false; 2, also an empty text, 0 and an empty list.
    velocity_truth: Velocity
    #: What white space goes with a directive: 1, the line break after it; 2, its whole line when it stands alone.
    velocity_lines: Velocity
    #: Days for which is kept what was sent, what happened to it, events, and carts that are done with; 0: for ever.
    keep_ledger_days: int
    keep_activity_days: int
    keep_events_days: int
    keep_carts_days: int
    #: From when on members without a second factor may only set one up; None: they need none.
    two_factor_required_from: datetime | None
    created_at: datetime


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person, as a member of one account."""

    user_id: int
    email: str
    name: str
    role: Role
    is_operator: bool
    created_at: datetime
    disabled_at: datetime | None
    #: Signs in with a second factor.
    two_factor: bool


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """A person in one of their accounts."""

    account_id: int
    account_name: str
    user_id: int
    email: str
    name: str
    role: Role
    is_operator: bool


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user just added. ``password`` is there only when it was made here; it is not shown again."""

    user: User
    password: str | None


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of an account. ``prefix`` is what it begins with, to recognise it by."""

    api_key_id: int
    name: str
    prefix: str
    role: Role
    scope: KeyScope
    compat: tuple[Compat, ...]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made, with its secret, which is not stored and not shown again."""

    api_key: ApiKey
    key: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in. ``token`` goes into the cookie; only its hash is stored."""

    token: str
    principal: Principal
    expires_at: datetime


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """Where a person is signed in."""

    session_id: int
    account_id: int
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    #: Where it was begun, and with what: what the browser said of itself.
    address: str
    agent: str
    #: The one that asks.
    current: bool


class FirstRun(msgspec.Struct, frozen=True, kw_only=True):
    """What the first start made. ``password`` is there only when it was made here."""

    created: bool
    email: str
    password: str | None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One privileged act."""

    audit_id: int
    occurred_at: datetime
    actor: str
    action: str
    object: str
    detail: dict[str, Any]
