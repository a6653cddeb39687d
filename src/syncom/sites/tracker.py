"""The scripts that pages of a site run."""

from __future__ import annotations

import tomllib
from html import escape
from importlib import resources
from typing import Final

import msgspec

from syncom.sites.model import Site
from syncom.sites.push import PushDomain

_FILES: Final = resources.files("syncom.sites")
_TRACKER: Final = _FILES.joinpath("tracker.js").read_text("utf-8")
_PUSH: Final = _FILES.joinpath("push.js").read_text("utf-8")
_PUSH_WORKER: Final = _FILES.joinpath("push_worker.js").read_text("utf-8")
_PUSH_WORDS: Final = tomllib.loads(_FILES.joinpath("push_words.toml").read_text("utf-8"))
#: Calls made before the script is there wait in ``eS.q``, in the form eSputnik's own pages keep them.
_SNIPPET: Final = """<script>
!function (w, d, u) {
  var s = d.createElement('script'); s.async = true; s.src = u; d.head.appendChild(s);
  var f = function () { f.c(arguments); }; f.q = []; f.c = function () { f.q.push(arguments); };
  w.eS = w.eS || f;
}(window, document, %s);
eS('init');
</script>
"""
#: For sites whose policy allows no inline scripts: the script begins by itself.
_STRICT: Final = '<script async src="%s" data-init data-pages></script>\n'


def tracker(site: Site, base_url: str) -> str:
    """The script of a site's pages."""
    settings = {"site": str(site.site_id), "collector": f"{base_url}/api/v2", "strict": site.strict}
    return _TRACKER.replace("/*SETTINGS*/ {}", _script_text(settings))


def snippet(site: Site, base_url: str) -> str:
    """What stands in the pages."""
    address = f"{base_url}/api/v2/script/{site.site_id}.js"
    return _STRICT % escape(address) if site.strict else _SNIPPET % _script_text(address)


def push_snippet(domain: PushDomain, base_url: str) -> str:
    """What stands in the pages of a site whose visitors may subscribe to web push."""
    return f'<script async src="{escape(_push_address(domain, base_url, "js"))}"></script>\n'


def push_importer(domain: PushDomain, base_url: str) -> str:
    """What the site serves as its service worker: it fetches the present one from here, so it never grows old."""
    return f"importScripts({_script_text(_push_address(domain, base_url, 'worker.js'))});\n"


def push_script(domain: PushDomain, public_key: str, base_url: str) -> str:
    """The script of the pages."""
    settings = _push_settings(domain, public_key, base_url)
    settings |= {"worker": domain.worker_path, "scope": domain.scope, "words": _PUSH_WORDS}
    return _PUSH.replace("/*SETTINGS*/ {}", _script_text(settings))


def push_worker(domain: PushDomain, public_key: str, base_url: str) -> str:
    """The service worker itself, for sites that import it or hand the request for it on to here."""
    return _PUSH_WORKER.replace("/*SETTINGS*/ {}", _script_text(_push_settings(domain, public_key, base_url)))


def _push_settings(domain: PushDomain, public_key: str, base_url: str) -> dict[str, object]:
    return {"push": str(domain.push_id), "collector": f"{base_url}/api/v2/webpush", "key": public_key}


def _push_address(domain: PushDomain, base_url: str, ending: str) -> str:
    return f"{base_url}/api/v2/webpush/{domain.push_id}.{ending}"


def _script_text(value: object) -> str:
    """A value as a literal in a script: a `</script>` inside must not end it."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
