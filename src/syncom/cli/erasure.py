"""``syncom erasure``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
from cyclopts import App

from syncom.cli.given import read_bytes
from syncom.cli.output import show, table
from syncom.cli.services import Here, Options, here
from syncom.contacts.erasures import SignedCertificate, is_genuine
from syncom.errors import Invalid

app = App(name="erasure", help="People who were erased: certificates, and erasing again after a restore.")
_DEFAULT = Options()
_PAGE = 1_000


@app.command(name="list")
async def list_erasures(*, contact: int | None = None, limit: int = 100, options: Options = _DEFAULT) -> None:
    """List certificates of erasures, the last one first. With --json: as they are signed.

    Parameters
    ----------
    contact
        Those of this contact.
    limit
        How many at most.
    """
    async with here(options) as services:
        found = await _certificates(services, contact, limit)
    rows = [(one.erasure_id, one.contact_id, one.erased_at, sum(one.content.deleted.values())) for one in found]
    columns = ("number", "contact", "erased", "rows deleted")
    show(found, json=options.json, human=lambda: table(columns, rows, empty="Nobody was erased."))


@app.command
async def verify(file: Path, *, options: Options = _DEFAULT) -> None:
    """Check certificates in a file that `syncom erasure list --json` wrote. Exit code 1: one is not genuine.

    Parameters
    ----------
    file
        The file.
    """
    found = _read(file)
    wrong = [one.erasure_id for one in found if not is_genuine(one)]
    told = {"certificates": len(found), "not_genuine": wrong}
    said = f"{len(found)} certificates, {len(wrong)} of them not genuine."
    show(told, json=options.json, human=lambda: print(said))
    if wrong:
        sys.exit(1)


@app.command
async def again(file: Path, *, options: Options = _DEFAULT) -> None:
    """After a backup was restored: erase again who was erased since it was made.

    A contact is erased only when one of its addresses is among the hashes of its certificate, because numbers may have
    gone to other people.

    Parameters
    ----------
    file
        Certificates from before the restore, written by `syncom erasure list --limit 1000000 --json`.
    """
    found = _read(file)
    erased: list[int] = []
    async with here(options) as services:
        contacts = services.app.contacts
        assert contacts.erasures is not None
        for one in _own(found, services.account_id):
            if await contacts.erasures.is_of(services.account_id, one.content):
                await contacts.erase_many(services.account_id, [one.contact_id])
                erased.append(one.contact_id)
    show({"erased": erased}, json=options.json, human=lambda: print(f"{len(erased)} contacts erased again."))


async def _certificates(services: Here, contact: int | None, limit: int) -> list[SignedCertificate]:
    erasures = services.app.contacts.erasures
    assert erasures is not None
    found: list[SignedCertificate] = []
    while len(found) < limit:
        wanted = min(_PAGE, limit - len(found))
        before = found[-1].erasure_id if found else None
        page = await erasures.certificates(services.account_id, contact_id=contact, before=before, limit=wanted)
        found += page
        if len(page) < wanted:
            break
    return found


def _own(found: Iterable[SignedCertificate], account_id: int) -> list[SignedCertificate]:
    """Those of the account that are genuine. Raises Invalid for one that is not."""
    for one in found:
        if not is_genuine(one):
            raise Invalid("file", f"certificate {one.erasure_id} is not genuine")
    return [one for one in found if one.content.account_id == account_id]


def _read(file: Path) -> list[SignedCertificate]:
    try:
        return msgspec.json.decode(read_bytes("file", file), type=list[SignedCertificate])
    except msgspec.DecodeError as error:
        raise Invalid("file", f"holds no certificates: {error}") from None
