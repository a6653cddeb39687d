"""A program that signs somebody in, and the somebody."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256

from syncom.connect.model import Restrictions
from syncom.connect.tenants.model import Consent, Member, Tenant, TokenAnswer
from syncom.connect.tenants.service import TenantsService

REDIRECT = "http://127.0.0.1:51234/callback"


class Program:
    """One sign-in of a public client, step by step."""

    def __init__(self, client_id: str = "membrane-cli", redirect_uri: str = REDIRECT) -> None:
        self.client_id = client_id
        self.redirect_uri = redirect_uri
        self.verifier = secrets.token_urlsafe(48)

    @property
    def challenge(self) -> str:
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def asking(self, scope: str = "tenant", **more: str) -> dict[str, str]:
        """Parameters of the authorization request."""
        return {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": scope,
            "state": "st&te",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            **more,
        }

    def exchanging(self, code: str, **other: str) -> dict[str, str]:
        """Parameters of the token request."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **other,
        }

    def refreshing(self, token: str, **other: str) -> dict[str, str]:
        return {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client_id, **other}

    async def code(
        self,
        tenants: TenantsService,
        member: Member,
        tenant: Tenant,
        restrictions: Restrictions | None = None,
        **asking: str,
    ) -> str:
        """The code that a person agrees to."""
        given = self.asking(**asking)
        request = tenants.oauth.request(await tenants.oauth.client_for(given), given)
        again = tenants.oauth.unpack(tenants.oauth.pack(request))
        assert again == request
        consent = Consent(member=member, tenant=tenant, restrictions=restrictions or Restrictions())
        return await tenants.oauth.approve(again, consent)

    async def sign_in(
        self,
        tenants: TenantsService,
        member: Member,
        tenant: Tenant,
        restrictions: Restrictions | None = None,
        **asking: str,
    ) -> TokenAnswer:
        code = await self.code(tenants, member, tenant, restrictions, **asking)
        return await tenants.oauth.exchange(self.exchanging(code))


def only(*connections: str, actions: Iterable[str] | None = None, read_only: bool = False) -> Restrictions:
    return Restrictions(
        read_only=read_only,
        connections=frozenset(connections) or None,
        actions=None if actions is None else frozenset(actions),
    )
