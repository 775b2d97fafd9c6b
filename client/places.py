"""Where a Parley on this machine is found, and the names that every command shares. Nothing heavy is imported here."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from client.failure import Failure

HOST: Final = "127.0.0.1"
PORT: Final = 8765
SESSION_PATH: Final = "/v1/session"
PROBE_TIMEOUT_S: Final = 1.0

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show the services' logs, and the trace of an unexpected error.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts: JSON on stdout, one value per line.")]
Url = Annotated[str | None, typer.Option("--url", metavar="WS", help=f"The orchestrator's address. Default: ws://{HOST}:{PORT}.")]
Worker = Annotated[str | None, typer.Option("--worker", metavar="HOST:PORT", help="This worker. Default: the running stack's.")]


def session_url(url: str | None) -> str:
    """The conversation's WebSocket for whatever a person types: `host`, `host:port`, `:port`, `http://...`, `ws://.../v1/session`."""
    url = f"{HOST}{url}" if url and url.startswith(":") else url
    parts = urlsplit(url if url and "://" in url else f"ws://{url or f'{HOST}:{PORT}'}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.hostname:
        raise Failure(f"{url!r} is no address of an orchestrator", f"expected something like ws://{HOST}:{PORT}{SESSION_PATH}", code=2)
    where = parts.netloc if parts.port or scheme == "wss" else f"{parts.netloc}:{PORT}"
    return f"{scheme}://{where}{parts.path if parts.path not in ('', '/') else SESSION_PATH}"


def page_url(url: str | None, page: str) -> str:
    """The HTTP page (`status`, `ready`, ...) of the orchestrator whose WebSocket is `url`."""
    parts = urlsplit(session_url(url))
    return f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}/{page}"
