"""What a bounce means: by the table of servers' refusals while we talk to them (``channels/email/replies.toml``)."""

from __future__ import annotations

import re
from typing import Final

from syncom.messages.bounces.model import Report
from syncom.messages.channels.email.model import Phase, Reply
from syncom.messages.channels.email.replies import Action, Verdict, classify, mx_family_of

#: `550 5.1.1 <a@b.example>: user unknown`, also `550-5.1.1` and `#5.1.1`.
_REPLY: Final = re.compile(
    r"\s*(?:([245]\d\d)(?=[\s-]|$)[\s-]*)?(?:#?([245]\.\d{1,3}\.\d{1,3})(?=[\s:;,-]|$)[\s:;,-]*)?"
)
#: Postfix says at which command it was.
_PHASES: Final = (
    ("end of DATA", Phase.BODY),
    ("reply to DATA", Phase.DATA),
    ("MAIL FROM", Phase.MAIL),
)
#: "Other undefined status" (RFC 3463, 3.1): the reporter had no code, so the words decide.
_UNDEFINED: Final = (".0.0",)


def judge(report: Report) -> Verdict:
    """What a bounce or a delay means for its recipient.

    The server's words go before the reporter's status, and both before what a provider makes of them. A refusal "for
    now" never suppresses at once, however long somebody tried.
    """
    verdict = classify(_reply(report), mx_family_of(report.host))
    if verdict.rule or report.said is None:
        return verdict
    strikes = report.said.strikes
    return Verdict(
        kind=report.said.kind,
        action=Action.STOP,
        suppress=strikes == 1,
        strikes=strikes,
        reason=verdict.reason,
        rule="",
    )


def _reply(report: Report) -> Reply:
    """The report as the server's answer that it tells of."""
    match = _REPLY.match(report.words)
    code, enhanced = (match[1], match[2]) if match else (None, None)
    if code is not None and code[0] == "2":
        code = enhanced = None
    status = report.status if not report.status.startswith("2") else ""
    enhanced = enhanced or status or None
    if enhanced is not None and enhanced.endswith(_UNDEFINED):
        enhanced = None
    digit = (code or enhanced or status or "5")[0]
    if enhanced is not None and enhanced[0] != digit:
        # RFC 2034, 4: the class must agree with the basic code.
        enhanced = None
    text = report.words[match.end() :] if match and code else report.words
    phase = next((phase for words, phase in _PHASES if words in report.words), Phase.RCPT)
    return Reply(int(code) if code else 550 if digit == "5" else 450, enhanced, text, phase)
