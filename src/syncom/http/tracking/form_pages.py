"""Forms that people subscribe with: `/t/f/…`.

==========================  =====================================================================
`GET /t/f/<key>`            the form as a page, which works without JavaScript
`GET /t/f/<key>.js`         the script that puts it on a page of a site, inline or as a pop-up
`POST /t/f/<key>`           what was filled in: answered with a page, or with JSON where that is asked for
==========================  =====================================================================

Which sites may show a form is the form's to say; browsers hold it (CORS), and so does the answer to a script's request.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Final
from urllib.parse import urlsplit

import msgspec

from syncom.consent.forms import (
    CONSENT,
    PROOF,
    TOKEN,
    TRAP,
    VISITOR,
    Form,
    FormInput,
    Forms,
    Taken,
    button_of,
    label_of,
)
from syncom.consent.languages import words
from syncom.consent.model import Witness
from syncom.consent.puzzles import BITS, PIECES
from syncom.errors import Invalid, RateLimited, SyncomError, Unavailable
from syncom.http.tracking.answers import (
    BAD_FORM,
    BARE_POLICY,
    NOT_FOUND,
    SECURITY,
    TOO_LARGE,
    WRONG_METHOD,
    WRONG_METHOD_HERE,
    Answer,
    Headers,
    Receive,
    Scope,
    answer,
    header,
    peer,
    read_body,
)
from syncom.http.tracking.client import TrustedProxies, clean_agent
from syncom.http.tracking.forms import FormError, parse_form
from syncom.targets import web_address

_SCRIPT: Final = resources.files("syncom.http.tracking").joinpath("form.js").read_text("utf-8")
_LONGEST_URL: Final = 500
_AUTOCOMPLETE: Final = {
    "email": "email",
    "phone": "tel",
    "first_name": "given-name",
    "last_name": "family-name",
    "country": "country-name",
    "region": "address-level1",
    "city": "address-level2",
    "address": "street-address",
    "postcode": "postal-code",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a field; without a field: with the whole."""

    field: str
    text: str


class FormPages:
    """Answers for forms; tracking hands them over."""

    def __init__(self, forms: Forms, proxies: TrustedProxies, *, base_url: str) -> None:
        self._forms = forms
        self._client = proxies.client
        self._base = base_url.rstrip("/")

    async def answer(self, scope: Scope, receive: Receive, method: str, name: str) -> Answer:
        """Any request to a form."""
        is_script = name.endswith(".js")
        form = await self._forms.find(name.removesuffix(".js"))
        if form is None:
            return NOT_FOUND
        if is_script:
            return self._script(form) if method in ("GET", "HEAD") else WRONG_METHOD
        if method in ("GET", "HEAD"):
            return self._page(form, {}, ())
        if method != "POST":
            return WRONG_METHOD_HERE
        return await self._submit(scope, receive, form)

    # ------------------------------------------------------------ filling in

    async def _submit(self, scope: Scope, receive: Receive, form: Form) -> Answer:
        origin = header(scope, b"origin")
        by_script = "application/json" in header(scope, b"accept")
        own = f"{urlsplit(self._base).scheme}://{urlsplit(self._base).netloc}"
        if origin and origin not in ("null", own) and not self._forms.may_show(form, origin):
            return _json(403, {"errors": [Problem(field="", text="This site may not show this form.")]}, ())
        body = await read_body(scope, receive)
        if body is None:
            return TOO_LARGE
        try:
            values = parse_form(header(scope, b"content-type"), body, fields=60)
        except FormError:
            return BAD_FORM
        status, problems, taken = await self._taken(scope, form, values)
        if by_script:
            shown = msgspec.to_builtins(taken) if taken is not None else {"errors": msgspec.to_builtins(problems)}
            return _json(status, shown, _cors(origin))
        if taken is None:
            return self._page(form, values, problems, status=status)
        target = web_address(taken.redirect_url) if taken.redirect_url else None
        if target is not None:
            return Answer(303, [*SECURITY, BARE_POLICY, (b"location", target.encode()), (b"content-length", b"0")], b"")
        return self._done(form, taken)

    async def _taken(
        self, scope: Scope, form: Form, values: Mapping[str, str]
    ) -> tuple[int, Sequence[Problem], Taken | None]:
        said = words(form.definition.language).form
        witness = Witness(
            source="form",
            ip=self._client(peer(scope), header(scope, b"x-forwarded-for")),
            user_agent=clean_agent(header(scope, b"user-agent").encode("latin-1")),
            page_url=_url(values.get("page_url", "")) or f"{self._base}/t/f/{form.key}",
            referrer=_url(values.get("referrer", "")) or _url(header(scope, b"referer")),
        )
        try:
            return 200, (), await self._forms.take(form, values, witness)
        except Invalid as error:
            return 422, [Problem(field=one.field, text=one.reason) for one in error.fields], None
        except RateLimited:
            return 429, [Problem(field="", text=said["too_many"])], None
        except Unavailable:
            raise
        except SyncomError:
            return 503, [Problem(field="", text=said["later"])], None

    # ------------------------------------------------------------ what is shown

    def _script(self, form: Form) -> Answer:
        given, said = form.definition, words(form.definition.language).form
        shown = {
            "key": str(form.key),
            "url": f"{self._base}/t/f/{form.key}",
            "title": given.title,
            "text": given.text,
            "fields": [
                {
                    "key": field.key,
                    "label": label_of(given, field),
                    "required": field.required or field.key == "email",
                    "autocomplete": _AUTOCOMPLETE.get(field.key, "off"),
                }
                for field in given.fields
            ],
            "consent": given.consent_text,
            "consentRequired": given.consent_required,
            "button": button_of(given),
            "close": said["close"],
            "later": said["later"],
            "trap": TRAP,
            "tokenName": TOKEN,
            "token": self._forms.token(form),
            "puzzle": {"name": PROOF, "pieces": PIECES, "bits": BITS} if given.proof_of_work else None,
            "visitorName": VISITOR,
            "style": _style(given),
            "popup": {
                "trigger": given.popup.trigger.value,
                "after": given.popup.after,
                "everyDays": given.popup.every_days,
            },
        }
        text = _SCRIPT.replace("__FORM__", msgspec.json.encode(shown).decode(), 1)
        anywhere = (b"cross-origin-resource-policy", b"cross-origin")
        return answer(200, b"text/javascript; charset=utf-8", text.encode(), anywhere)

    def _page(self, form: Form, values: Mapping[str, str], problems: Sequence[Problem], *, status: int = 200) -> Answer:
        given = form.definition
        wrong = {problem.field: problem.text for problem in problems}
        parts = [f"<h1>{escape(given.title)}</h1>" if given.title else ""]
        parts.append(f"<p>{escape(given.text)}</p>" if given.text else "")
        parts.append(_problem(wrong.get("", "")))
        for field in given.fields:
            kind = {"email": "email", "phone": "tel"}.get(field.key, "text")
            required = " required" if field.required or field.key == "email" else ""
            parts.append(
                f"<label>{escape(label_of(given, field))}"
                f'<input name="{escape(field.key)}" type="{kind}" value="{escape(values.get(field.key, ""))}"'
                f' autocomplete="{_AUTOCOMPLETE.get(field.key, "off")}"{required}>'
                f"{_problem(wrong.get(field.key, ''))}</label>"
            )
        parts.append(
            f'<input class="away" name="{TRAP}" tabindex="-1" autocomplete="off" aria-hidden="true">'
            f'<input type="hidden" name="{TOKEN}" value="{self._forms.token(form)}">'
        )
        if given.consent_text:
            box = f'<input type="checkbox" name="{CONSENT}" value="on" required> ' if given.consent_required else ""
            said = f"<span>{escape(given.consent_text)}</span>"
            parts.append(f'<label class="box">{box}{said}{_problem(wrong.get(CONSENT, ""))}</label>')
        parts.append(f'<button type="submit">{escape(button_of(given))}</button>')
        body = f'<form method="post">{"".join(parts)}</form>'
        return _whole(form, given.title or given.name, body, status)

    def _done(self, form: Form, taken: Taken) -> Answer:
        body = f'<form><h1>{escape(taken.title)}</h1><p role="status">{escape(taken.text)}</p></form>'
        return _whole(form, taken.title, body, 200)


def _whole(form: Form, title: str, body: str, status: int) -> Answer:
    style = _style(form.definition) + "body{margin:0;min-height:100vh;display:grid;place-items:center}"
    page = (
        f'<!doctype html><html lang="{form.definition.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{body}</main></body></html>"
    )
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    target = urlsplit(form.definition.redirect_url)
    leading = f" {target.scheme}://{target.netloc}" if target.netloc else ""
    # The application shows it in a frame that runs and sends nothing; nobody else may.
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'{leading}; frame-ancestors 'self'; "
        "base-uri 'none'"
    )
    kind = b"text/html; charset=utf-8"
    return answer(status, kind, page.encode(), (b"content-security-policy", policy.encode("ascii", "replace")))


def _style(form: FormInput) -> str:
    look = form.look
    return (
        f"form{{font:16px/1.5 system-ui,sans-serif;box-sizing:border-box;max-width:26rem;padding:1.5rem;"
        f"color:{look.text};background:{look.background};border-radius:{look.radius}px}}"
        "h1,h2{font-size:1.3rem;margin:0 0 .5rem}p{margin:0 0 1rem}"
        "label{display:block;margin:0 0 1rem}label.box{font-size:.9rem}"
        f"input:not([type=checkbox]):not([type=hidden]){{font:inherit;box-sizing:border-box;width:100%;display:block;"
        f"padding:.5rem;border:1px solid #8a919e;border-radius:{min(look.radius, 12)}px}}"
        f"button{{font:inherit;padding:.6rem 1.4rem;border:0;cursor:pointer;color:#fff;background:{look.accent};"
        f"border-radius:{look.radius}px}}"
        ".problem{display:block;color:#b3261e;font-size:.9rem;margin:.2rem 0 0}.problem:empty{display:none}"
        "input.away:not([type=checkbox]){position:absolute;left:-999rem;width:1px;height:1px}"
        "button:focus-visible,input:focus-visible{outline:3px solid #7aa2ff;outline-offset:2px}"
        ".veil{position:fixed;inset:0;background:#0008;z-index:2147483646}"
        ".popup{position:fixed;inset:0;margin:auto;width:fit-content;height:fit-content;max-width:calc(100vw - 2rem);"
        "max-height:calc(100vh - 2rem);overflow:auto;z-index:2147483647}"
        "button.close{position:absolute;top:.5rem;right:.5rem;padding:.1rem .6rem;background:none;color:inherit;"
        "font-size:1.4rem}"
    )


def _problem(text: str) -> str:
    return f'<span class="problem" role="alert">{escape(text)}</span>' if text else ""


def _url(text: str) -> str:
    """An address that came from a page, for the proof."""
    return (web_address(text) or "")[:_LONGEST_URL]


def _cors(origin: str) -> Headers:
    return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"origin")] if origin else []


def _json(status: int, value: object, headers: Sequence[tuple[bytes, bytes]]) -> Answer:
    return answer(status, b"application/json", msgspec.json.encode(value), BARE_POLICY, *headers)
