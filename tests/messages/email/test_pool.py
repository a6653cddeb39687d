"""The SMTP client against a server that can be told to misbehave."""

from __future__ import annotations

import asyncio
import re
import ssl
from email import message_from_bytes

import pytest
import trustme
import uvloop
from aiosmtpd.controller import Controller
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.errors import Invalid
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.email.model import Mail, Phase, Security, SmtpServer
from syncom.messages.channels.email.pool import SmtpPool
from tests.messages.email.smtp_peer import (
    DROP,
    GARBAGE,
    HANG_UP,
    PHASES,
    STALL,
    Act,
    Mails,
    QuickClock,
    SmtpPeer,
    always,
    once,
    running_peer,
    script,
    send_all,
    sending,
    some_mails,
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


# --- ordinary days ---


async def test_every_mail_arrives_once_with_its_own_words():
    async with running_peer() as peer:
        mails = await send_all(peer, Mails(some_mails(200)), max_connections=4)
    assert mails.count(Outcome.ACCEPTED) == 200
    assert sorted(mail.rcpt_to for mail in peer.accepted) == sorted(f"user{n}@example.com" for n in range(200))
    for mail in peer.accepted:
        number = mail.rcpt_to.removeprefix("user").partition("@")[0]
        assert mail.data == f"Subject: hi\r\n\r\nhello\r\n{number}\r\n".encode()
    assert peer.most_open <= 4


async def test_the_reply_of_the_server_is_reported_with_its_code_and_words():
    async with running_peer() as peer:
        mails = await send_all(peer, Mails(some_mails(1)))
    reply = mails.replies[0]
    assert (reply.code, reply.enhanced, reply.text, reply.phase) == (250, "2.0.0", "taken", Phase.BODY)


async def test_a_server_without_pipelining_gets_one_command_at_a_time():
    seen: list[int] = []
    async with running_peer(SmtpPeer(extensions=("8BITMIME",))) as peer:
        peer.disturb = lambda phase, connection, argument: seen.append(0)
        mails = await send_all(peer, Mails(some_mails(20)))
    assert mails.count(Outcome.ACCEPTED) == 20
    assert peer.commands[1:4] == ["MAIL FROM:<news@example.com>", "RCPT TO:<user0@example.com>", "DATA"]


async def test_a_server_that_only_knows_helo_is_served():
    async with running_peer(SmtpPeer(extended=False)) as peer:
        mails = await send_all(peer, Mails(some_mails(3)))
    assert mails.count(Outcome.ACCEPTED) == 3
    assert peer.commands[:2] == ["EHLO localhost", "HELO localhost"]


async def test_a_connection_carries_no_more_than_its_share_of_mails():
    async with running_peer() as peer:
        mails = await send_all(peer, Mails(some_mails(25)), messages_per_connection=10)
    assert mails.count(Outcome.ACCEPTED) == 25
    assert [sum(mail.connection == n for mail in peer.accepted) for n in range(3)] == [10, 10, 5]


async def test_an_idle_connection_is_reused_and_says_goodbye_after_its_time():
    async with running_peer() as peer:
        mails = Mails(some_mails(1))
        async with (
            sending(peer, mails, clock=QuickClock(1000), idle_timeout=300) as pool,
            asyncio.timeout(10),
        ):
            await mails.done.wait()
            mails.waiting.append(some_mails(2)[1])
            mails.total = 2
            mails.done.clear()
            pool.wake()
            await mails.done.wait()
            assert peer.connections == 1
            while pool.state().connections:
                await asyncio.sleep(0.01)
    assert peer.commands[-1] == "QUIT"


async def test_the_pool_grows_while_there_is_work_and_never_beyond_its_limit():
    async with running_peer() as peer:
        mails = await send_all(peer, Mails(some_mails(500)), max_connections=5)
    assert mails.count(Outcome.ACCEPTED) == 500
    assert peer.most_open == 5


async def test_drain_finishes_what_is_in_hand_and_starts_nothing_new():
    async with running_peer(SmtpPeer(disturb=always("after_dot", Act(say="250 ok", drip=0.005)))) as peer:
        mails = Mails(some_mails(50))
        async with sending(peer, mails) as pool, asyncio.timeout(10):
            while not mails.out:
                await asyncio.sleep(0.001)
            await pool.drain()
            assert not mails.out
            assert 1 <= len(mails.outcomes) <= 4
            assert mails.count(Outcome.ACCEPTED) == len(mails.outcomes)
            assert pool.state().connections == 0


async def test_a_mail_that_came_back_unsent_is_asked_for_although_nobody_wakes_the_pool():
    def first_stalls(phase: str, connection: int, argument: str) -> Act | None:
        return STALL if (phase, connection) == ("mail", 0) else None

    async with running_peer(SmtpPeer(disturb=first_stalls)) as peer:
        mails = Mails(some_mails(2), resend=True)
        async with (
            sending(peer, mails, max_connections=2, command_timeout=30) as pool,
            asyncio.timeout(10),
        ):
            while 0 not in mails.out:
                await asyncio.sleep(0.001)
            pool.wake()
            await mails.done.wait()
    assert mails.reports == [(1, Outcome.ACCEPTED), (0, Outcome.NOT_SENT), (0, Outcome.ACCEPTED)]


async def test_close_settles_every_mail_in_hand():
    async with running_peer(SmtpPeer(disturb=always("after_dot", STALL))) as peer:
        mails = Mails(some_mails(10))
        async with sending(peer, mails) as pool, asyncio.timeout(10):
            while not peer.accepted:
                await asyncio.sleep(0.001)
            await pool.close()
    # One body was out; the next mail's commands were, its body was not.
    assert mails.reports == [(0, Outcome.UNCERTAIN), (1, Outcome.NOT_SENT)]


# --- what goes over the wire ---


async def test_dots_are_stuffed_and_lone_line_ends_cannot_smuggle_a_second_mail():
    evil = b"Subject: x\r\n\r\n.\r\n..\r\nMAIL\n.\nRCPT\r.\rDATA\n.\r\nMAIL FROM:<evil@example.com>\r\n.\n"
    async with running_peer() as peer:
        mails = await send_all(peer, Mails([Mail(key=0, mail_from="", rcpt_to="a@example.com", data=evil)]))
    assert mails.count(Outcome.ACCEPTED) == 1
    (received,) = peer.accepted
    assert received.mail_from == ""
    assert received.data == (
        b"Subject: x\r\n\r\n.\r\n..\r\nMAIL\r\n.\r\nRCPT\r\n.\r\nDATA\r\n.\r\nMAIL FROM:<evil@example.com>\r\n.\r\n"
    )


@given(st.binary(max_size=60) | st.text(alphabet=".\r\na", max_size=30).map(str.encode))
def test_a_body_on_the_wire_ends_only_at_its_end(data: bytes):
    from syncom.messages.channels.email.wire import wire_body

    body = wire_body(data)
    assert (b"\r\n" + body).find(b"\r\n.\r\n") == len(body) + 2 - 5
    assert body.count(b"\n") == body.count(b"\r") == body.count(b"\r\n")
    lines = [line.removeprefix(b".") for line in body.removesuffix(b".\r\n").split(b"\r\n")]
    expected = re.split(rb"\r\n|\r|\n", data)
    assert lines == (expected if expected[-1] == b"" else [*expected, b""])


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example>\r\nDATA",
        "a b@example.com",
        "a@example.com\0",
        "<a@example.com>",
        "a@exa mple.com",
        "nobody",
        "@x.y",
        "x" * 300 + "@example.com",
        "a@-.example",
        "a\ud800@example.com",
    ],
)
async def test_an_address_that_could_break_out_of_its_command_is_refused_here(address: str):
    bad = Mail(key="bad", mail_from="news@example.com", rcpt_to=address, data=b"x\r\n")
    worse = Mail(key="worse", mail_from=address, rcpt_to="a@example.com", data=b"x\r\n")
    async with running_peer() as peer:
        mails = await send_all(peer, Mails([bad, worse, *some_mails(1)]))
    assert mails.outcomes == {"bad": Outcome.PERMANENT, "worse": Outcome.PERMANENT, 0: Outcome.ACCEPTED}
    assert mails.replies["bad"].local
    assert len(peer.accepted) == 1


async def test_an_idn_domain_travels_as_a_labels_without_smtputf8():
    mail = Mail(key=0, mail_from="n@пример.рф", rcpt_to="jane@bücher.example", data=b"x\r\n")
    async with running_peer(SmtpPeer(extensions=())) as peer:
        await send_all(peer, Mails([mail]))
    assert peer.accepted[0].rcpt_to == "jane@xn--bcher-kva.example"
    assert peer.accepted[0].mail_from == "n@xn--e1afmkfd.xn--p1ai"


async def test_a_local_part_outside_ascii_needs_smtputf8():
    mail = Mail(key=0, mail_from="n@example.com", rcpt_to="дуня@пример.рф", data=b"x\r\n")
    async with running_peer(SmtpPeer(extensions=("8BITMIME",))) as peer:
        mails = await send_all(peer, Mails([mail]))
    assert mails.outcomes == {0: Outcome.PERMANENT}
    assert "SMTPUTF8" in mails.replies[0].text
    async with running_peer() as peer:
        mails = await send_all(peer, Mails([mail]))
    assert mails.outcomes == {0: Outcome.ACCEPTED}
    assert peer.accepted[0].rcpt_to.startswith("дуня@")
    assert "SMTPUTF8" in peer.accepted[0].parameters


async def test_an_8bit_mail_goes_as_it_is_or_in_its_7bit_form_or_not_at_all():
    plain = Mail(key=0, mail_from="n@example.com", rcpt_to="a@example.com", data="é\r\n".encode(), needs_8bit=True)
    double = Mail(
        key=0,
        mail_from="n@example.com",
        rcpt_to="a@example.com",
        data="é\r\n".encode(),
        needs_8bit=True,
        encode_7bit=lambda: b"=C3=A9\r\n",
    )
    async with running_peer() as peer:
        await send_all(peer, Mails([double]))
    assert (peer.accepted[0].data, "BODY=8BITMIME" in peer.accepted[0].parameters) == ("é\r\n".encode(), True)
    async with running_peer(SmtpPeer(extensions=("PIPELINING",))) as peer:
        await send_all(peer, Mails([double]))
        mails = await send_all(peer, Mails([plain]))
    assert [mail.data for mail in peer.accepted] == [b"=C3=A9\r\n"]
    assert mails.outcomes == {0: Outcome.PERMANENT}


async def test_a_mail_over_the_announced_size_is_refused_without_sending_it():
    async with running_peer(SmtpPeer(extensions=("PIPELINING", "SIZE 100"))) as peer:
        mails = await send_all(peer, Mails(some_mails(1, data=b"x" * 200 + b"\r\n")))
    assert mails.outcomes == {0: Outcome.PERMANENT}
    assert "100" in mails.replies[0].text
    assert not any(command.startswith("MAIL") for command in peer.commands)


async def test_a_large_mail_arrives_whole():
    big = b"Subject: big\r\n\r\n" + b"line of the body\r\n" * 50_000
    async with running_peer() as peer:
        mails = await send_all(peer, Mails(some_mails(3, data=big)), clock=QuickClock(10))
    assert mails.count(Outcome.ACCEPTED) == 3
    assert all(mail.data.startswith(big) for mail in peer.accepted)


# --- refusals ---


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
@pytest.mark.parametrize("always_354", [False, True])
async def test_a_refused_recipient_does_not_harm_its_neighbours(extensions: tuple[str, ...], always_354: bool):
    async with running_peer(
        SmtpPeer(extensions=extensions, unknown=re.compile(r"user[1347]@"), always_354=always_354)
    ) as peer:
        mails = await send_all(peer, Mails(some_mails(10)))
    assert {n for n, outcome in mails.outcomes.items() if outcome is Outcome.PERMANENT} == {1, 3, 4, 7}
    assert mails.count(Outcome.ACCEPTED) == 6
    assert len(peer.accepted) == 6
    assert (mails.replies[1].enhanced, mails.replies[1].phase) == ("5.1.1", Phase.RCPT)
    assert peer.connections == 1


async def test_greylisting_is_temporary_and_passes_the_second_time():
    async with running_peer(SmtpPeer(greylist=True)) as peer:
        first = await send_all(peer, Mails(some_mails(5)))
        second = await send_all(peer, Mails(some_mails(5)))
    assert first.count(Outcome.TRANSIENT) == 5
    assert second.count(Outcome.ACCEPTED) == 5


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data", "after_dot"])
@pytest.mark.parametrize(("code", "outcome"), [(451, Outcome.TRANSIENT), (554, Outcome.PERMANENT)])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
async def test_a_refusal_at_any_step_concerns_that_mail_alone(
    phase: str, code: int, outcome: Outcome, extensions: tuple[str, ...]
):
    refuse = Act(say=f"{code}-{code // 100}.3.0 not\r\n{code} {code // 100}.3.0 this one")
    async with running_peer(SmtpPeer(extensions=extensions, disturb=once(phase, refuse))) as peer:
        mails = await send_all(peer, Mails(some_mails(5)))
    assert mails.outcomes[0] is outcome
    assert mails.replies[0].text == "not this one"
    assert mails.count(Outcome.ACCEPTED) == 4
    assert peer.connections == 1


# --- faults ---


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
@pytest.mark.parametrize("act", [DROP, STALL, GARBAGE, HANG_UP])
@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase != "starttls"])
async def test_a_fault_at_any_moment_costs_at_most_one_uncertain_mail(
    phase: str, act: Act, extensions: tuple[str, ...]
):
    async with running_peer(SmtpPeer(extensions=extensions, disturb=once(phase, act))) as peer:
        mails = await send_all(peer, Mails(some_mails(6), resend=True), command_timeout=10)
    taken = [mail.rcpt_to for mail in peer.accepted]
    assert len(taken) == len(set(taken)), "a mail was resent blindly"
    assert mails.count(Outcome.UNCERTAIN) <= (1 if phase in ("mid_body", "after_dot") else 0)
    for n, outcome in mails.outcomes.items():
        if outcome is Outcome.ACCEPTED:
            assert f"user{n}@example.com" in taken
    assert mails.count(Outcome.ACCEPTED) >= 5


async def test_a_reply_lost_after_the_final_dot_is_uncertain_and_the_next_parcel_is_not_sent():
    async with running_peer(SmtpPeer(disturb=once("after_dot", DROP))) as peer:
        mails = await send_all(peer, Mails(some_mails(3), resend=True))
    assert mails.reports[:2] == [(0, Outcome.UNCERTAIN), (1, Outcome.NOT_SENT)]
    assert (mails.count(Outcome.UNCERTAIN), mails.count(Outcome.ACCEPTED)) == (1, 2)


async def test_a_reply_that_comes_before_the_message_is_not_believed():
    async with running_peer(SmtpPeer(disturb=once("data", Act(say="354 go\r\n250 taken", drop=True)))) as peer:
        mails = await send_all(peer, Mails(some_mails(1), resend=True))
    assert mails.reports[0] == (0, Outcome.NOT_SENT)
    assert len(peer.accepted) == 1


@pytest.mark.parametrize(
    ("phase", "words"),
    [("banner", "220 hello\r\n250 PIPELINING"), ("mail", "250 ok\r\n250 ok"), ("rcpt", "250 ok\r\n354 go")],
)
async def test_an_answer_that_comes_before_its_question_ends_the_connection(phase: str, words: str):
    async with running_peer(SmtpPeer(extensions=(), disturb=once(phase, Act(say=words)))) as peer:
        mails = Mails(some_mails(1), resend=True)
        async with sending(peer, mails, clock=QuickClock(1)) as pool, asyncio.timeout(5):
            while pool.state().last_error is None:
                await asyncio.sleep(0.01)
            error = pool.state().last_error
    assert error is not None
    assert "before it was asked" in error.text
    assert not peer.accepted


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
async def test_a_goodbye_right_behind_an_answer_harms_nobody(extensions: tuple[str, ...]):
    goodbye = once("after_dot", Act(say="250 taken\r\n421 that was enough", drop=True))
    async with running_peer(SmtpPeer(extensions=extensions, disturb=goodbye)) as peer:
        mails = await send_all(peer, Mails(some_mails(3), resend=True))
        assert mails.pool is not None
        assert mails.pool.state().last_error is None
    assert mails.count(Outcome.ACCEPTED) == 3
    assert len(peer.accepted) == 3


@pytest.mark.parametrize(
    "words",
    [
        "25O ok",
        "99 ok",
        "999 ok",
        "hello",
        "250-a\r\n251 b",
        b"\xff\xfe\x00",
        b"x" * 70_000,
        b"250-x\r\n" * 20_000 + b"250 x",
    ],
)
@pytest.mark.parametrize("phase", ["banner", "mail", "after_dot"])
async def test_what_is_not_smtp_ends_the_connection(phase: str, words: str | bytes):
    async with running_peer(SmtpPeer(disturb=once(phase, Act(say=words)))) as peer:
        mails = await send_all(peer, Mails(some_mails(2), resend=True))
    assert mails.outcomes[0] is (Outcome.UNCERTAIN if phase == "after_dot" else Outcome.ACCEPTED)
    assert mails.outcomes[1] is Outcome.ACCEPTED
    assert peer.connections == 2


async def test_a_server_that_answers_one_byte_at_a_time_is_left_when_time_is_up():
    drip = Act(say="250 " + "x" * 500, drip=0.01)
    async with running_peer(SmtpPeer(disturb=once("after_dot", drip))) as peer:
        mails = await send_all(peer, Mails(some_mails(2), resend=True), command_timeout=20)
    assert mails.outcomes == {0: Outcome.UNCERTAIN, 1: Outcome.ACCEPTED}


async def test_a_421_that_ends_a_used_connection_charges_nobody():
    hang_up = once("mail", HANG_UP, connection=0)
    counted: list[str] = []

    def fourth(phase: str, connection: int, argument: str) -> Act | None:
        if phase == "mail":
            counted.append(argument)
        return hang_up(phase, connection, argument) if len(counted) == 4 else None

    async with running_peer(SmtpPeer(disturb=fourth)) as peer:
        mails = await send_all(peer, Mails(some_mails(6), resend=True))
        assert mails.pool is not None
        assert mails.pool.state().last_error is None
    assert mails.count(Outcome.ACCEPTED) == 6
    assert (3, Outcome.NOT_SENT) in mails.reports


async def test_a_server_that_always_hangs_up_makes_the_pool_back_off_visibly():
    async with running_peer(SmtpPeer(disturb=always("mail", HANG_UP))) as peer:
        mails = Mails(some_mails(100))
        async with sending(peer, mails, clock=QuickClock(1)) as pool:
            await asyncio.sleep(0.2)
            state = pool.state()
    assert peer.connections == 1
    assert mails.count(Outcome.TRANSIENT) == 1
    assert state.last_error is not None
    assert (state.last_error.code, state.last_error.text) == (421, "closing down")
    assert state.backing_off_until is not None


async def test_a_refused_connection_charges_no_mail_and_is_tried_again():
    greet = [Act(say="554 5.3.2 go away"), Act(say="421 4.3.2 busy"), DROP, None]
    async with running_peer(
        SmtpPeer(disturb=lambda phase, n, _: greet[min(n, 3)] if phase == "banner" else None)
    ) as peer:
        mails = await send_all(peer, Mails(some_mails(5)))
    assert mails.count(Outcome.ACCEPTED) == 5
    assert peer.connections == 4


async def test_nobody_listening_is_reported_in_the_state():
    peer = SmtpPeer(port=1)
    mails = Mails(some_mails(1))
    async with sending(peer, mails) as pool, asyncio.timeout(5):
        while pool.state().last_error is None:
            await asyncio.sleep(0.01)
        error = pool.state().last_error
    assert error is not None
    assert error.phase is Phase.CONNECT
    assert "127.0.0.1:1" in error.text
    assert mails.reports == []


async def test_a_journal_that_fails_leaves_no_mail_unsettled():
    class FullDisk(Mails):
        def handing_over(self, mail: Mail, /) -> None:
            if mail.key == 1:
                raise OSError("no space left on device")
            super().handing_over(mail)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)  # the error itself is the loop's to report
    try:
        async with running_peer() as peer:
            mails = FullDisk(some_mails(4))
            await send_all(peer, mails)
    finally:
        loop.set_exception_handler(None)
    assert mails.outcomes[1] is Outcome.NOT_SENT
    assert mails.outcomes[0] is Outcome.ACCEPTED
    assert sum("user1@" in mail.rcpt_to for mail in peer.accepted) == 0


acts = st.sampled_from(
    [
        None,
        None,
        None,
        None,
        DROP,
        STALL,
        GARBAGE,
        HANG_UP,
        Act(say="451 4.3.0 later"),
        Act(say="550 5.1.1 no"),
        Act(say="250 ok"),
        Act(say="354 go"),
        Act(say="250 ok\r\n250 ok"),
        Act(say="354 go\r\n250 ok", drop=True),
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    behaviour=st.lists(acts, max_size=30),
    extensions=st.sampled_from([("PIPELINING",), ()]),
    always_354=st.booleans(),
    connections=st.integers(1, 3),
    share=st.integers(1, 4),
)
def test_whatever_the_server_does_each_mail_pulled_is_finished_exactly_once(
    behaviour: list[Act | None], extensions: tuple[str, ...], always_354: bool, connections: int, share: int
):
    async def run() -> tuple[Mails, SmtpPeer]:
        peer = SmtpPeer(extensions=extensions, always_354=always_354, disturb=script(behaviour))
        async with running_peer(peer):
            mails = await send_all(
                peer,
                Mails(some_mails(8), resend=True),
                clock=QuickClock(1000),
                command_timeout=60,
                max_connections=connections,
                messages_per_connection=share,
            )
        return mails, peer

    mails, peer = asyncio.run(run())
    assert set(mails.outcomes) == set(range(8))
    taken = [mail.rcpt_to for mail in peer.accepted]
    assert len(taken) == len(set(taken))
    for address in taken:
        number = int(address.removeprefix("user").partition("@")[0])
        assert mails.outcomes[number] in (Outcome.ACCEPTED, Outcome.UNCERTAIN)
    honest = {number for number, outcome in mails.outcomes.items() if outcome is Outcome.ACCEPTED}
    assert all(f"user{number}@example.com" in taken for number in honest)


# --- TLS and login ---


@pytest.mark.parametrize("loop", [asyncio, uvloop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
async def test_mails_travel_over_tls(loop: object, security: Security, server_tls: ssl.SSLContext, ca_file: str):
    async def run() -> SmtpPeer:
        implicit = security is Security.TLS
        peer = SmtpPeer(tls=server_tls, implicit_tls=implicit, login=("me", "pass: wörd"))
        async with running_peer(peer):
            mails = await send_all(
                peer,
                Mails(some_mails(20)),
                clock=QuickClock(5),
                security=security,
                ca_file=ca_file,
                username="me",
                password="pass: wörd",
            )
        assert mails.count(Outcome.ACCEPTED) == 20
        return peer

    peer = await asyncio.to_thread(loop.run, run())  # pyright: ignore[reportAttributeAccessIssue]
    if security is Security.STARTTLS:
        assert [command.split()[0] for command in peer.commands[:4]] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


@pytest.mark.parametrize(
    "act", [DROP, STALL, GARBAGE, HANG_UP, Act(say="220 go", drop=True), Act(say="454 4.7.0 no TLS")]
)
async def test_a_fault_at_starttls_costs_no_mail(act: Act, server_tls: ssl.SSLContext, ca_file: str):
    async with running_peer(SmtpPeer(tls=server_tls, disturb=once("starttls", act))) as peer:
        mails = await send_all(
            peer,
            Mails(some_mails(3)),
            clock=QuickClock(20),
            security=Security.STARTTLS,
            ca_file=ca_file,
            command_timeout=10,
        )
    assert mails.count(Outcome.ACCEPTED) == 3
    assert peer.connections == 2


async def test_a_certificate_of_somebody_else_is_not_accepted(server_tls: ssl.SSLContext):
    async with running_peer(SmtpPeer(tls=server_tls)) as peer:
        mails = Mails(some_mails(1))
        async with sending(peer, mails, security=Security.STARTTLS, clock=QuickClock(1)) as pool:
            while pool.state().last_error is None:
                await asyncio.sleep(0.01)
            error = pool.state().last_error
        assert error is not None
        assert "TLS failed" in error.text
        assert mails.reports == []
        mails = await send_all(
            peer, Mails(some_mails(1)), security=Security.STARTTLS, verify=False, clock=QuickClock(5)
        )
    assert mails.count(Outcome.ACCEPTED) == 1


async def test_nothing_is_sent_in_the_clear_when_starttls_is_asked_for():
    async with running_peer() as peer:
        mails = Mails(some_mails(1))
        async with sending(peer, mails, security=Security.STARTTLS, username="me", password="secret") as pool:
            while pool.state().last_error is None:
                await asyncio.sleep(0.01)
    assert {command.split()[0] for command in peer.commands} <= {"EHLO", "QUIT"}
    assert mails.reports == []


@pytest.mark.parametrize("loop", [asyncio, uvloop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(
    "injected",
    [Act(say="220 go\r\n250-peer.example\r\n250 AUTH PLAIN"), Act(say="220 go", and_half=b"250-AUTH")],
)
async def test_words_in_the_clear_behind_the_starttls_reply_are_never_read_as_secure(
    injected: Act, loop: object, server_tls: ssl.SSLContext, ca_file: str
):
    async def run() -> str:
        async with running_peer(SmtpPeer(tls=server_tls, disturb=always("starttls", injected))) as peer:
            mails = Mails(some_mails(1))
            settings = {
                "security": Security.STARTTLS,
                "ca_file": ca_file,
                "username": "me",
                "password": "secret",
            }
            async with sending(peer, mails, clock=QuickClock(1), **settings) as pool:
                while pool.state().last_error is None:
                    await asyncio.sleep(0.01)
                error = pool.state().last_error
            assert error is not None
            assert not any(command.startswith("AUTH") for command in peer.commands)
            return error.text

    assert "in the clear" in await asyncio.to_thread(loop.run, run())  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN", "LOGIN", "CRAM-MD5 PLAIN"])
async def test_login_by_what_the_server_offers(mechanisms: str):
    async with running_peer(SmtpPeer(login=("user", "secret"), mechanisms=mechanisms)) as peer:
        mails = await send_all(peer, Mails(some_mails(2)), username="user", password="secret")
    assert mails.count(Outcome.ACCEPTED) == 2


@pytest.mark.parametrize(
    ("mechanisms", "username", "password"),
    [("PLAIN", "user", "wrong"), ("GSSAPI", "user", "secret"), ("PLAIN", "", "")],
)
async def test_a_refused_login_stops_the_pool_for_long_and_charges_no_mail(
    mechanisms: str, username: str, password: str
):
    async with running_peer(SmtpPeer(login=("user", "secret"), mechanisms=mechanisms)) as peer:
        mails = Mails(some_mails(1))
        async with (
            sending(peer, mails, clock=QuickClock(1), username=username, password=password) as pool,
            asyncio.timeout(5),
        ):
            while not pool.state().login_refused:
                await asyncio.sleep(0.01)
            state = pool.state()
    assert state.backing_off_until is not None
    assert state.last_error_at is not None
    assert (state.backing_off_until - state.last_error_at).total_seconds() >= 30
    assert Outcome.PERMANENT not in mails.outcomes.values()
    assert peer.connections == 1


def test_settings_that_cannot_work_are_refused_with_the_name_of_the_field():
    for field, value in {
        "host": "",
        "port": 0,
        "helo_name": "a b",
        "max_connections": 0,
        "idle_timeout": 0.0,
    }.items():
        with pytest.raises(Invalid) as caught:
            SmtpServer(**{"host": "mail.example", field: value})
        assert caught.value.fields[0].field == field


def test_the_password_is_not_shown():
    assert "secret" not in repr(SmtpServer(host="mail.example", username="me", password="secret"))


# --- other people's servers ---


async def test_aiosmtpd_takes_our_mails():
    class Keep:
        def __init__(self) -> None:
            self.contents: list[bytes] = []

        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
            self.contents.append(envelope.original_content)  # pyright: ignore[reportAttributeAccessIssue]
            return "250 OK"

    keep = Keep()
    controller = Controller(keep, hostname="127.0.0.1", port=0, enable_SMTPUTF8=True)
    # aiosmtpd asks its own port by connecting; port 0 needs the real one.
    controller.port = _free_port()
    controller.start()
    try:
        mails = await send_all(SmtpPeer(port=controller.port), Mails(some_mails(50)), max_connections=3)
    finally:
        controller.stop()
    assert mails.count(Outcome.ACCEPTED) == 50
    assert {message_from_bytes(content)["Subject"] for content in keep.contents} == {"hi"}


async def test_the_sink_of_postfix_takes_our_mails():
    import shutil

    sink = shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/lib/postfix/sbin")
    if sink is None:
        pytest.skip("smtp-sink of postfix is not installed")
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sink,
        "-u",
        "nobody",
        f"127.0.0.1:{port}",
        "100",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        mails = await send_all(SmtpPeer(port=port), Mails(some_mails(500)), max_connections=5, clock=QuickClock(10))
    finally:
        process.terminate()
        await process.wait()
    assert mails.count(Outcome.ACCEPTED) == 500


def _free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def test_a_pool_that_never_worked_closes_at_once():
    pool = SmtpPool(SmtpServer(host="127.0.0.1", security=Security.PLAIN), Mails([]), clock=QuickClock())
    pool.start()
    await pool.drain()
    await pool.close()
    assert pool.state().connections == 0
