"""The DNS records of a sending domain."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from syncom.messages.identity.model import Algorithm, DnsRecord, KeyState, SendingDomain, Subject

_OWNERSHIP: Final = "syncom-domain="
#: Stands for this server's name while nobody said it.
UNNAMED: Final = "name-of-this-server"


def records_of(domain: SendingDomain, public_host: str) -> tuple[DnsRecord, ...]:
    """Every record to set. ``public_host``: how the world calls this server; empty: not known."""
    here = public_host or UNNAMED
    found = [
        DnsRecord(
            subject=Subject.OWNERSHIP, type="TXT", name=ownership_name(domain.domain), value=_OWNERSHIP + domain.token
        )
    ]
    found += [
        DnsRecord(
            subject=Subject.DKIM,
            type="TXT",
            name=dkim_name(domain.domain, key.selector),
            value=key.record,
            required=key.algorithm is Algorithm.RSA,
        )
        for key in domain.keys
        if key.state is not KeyState.REPLACED
    ]
    if domain.return_path:
        found.append(DnsRecord(subject=Subject.RETURN_PATH, type="MX", name=domain.return_path, value=f"10 {here}."))
    found += [
        DnsRecord(
            subject=Subject.SPF,
            type="TXT",
            name=mail_from_domain(domain),
            value=f"v=spf1 {' '.join(spf_terms(domain.sending_ips)) or f'a:{here}'} ~all",
        ),
        DnsRecord(
            subject=Subject.DMARC,
            type="TXT",
            name=f"_dmarc.{domain.domain}",
            value=f"v=DMARC1; p=none; rua=mailto:postmaster@{domain.domain}",
        ),
    ]
    if domain.tracking_host:
        found.append(DnsRecord(subject=Subject.TRACKING, type="CNAME", name=domain.tracking_host, value=f"{here}."))
    return tuple(found)


def ownership_name(domain: str) -> str:
    return f"_syncom.{domain}"


def ownership_token(text: str) -> str | None:
    """The token in a TXT record; None for another one's record."""
    return text.strip().removeprefix(_OWNERSHIP) if text.strip().startswith(_OWNERSHIP) else None


def dkim_name(domain: str, selector: str) -> str:
    return f"{selector}._domainkey.{domain}"


def mail_from_domain(domain: SendingDomain) -> str:
    """Whose SPF record receivers ask for."""
    return domain.return_path or domain.domain


def spf_terms(addresses: Sequence[str]) -> list[str]:
    """What lets these addresses send."""
    return [f"ip{ip_address(one).version}:{one}" for one in addresses]
