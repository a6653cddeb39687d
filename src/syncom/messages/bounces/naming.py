"""What a mail's evidence names: tokens are checked here, and so is whose account they are of."""

from __future__ import annotations

from datetime import datetime

from syncom.messages.bounces.model import Named
from syncom.messages.bounces.reading.evidence import Evidence
from syncom.tokens import MessageTokens


def named(tokens: MessageTokens, evidence: Evidence, now: datetime, *, envelope: str = "") -> tuple[Named, ...]:
    """Messages that a mail may be about, the best evidence first.

    ``envelope``: local part of the address that the mail came to.
    """
    found: list[Named] = []
    for local_part in dict.fromkeys((envelope, *evidence.return_paths)):
        reference = tokens.read_bounce(local_part, now) if local_part else None
        if reference is not None:
            found.append(
                Named(
                    message_id=reference.message_id,
                    is_signed=True,
                    account_id=reference.account_id,
                    contact_id=reference.contact_id,
                )
            )
    for token in evidence.unsubscribe_tokens:
        message = tokens.read_unsubscribe(token)
        if message is not None:
            found.append(
                Named(
                    message_id=message.message_id,
                    is_signed=True,
                    account_id=message.account_id,
                    contact_id=message.contact_id,
                )
            )
    found += [Named(message_id=message_id, is_signed=False) for message_id in evidence.message_ids]
    return tuple(found)
