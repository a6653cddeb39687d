"""Binds over TLS: to whom the certificate names, and to nobody else."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from syncom.clock import SystemClock
from syncom.errors import Upstream
from syncom.messages.channels.sms.smpp import pool as pools
from syncom.messages.channels.sms.smpp.model import SmppBind
from syncom.messages.channels.sms.smpp.trial import try_bind
from tests.messages.sms.smpp.smsc_peer import Smsc, running_smsc
from tests.messages.sms.smpp.test_pool import parcel


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system trusts the authority."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.fixture
def pem(authority: trustme.CA, tmp_path: Path) -> Path:
    """What an SMSC at localhost shows."""
    path = tmp_path / "smsc.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


async def bind(smsc: Smsc, host: str, *, tls: bool = True) -> str:
    bind = SmppBind(host=host, port=smsc.port, system_id="acme", tls=tls, names=("Acme",))
    return await try_bind(
        bind, "secret", parcel(1, "Hello"), allowed=[ip_network("127.0.0.0/8")], timeout=5.0, clock=SystemClock()
    )


@pytest.mark.usefixtures("trusted")
async def test_a_text_goes_through_a_bind_over_tls(pem: Path) -> None:
    async with running_smsc(pem=pem) as smsc:
        assert await bind(smsc, "localhost")
        [text] = await smsc.heard("submit")
        assert text["text"] == "Hello"
        [bound] = smsc.all("bind")
        assert bound["password"] == "secret"


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_of_another_host_is_refused_before_the_password_is_said(pem: Path) -> None:
    async with running_smsc(pem=pem) as smsc:
        with pytest.raises(Upstream, match=r"is of another host than 127\.0\.0\.1: name the host that stands in"):
            await bind(smsc, "127.0.0.1")
        assert smsc.all("bind") == []


async def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_password_is_said(pem: Path) -> None:
    async with running_smsc(pem=pem) as smsc:
        with pytest.raises(Upstream, match=r"is not trusted \(.+\): give its authority to"):
            await bind(smsc, "localhost")
        assert smsc.all("bind") == []


async def test_an_smsc_that_does_not_speak_tls_at_this_port_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_CONNECT_PATIENCE", 0.5)
    async with running_smsc() as smsc:
        with pytest.raises(Upstream, match=r"no connection in time; does it speak TLS at this port\?"):
            await bind(smsc, "localhost")
        assert await bind(smsc, "localhost", tls=False)
