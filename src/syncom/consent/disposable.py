"""Throw-away mailboxes: domains of a list that others keep up to date, disposable-email-domains, with subdomains."""

from __future__ import annotations

from functools import cache


def is_disposable(domain: str) -> bool:
    """Whether a domain in its stored form, or one that it belongs to, gives mailboxes to throw away."""
    labels = domain.split(".")
    return any(".".join(labels[place:]) in _domains() for place in range(len(labels) - 1))


@cache
def _domains() -> frozenset[str]:
    """Read when a form first asks: some thousand names that most processes never need."""
    from disposable_email_domains import blocklist

    return frozenset(blocklist)
