"""Templates and static files: HTML out of view models, and files that browsers may keep for ever."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.errors import NotFound
from service.console import wording

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
CHART_LIBRARY: Final = "vendor/vega.js"
"""Written by `python -m workers.assets`; without it charts stay tables."""

_MEDIA: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file: its bytes, the same compressed, its type, and the start of its hash."""

    body: bytes
    packed: bytes
    media: str
    digest: str


def find_asset(name: str) -> Asset | None:
    """Load a static file, from memory while it has not changed; None where there is none of that name."""
    path = STATIC / name
    if name not in _names() and not (name == CHART_LIBRARY and path.is_file()):
        return None
    return _load(path, path.stat().st_mtime_ns)


@cache
def _names() -> frozenset[str]:
    files = (path for path in STATIC.iterdir() if path.suffix in _MEDIA)
    return frozenset(path.name for path in files)


@cache
def _load(path: Path, _changed_ns: int) -> Asset:
    body = path.read_bytes()
    packed = gzip.compress(body, 9, mtime=0)
    return Asset(body, packed, _MEDIA[path.suffix], hashlib.sha256(body).hexdigest()[:12])


def asset_address(name: str) -> str:
    """Return a static file's address, which changes whenever the file does; empty where there is none."""
    asset = find_asset(name)
    return f"/static/{name}?v={asset.digest}" if asset else ""


def asset_response(request: Request, name: str) -> Response:
    """Send a static file, compressed where the browser takes it; raise `NotFound` for other names."""
    asset = find_asset(name)
    if asset is None:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": _FOREVER, "ETag": f'"{asset.digest}"', "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media)
    return Response(asset.body, headers=headers, media_type=asset.media)


@cache
def environment() -> Environment:
    """Return the templates; all text is escaped, and a name that is missing is an error."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["day"] = wording.say_day
    found.filters["count"] = wording.say_count
    found.filters["value"] = wording.say_value
    found.filters["change"] = wording.say_change
    found.globals["asset"] = asset_address
    return found


def page(template: str, values: Mapping[str, object], *, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    """Render a template."""
    return HTMLResponse(environment().get_template(template).render(values), status)


def error_page(status: HTTPStatus, message: str) -> HTMLResponse:
    """Render an error for a person: what is wrong and a way on."""
    values = {"code": int(status), "phrase": status.phrase, "message": message}
    return page("error.html", values, status=status)
