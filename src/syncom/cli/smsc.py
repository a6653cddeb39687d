"""What ``syncom sender add smpp`` is told, as a sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from syncom.cli.given import Many, Switch
from syncom.cli.secrets import secret_of
from syncom.messages.channels.sms.smpp.model import BindMode, ReceiptIds, SmppBind
from syncom.messages.channels.sms.smpp.segments import SmscAlphabet
from syncom.messages.model import OnUncertain, SenderConfig, SenderKind
from syncom.messages.senders import SenderInput

#: Where the password may be, so that it is in no command line and no history.
PASSWORD_VARIABLE = "SYNCOM_SMPP_PASSWORD"  # noqa: S105 - the name of a variable


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Smsc:
    """An SMSC, and how its operator wants to be spoken to."""

    host: Annotated[str, Parameter(help="The SMSC.")]
    system_id: Annotated[str, Parameter(help="Our name there.")]
    sender_name: Annotated[
        Many, Parameter(name="--from", help="Name or number that texts may come from; more than one: repeat it.")
    ] = ()
    port: Annotated[int, Parameter(help="2775 unless given.")] = 2775
    tls: Annotated[Switch, Parameter(help="Speak TLS.")] = False
    password: Annotated[
        str | None,
        Parameter(help=f"Better: in {PASSWORD_VARIABLE}, by --password-stdin, or typed when asked."),
    ] = None
    password_stdin: Annotated[Switch, Parameter(help="Read the password from standard input.")] = False
    system_type: Annotated[str, Parameter(help="As the operator says, such as VMA; often empty.")] = ""
    service_type: Annotated[str, Parameter(help="As the operator says, such as CMT; often empty.")] = ""
    mode: Annotated[BindMode, Parameter(help="transceiver, or pair: a transmitter and a receiver.")] = (
        BindMode.TRANSCEIVER
    )
    every_process: Annotated[
        Switch, Parameter(help="Each sending process binds; else the express process alone, so that there is one bind.")
    ] = False
    window: Annotated[int, Parameter(help="Unanswered texts at most.")] = 50
    source_ton: Annotated[int | None, Parameter(help="Type of number of our names; by their look unless given.")] = None
    source_npi: Annotated[int | None, Parameter(help="Numbering plan of our names; by their look unless given.")] = None
    dest_ton: Annotated[int, Parameter(help="Type of number of phones: 1, international, unless given.")] = 1
    dest_npi: Annotated[int, Parameter(help="Numbering plan of phones: 1, E.164, unless given.")] = 1
    alphabet: Annotated[
        SmscAlphabet, Parameter(help="What the SMSC takes its default alphabet for: gsm or latin1.")
    ] = SmscAlphabet.GSM
    wide_reference: Annotated[Switch, Parameter(help="Join parts by a reference of 16 bits.")] = False
    receipt_ids: Annotated[
        ReceiptIds,
        Parameter(help="How ids in receipts relate to those in answers: same, hex-then-decimal, decimal-then-hex."),
    ] = ReceiptIds.SAME
    unknown_number_error: Annotated[
        Many, Parameter(help="A code behind err: in receipts that means: no such number. 001 unless given.")
    ] = ()
    name: Annotated[str | None, Parameter(help="What to call the sender; the host unless given.")] = None
    rate: Annotated[float | None, Parameter(help="Texts a second at most.")] = None
    timeout: Annotated[float, Parameter(help="Seconds to wait for an answer.")] = 30.0
    on_uncertain: Annotated[OnUncertain, Parameter(help="When the answer is lost: send again, or leave it.")] = (
        OnUncertain.LEAVE
    )
    default: Annotated[Switch, Parameter(help="Send every text through it that names no sender.")] = False


def sender_of(smsc: Smsc) -> SenderInput:
    """The sender that was described."""
    bind = SmppBind(
        host=smsc.host,
        port=smsc.port,
        tls=smsc.tls,
        system_id=smsc.system_id,
        system_type=smsc.system_type,
        service_type=smsc.service_type,
        mode=smsc.mode,
        one_process=not smsc.every_process,
        names=smsc.sender_name,
        source_ton=smsc.source_ton,
        source_npi=smsc.source_npi,
        dest_ton=smsc.dest_ton,
        dest_npi=smsc.dest_npi,
        window=smsc.window,
        alphabet=smsc.alphabet,
        wide_reference=smsc.wide_reference,
        receipt_ids=smsc.receipt_ids,
        unknown_number_errors=smsc.unknown_number_error or ("001",),
    )
    return SenderInput(
        name=smsc.name or smsc.host,
        kind=SenderKind.SMPP,
        config=SenderConfig(
            smpp=bind, rate_per_second=smsc.rate or None, timeout=smsc.timeout, on_uncertain=smsc.on_uncertain
        ),
        password=secret_of(
            smsc.password,
            stdin=smsc.password_stdin,
            variable=PASSWORD_VARIABLE,
            prompt=f"Password of {smsc.system_id}",
        ),
        is_default=smsc.default,
    )
