"""Values of sending domains."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec


class Algorithm(Enum):
    """What a DKIM key is of."""

    RSA = "rsa"
    ED25519 = "ed25519"


class KeyState(Enum):
    """Where a DKIM key is in its life."""

    #: Made, and its record was not seen in DNS yet.
    PENDING = "pending"
    ACTIVE = "active"
    #: Another one signs; its record stays for mails that are on their way.
    REPLACED = "replaced"


class DkimKey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a key."""

    key_id: int
    selector: str
    algorithm: Algorithm
    #: Base64, as in ``p=``.
    public_key: str
    created_at: datetime
    verified_at: datetime | None
    replaced_at: datetime | None

    @property
    def state(self) -> KeyState:
        if self.replaced_at is not None:
            return KeyState.REPLACED
        return KeyState.PENDING if self.verified_at is None else KeyState.ACTIVE

    @property
    def record(self) -> str:
        """The TXT record (RFC 6376 3.6.1, RFC 8463 4)."""
        return f"v=DKIM1; k={self.algorithm.value}; p={self.public_key}"


class Subject(Enum):
    """What a finding is about."""

    OWNERSHIP = "ownership"
    DKIM = "dkim"
    SPF = "spf"
    DMARC = "dmarc"
    RETURN_PATH = "return_path"
    TRACKING = "tracking"
    PTR = "ptr"


class Verdict(Enum):
    """What was found."""

    OK = "ok"
    #: There is nothing.
    MISSING = "missing"
    #: There is something, and it does not do.
    WRONG = "wrong"
    #: Works, and could be better, or cannot be judged from here.
    NOTE = "note"
    #: DNS did not answer: nothing is known.
    UNKNOWN = "unknown"


class DnsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record to set."""

    subject: Subject
    type: str
    name: str
    value: str
    #: Whether mails suffer without it.
    required: bool = True

    @property
    def zone_line(self) -> str:
        """As in a zone file: a TXT value in strings of at most 255 octets (RFC 1035 3.3.14)."""
        value = self.value
        if self.type == "TXT":
            value = " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))
        return f"{self.name}. IN {self.type} {value}"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What DNS says about one thing, and what to do."""

    subject: Subject
    #: Where it was looked for.
    name: str
    verdict: Verdict
    found: str = ""
    #: For people: what it means, and the next step.
    words: str = ""
    #: Since when the verdict is this one.
    since: datetime | None = None

    @property
    def is_bad(self) -> bool:
        return self.verdict in (Verdict.MISSING, Verdict.WRONG)


class DomainInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller says about a domain when adding it."""

    domain: str
    #: Host of MAIL FROM below the domain, such as bounce.brand.example; empty: the sender's own address.
    return_path: str = ""
    #: Host of links and pixels below the domain, such as go.brand.example; empty: the installation's.
    tracking_host: str = ""
    #: Whether that host has a certificate, so that links may begin with https.
    tracking_https: bool = False
    #: Addresses that mails leave from, as far as they are known.
    sending_ips: tuple[str, ...] = ()


class DomainChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a domain; what is UNSET stays."""

    return_path: str | msgspec.UnsetType = msgspec.UNSET
    tracking_host: str | msgspec.UnsetType = msgspec.UNSET
    tracking_https: bool | msgspec.UnsetType = msgspec.UNSET
    sending_ips: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class SendingDomain(msgspec.Struct, frozen=True, kw_only=True):
    """A domain that mails come from."""

    domain_id: int
    account_id: int
    domain: str
    token: str
    return_path: str
    tracking_host: str
    tracking_https: bool
    sending_ips: tuple[str, ...]
    created_at: datetime
    verified_at: datetime | None
    #: In use since then; None: not yet, or no more.
    return_path_at: datetime | None
    tracking_at: datetime | None
    checked_at: datetime | None
    #: What keeps mails from arriving, of a verified domain; empty: nothing known.
    problem: str
    keys: tuple[DkimKey, ...]
    findings: tuple[Finding, ...]

    @property
    def signs(self) -> bool:
        """Whether mails from it are signed."""
        return self.verified_at is not None and any(key.state is KeyState.ACTIVE for key in self.keys)


class DomainView(msgspec.Struct, frozen=True, kw_only=True):
    """A domain as callers see it: with the records to set."""

    domain_id: int
    domain: str
    verified: bool
    #: Whether mails from it are signed.
    signs: bool
    return_path: str
    return_path_in_use: bool
    tracking_host: str
    tracking_https: bool
    tracking_in_use: bool
    sending_ips: tuple[str, ...]
    created_at: datetime
    checked_at: datetime | None
    problem: str
    keys: tuple[KeyView, ...]
    records: tuple[DnsRecord, ...]
    findings: tuple[Finding, ...]


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key as callers see it."""

    selector: str
    algorithm: Algorithm
    state: KeyState
    created_at: datetime
    verified_at: datetime | None
    #: From then on its record may be taken out of DNS.
    record_until: datetime | None
