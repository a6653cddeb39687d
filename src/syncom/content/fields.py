"""Which merge fields exist: the one place that says so."""

from __future__ import annotations

from typing import Any

from syncom.contacts.model import STANDARD_FIELDS, Contact

#: Merge fields every contact has. Custom fields come beside them, by key.
STANDARD = (*(name for name in STANDARD_FIELDS if name != "time_zone"), "contact_id")
#: Made for each message, and not to be overridden by its parameters.
UNSUBSCRIBE_URL = "unsubscribe_url"
#: The mail as a page of its own ("view in browser").
VIEW_URL = "view_url"
#: Where a contact chooses what it gets: the preference centre.
PREFERENCES_URL = "preferences_url"
OWN_URLS = frozenset((UNSUBSCRIBE_URL, VIEW_URL, PREFERENCES_URL))
#: The members of a single message, beside their place at the top level.
PARAMS = "params"


def contact_fields(contact: Contact) -> dict[str, Any]:
    """The merge fields of a contact; an empty value is an empty text. A standard name wins over a custom key."""
    fields = {key: "" if value is None else value for key, value in contact.fields.items()}
    fields.update(
        email=contact.email or "",
        phone=contact.phone or "",
        first_name=contact.first_name,
        last_name=contact.last_name,
        country=contact.country,
        region=contact.region,
        city=contact.city,
        address=contact.address,
        postcode=contact.postcode,
        language=contact.language,
        external_id=contact.external_id or "",
        contact_key=contact.contact_key or "",
        contact_id=contact.contact_id,
    )
    return fields
