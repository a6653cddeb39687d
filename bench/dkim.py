"""DKIM signatures a second and core, on mails of 5 KB, against the bare RSA-2048 sign rate of `cryptography`.

The floor signs a hash of 32 bytes that is there already (PKCS #1 v1.5, SHA-256): no signer of mails can be faster.
Measured in time of the processor, because the machine may be busy otherwise; floor and figure take turns.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from bench.figures import Figure, median
from syncom.content.compile import compile_content
from syncom.content.model import TemplateInput
from syncom.content.render import Renderer
from syncom.messages.channels.email.dkim import DkimSigner, SigningKey
from syncom.messages.channels.email.mime import MimeFrame, list_unsubscribe
from syncom.messages.identity.keys import load_private_key, new_key
from syncom.messages.identity.model import Algorithm
from syncom.security import Keyring
from syncom.tokens import MessageTokens

ROUNDS = 9
SIGNS = 500
SIZE = 5_000
DOMAIN = "brand.example"

_PARAGRAPH = (
    f'    <p style="margin:0 0 16px;font-size:14px;line-height:20px">{"A few words about the week. " * 9}</p>\n'
)
LETTER = TemplateInput(
    name="News",
    subject="News for {{ first_name }}",
    source=(
        "<html>\n  <body>\n    <h1>Hello {{ first_name }}</h1>\n"
        + "".join(f'    <p><a href="https://shop.example/news/{number}">News {number}</a></p>\n' for number in range(4))
        + _PARAGRAPH * 4
        + '    <p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>\n  </body>\n</html>\n'
    ),
)


async def run() -> list[Figure]:
    now = datetime.now(UTC)
    keys = [new_key(algorithm, now) for algorithm in (Algorithm.RSA, Algorithm.ED25519)]
    signing = [SigningKey(key.selector, load_private_key(key.private_key)) for key in keys]
    rsa = signing[0].private
    assert isinstance(rsa, RSAPrivateKey)
    mail = _mail(now)
    if not SIZE * 0.95 <= len(mail) <= SIZE * 1.1:
        raise AssertionError(f"the mail has {len(mail)} bytes, {SIZE} are wanted")
    digest, padding, prehashed = hashlib.sha256(b"mail").digest(), PKCS1v15(), Prehashed(SHA256())
    alone, both = DkimSigner(DOMAIN, signing[:1]), DkimSigner(DOMAIN, signing)
    rounds = [
        (
            _rate(lambda: rsa.sign(digest, padding, prehashed)),
            _rate(lambda: alone.sign(mail, now)),
            _rate(lambda: both.sign(mail, now)),
        )
        for _ in range(ROUNDS)
    ]
    floor, one, two = (median([found[place] for found in rounds]) for place in range(3))
    return [
        Figure(
            issue="06",
            name="DKIM RSA-2048 on mails of 5 KB",
            measured=one,
            floor=floor,
            unit="signatures/s a core",
            must=0.6,
            aim=0.85,
        ),
        Figure(
            issue="06",
            name="DKIM RSA-2048 and Ed25519 on mails of 5 KB",
            measured=two,
            floor=floor,
            unit="mails/s a core",
            must=0.6,
            aim=0.75,
        ),
    ]


def _mail(now: datetime) -> bytes:
    tokens = MessageTokens(Keyring(b"k" * 32))
    renderer = Renderer(compile_content(LETTER, ()), base_url="https://go.brand.example", tokens=tokens)
    rendered = renderer.render(1, 2, 3, UUID(int=1), {"first_name": "Olena"}, {})
    frame = MimeFrame(
        from_address=f"news@{DOMAIN}",
        from_name="Brand",
        headers={"Feedback-ID": "c1:s2:campaign:syncom3", "List-Id": f"<campaign.2.{DOMAIN}>"},
        seven_bit=True,
    )
    return frame.build(
        to_address="olena@example.com",
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        message_id=f"<1@{DOMAIN}>",
        date=now,
        extra_headers=list_unsubscribe(rendered.unsubscribe_url),
    )[0]


def _rate(sign: Callable[[], bytes]) -> float:
    started = time.process_time()
    for _ in range(SIGNS):
        sign()
    return SIGNS / (time.process_time() - started)
