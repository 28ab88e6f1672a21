"""`/shop`: a small shop that shows recommendations as they change. Its files are beside this package, as they are."""

from collections.abc import Callable, Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import Response

from headrace.errors import ConfigurationError
from serve_api.services import JsonAnswer

PAGE = "index.html"
FOLDER = Path(__file__).resolve().parents[1] / "shop"
CLIENT_FOLDER = Path(__file__).resolve().parents[3] / "clients" / "javascript"
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class _File(NamedTuple):
    content: bytes
    media_type: str
    tag: str


def shop_router(key: str, takes_users: bool) -> APIRouter:
    """The routes of the shop, whose files are read now.

    Args:
        key: a browser's key for the page, which everybody can read; empty where none is needed.
        takes_users: whether a request may name any user, as where no clients are set.

    Raises:
        ConfigurationError: files are missing.
    """
    files = {name: _read(path) for name, path in _paths().items()}
    router = APIRouter(tags=["shop"], include_in_schema=False)

    @router.get("/shop")
    async def shop(request: Request) -> Response:
        """The page."""
        return _answer(request, files[PAGE])

    @router.get("/shop/settings.json")
    async def settings() -> Response:
        """What the page can't know by itself."""
        return JsonAnswer({"key": key or None, "takes_users": takes_users}, headers=_HEADERS)

    for name, file in files.items():
        router.add_api_route(f"/shop/{name}", _endpoint(file), methods=["GET"], name=name)
    return router


def _endpoint(file: _File) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def served(request: Request) -> Response:
        return _answer(request, file)

    return served


def _answer(request: Request, file: _File) -> Response:
    headers = {**_HEADERS, "ETag": file.tag}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


def _paths() -> dict[str, Path]:
    found = {path.name: path for path in FOLDER.iterdir() if path.suffix in _TYPES} if FOLDER.is_dir() else {}
    client = {f"headrace/{path.name}": path for path in CLIENT_FOLDER.glob("*.js")}
    if PAGE not in found or not client:
        raise ConfigurationError(
            f"the shop's files are not in {FOLDER} and {CLIENT_FOLDER}: run it from a checkout, or set "
            "SERVE_API_SHOP=false"
        )
    return found | client


def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(content, _TYPES[path.suffix], f'"{sha256(content).hexdigest()[:20]}"')
