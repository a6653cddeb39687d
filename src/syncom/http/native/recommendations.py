"""/recommendation-sources: by what products are recommended."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Recommendations
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs
from syncom.recommendations.model import RecommendationKind, RecommendationSource

_TAGS = ["Recommendations"]


class RecommendationSourceInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule. ``days``: how far back orders and views count; ``size``: products of an answer, at most."""

    name: str
    kind: RecommendationKind
    days: int = 90
    size: int = 10


@post("/recommendation-sources", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def add_recommendation_source(
    by: By, recommendations: Recommendations, data: JSONBody[RecommendationSourceInput]
) -> RecommendationSource:
    """Name a rule by which products are recommended."""
    return await recommendations.add_source(
        by.account_id, name=data.name, kind=data.kind, days=data.days, size=data.size
    )


@get("/recommendation-sources", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def list_recommendation_sources(by: By, recommendations: Recommendations) -> Page[RecommendationSource]:
    """All rules, the oldest first."""
    return Page(items=await recommendations.sources(by.account_id), next_cursor=None)


@delete("/recommendation-sources/{source_id:int}", tags=_TAGS, status_code=204, opt=needs(Permission.WRITE_CONTENT))
async def delete_recommendation_source(by: By, recommendations: Recommendations, source_id: FromPath[int]) -> None:
    """Forget a rule."""
    await recommendations.delete_source(by.account_id, source_id)


HANDLERS: list[Any] = [add_recommendation_source, list_recommendation_sources, delete_recommendation_source]
