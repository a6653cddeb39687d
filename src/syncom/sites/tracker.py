"""The script that pages load, and the few lines that load it."""

from __future__ import annotations

from importlib import resources
from typing import Final

import msgspec

from syncom.sites.model import Site

_TRACKER: Final = resources.files("syncom.sites").joinpath("tracker.js").read_text("utf-8")
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


def tracker(site: Site, base_url: str) -> str:
    """The script of a site's pages."""
    settings = {"site": str(site.site_id), "collector": f"{base_url}/api/v2"}
    return _TRACKER.replace("/*SETTINGS*/ {}", _script_text(settings))


def snippet(site: Site, base_url: str) -> str:
    """What stands in the pages."""
    return _SNIPPET % _script_text(f"{base_url}/api/v2/script/{site.site_id}.js")


def _script_text(value: object) -> str:
    """A value as a literal in a script: a `</script>` inside must not end it."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
