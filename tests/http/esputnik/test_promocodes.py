"""Promo codes, as shops upload and read them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.esputnik.conftest import Reply, Shop

CODES = [
    {"code": "SPRING-1", "expirationDate": "2099-12-31T23:59", "discount": 10, "type": "spring", "inUse": False},
    {"code": "SPRING-2", "discount": "15", "type": "spring"},
    {"code": "OLD-1", "inUse": True},
]


async def upload_csv(shop: Shop, text: str) -> Reply:
    return await shop.call("POST", "/v1/promocodes", raw=text.encode(), headers={"Content-Type": "text/csv"})


@pytest.mark.parametrize("body", [CODES, {"promocodes": CODES}])
async def test_codes_are_uploaded_as_json_and_found_again(shop: Shop, body: Any) -> None:
    answer = await shop.post("/v1/promocodes", body)
    assert (answer.status, answer.json()) == (200, {"added": 3, "updated": 0})
    found = await shop.get("/v1/promocodes")
    assert found.headers["totalcount"] == "3"
    rows = found.json()
    assert [(row["code"], row["expirationDate"], row["discount"], row["type"], row["inUse"]) for row in rows] == [
        ("SPRING-1", "2099-12-31T23:59", 10, "spring", False),
        ("SPRING-2", None, 15, "spring", False),
        ("OLD-1", None, 0, "", True),
    ]
    one = await shop.get(f"/v1/promocodes/{rows[1]['id']}")
    assert one.json() == rows[1]


async def test_codes_are_uploaded_as_csv(shop: Shop) -> None:
    text = (
        "\ufeffcode;type;discount;expirationDate;inUse\r\nA-1;spring;10;2099-12-31T23:59;false\r\n\r\nA-2;;;;true\r\n"
    )
    answer = await upload_csv(shop, text)
    assert (answer.status, answer.json()) == (200, {"added": 2, "updated": 0})
    rows = (await shop.get("/v1/promocodes")).json()
    assert [(row["code"], row["type"], row["discount"], row["inUse"]) for row in rows] == [
        ("A-1", "spring", 10, False),
        ("A-2", "", 0, True),
    ]
    assert (await upload_csv(shop, 'code,type\n"A,3",x\nA-1,autumn')).json() == {"added": 1, "updated": 1}


async def test_codes_are_searched_counted_and_paged(shop: Shop) -> None:
    await shop.post("/v1/promocodes", CODES)

    async def found(**query: Any) -> list[str]:
        count = (await shop.get("/v1/promocodes/count", **query)).json()["count"]
        page = await shop.get("/v1/promocodes", **query)
        assert int(page.headers["totalcount"]) == count == len(page.json())
        return [row["code"] for row in page.json()]

    assert await found(type="spring") == ["SPRING-1", "SPRING-2"]
    assert await found(type="spring", discount=15) == ["SPRING-2"]
    assert await found(inUse="true") == ["OLD-1"]
    assert await found(code="SPRING-1") == ["SPRING-1"]
    assert await found(code="nothing") == []
    page = await shop.get("/v1/promocodes", startindex=2, maxrows=1)
    assert ([row["code"] for row in page.json()], page.headers["totalcount"]) == (["SPRING-2"], "3")
    assert (await shop.get("/v1/promocodes", startindex="9" * 19)).json() == []


async def test_a_code_is_taken_out_of_use_and_never_put_back(shop: Shop) -> None:
    await shop.post("/v1/promocodes", CODES)
    first = (await shop.get("/v1/promocodes")).json()[0]["id"]
    assert (await shop.put(f"/v1/promocodes/{first}", {"inUse": True})).json()["inUse"] is True
    back = await shop.put(f"/v1/promocodes/{first}", {"inUse": False})
    assert (back.status, "given away" in back.message) == (400, True)
    assert (await shop.get(f"/v1/promocodes/{first}")).json()["inUse"] is True
    assert (await shop.delete(f"/v1/promocodes/{first}")).status == 405


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "at least one code"),
        ({}, "'promocodes' is missing"),
        ([{"discount": 5}], "'promocodes.0.code' is missing"),
        ([{"code": " "}], "promocodes.0.code"),
        ([{"code": "A"}, {"code": "B", "discount": 100}], "promocodes.1.discount"),
        ([{"code": "B", "discount": "many"}], "promocodes.0.discount"),
        ([{"code": "B", "expirationDate": "soon"}], "'promocodes.0.expirationDate' is not a date"),
        ([{"code": "B", "inUse": "perhaps"}], "promocodes.0.inUse"),
        ([{"code": f"C-{n}"} for n in range(10_001)], "Maximum 10000"),
    ],
)
async def test_a_wrong_upload_is_refused_and_nothing_is_kept(shop: Shop, body: Any, message: str) -> None:
    answer = await shop.post("/v1/promocodes", body)
    assert answer.status == 400
    assert message in answer.message
    assert (await shop.get("/v1/promocodes/count")).json() == {"count": 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The first line must name the columns"),
        ("name\nx", "The first line must name the columns"),
        ("code\n", "at least one code"),
        ("code,discount\nA,much", "promocodes.0.discount"),
        ('code\n"never closed', "cannot be read"),
        ('"never closed', "cannot be read"),
    ],
)
async def test_a_wrong_file_is_refused(shop: Shop, text: str, message: str) -> None:
    answer = await upload_csv(shop, text)
    assert answer.status == 400, answer.body
    assert message in answer.message
    assert (await shop.get("/v1/promocodes/count")).json() == {"count": 0}


async def test_what_is_no_upload_is_refused(shop: Shop) -> None:
    latin = await shop.call("POST", "/v1/promocodes", raw=b"code\n\xff", headers={"Content-Type": "text/csv"})
    assert latin.status == 400
    page = await shop.call("POST", "/v1/promocodes", raw=b"<a/>", headers={"Content-Type": "text/xml"})
    assert page.status == 415
    assert (await shop.call("POST", "/v1/promocodes", raw=b"{")).status == 400
    for query in ({"discount": "x"}, {"inUse": "perhaps"}, {"startindex": "0"}, {"maxrows": "-1"}):
        assert (await shop.get("/v1/promocodes", **query)).status == 400


async def test_codes_of_another_account_are_as_unknown(shop: Shop) -> None:
    await shop.other.post("/v1/promocodes", CODES)
    theirs = (await shop.other.get("/v1/promocodes")).json()[0]["id"]
    assert (await shop.get("/v1/promocodes")).json() == []
    assert (await shop.get(f"/v1/promocodes/{theirs}")).status == 404
    assert (await shop.put(f"/v1/promocodes/{theirs}", {"inUse": True})).status == 404
    assert (await shop.get("/v1/promocodes/0")).status == 400
    assert (await shop.get("/v1/promocodes/x")).status == 400
    assert (await shop.other.get(f"/v1/promocodes/{theirs}")).json()["inUse"] is False
