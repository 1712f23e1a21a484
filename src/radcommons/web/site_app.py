"""The hospital's local application: its page, and the port that a PACS pushes to. It never reaches the hub's tables."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.middleware.trustedhost import TrustedHostMiddleware

from radcommons.platform.telemetry import configure_logging
from radcommons.records.errors import StorageError, UsageError
from radcommons.site.desk import BACK, STATIC, TEMPLATES, Desk, page_to_return_to, view_of
from radcommons.site.officer import DIMSE_ADDRESS
from radcommons.site.routes import NAV, ROUTERS
from radcommons.site.sessions import Sessions
from radcommons.site.settings import is_loopback
from radcommons.site.store import Store, only_one, open_store
from radcommons.site.users import PAGE_ADDRESS, first_link, link_to
from radcommons.ui.assets import STATIC as UI_STATIC
from radcommons.ui.assets import Assets
from radcommons.ui.render import Brand, Renderer
from radcommons.web.errors import add_error_handlers
from radcommons.web.guard import BrowserGuard, LastResort

log = structlog.get_logger()
_LOCAL = ("127.0.0.1", "localhost", "::1")


def site_app(directory: Path, *, hosts: tuple[str, ...] = _LOCAL) -> FastAPI:
    """Return the local page of the gateway in `directory`.

    Parameters
    ----------
    directory : Path
    hosts : tuple of str
        Names under which browsers may reach it; others are refused, so that no foreign page can point its name here.
    """
    store = open_store(directory)
    renderer = Renderer(
        brand=Brand(name="Imaging Commons", aside="gateway"),
        nav=NAV,
        zones={"site": TEMPLATES},
        assets=Assets(UI_STATIC, STATIC),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        store.close()

    app = FastAPI(title="radcommons site", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.store = store
    app.state.desk = desk = Desk(store, Sessions(store), renderer)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(BrowserGuard)
    app.add_middleware(LastResort)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """Answer as long as the process does."""
        return {"status": "ok"}

    def problem_page(request: Request, status: int, title: str, detail: str, mend: str) -> Response:
        session = desk.present(request)
        if status == HTTPStatus.UNAUTHORIZED:
            to = "/second-factor" if session is not None and session.is_half else "/sign-in"
            answer = RedirectResponse(to, status_code=HTTPStatus.SEE_OTHER)
            if back := page_to_return_to(request.url.path):
                answer.set_cookie(BACK, back, max_age=8 * 3600, httponly=True, samesite="strict")
            return answer
        view = view_of(request, session)
        html = renderer.problem(view=view, status=status, title=title, detail=detail, mend=mend)
        return HTMLResponse(html, status_code=status)

    add_error_handlers(app, page=problem_page)
    app.include_router(renderer.assets.router())
    for router in ROUTERS:
        app.include_router(router())
    return app


def serve(
    directory: Path,
    *,
    host: str,
    port: int,
    dimse_port: int | None,
    dimse_host: str,
    dimse_aet: str | None,
    watch: tuple[Path, ...] = (),
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    names: tuple[str, ...] = (),
    say: Callable[[str], None],
) -> None:
    """Serve the local page, the DICOM port if one is given, and watch folders, until SIGINT or SIGTERM.

    Raises
    ------
    UsageError
        If the page were to leave this machine without TLS.
    Conflict
        If another process serves this gateway.
    """
    from radcommons.site.receive import InboxWorker, listen
    from radcommons.site.watch import Watcher, watched

    if not is_loopback(host) and not (tls_cert and tls_key):
        raise UsageError(
            f"The page names patients: at {host} it needs TLS.",
            mend="Give --tls-cert and --tls-key, or leave --host away and open the page on this machine.",
        )
    configure_logging()
    # A thread of a foreign library that fails prints its own text, which may quote a value: its kind is enough.
    threading.excepthook = lambda failed: log.error("thread-failed", error=failed.exc_type.__name__)
    with only_one(directory, "serve"):
        app = site_app(directory, hosts=(*_LOCAL, host, *names))
        store: Store = app.state.store
        dimse = f"{dimse_host}:{dimse_port}" if dimse_port is not None else ""
        _tell_address(store, f"{'https' if tls_cert else 'http'}://{(*names, host)[0]}:{port}", dimse, say)
        watcher = Watcher(store, watched((*store.settings.watch, *watch)))
        worker = InboxWorker(store)
        worker.start()
        receiver = None
        if dimse_port is not None:
            try:
                receiver = listen(store, host=dimse_host, port=dimse_port, aet=dimse_aet or "", arrived=worker.arrived)
            except OSError as error:
                raise StorageError(f"The DICOM port {dimse_port} cannot be opened: {error.strerror}.") from None
        if watcher.folders:
            watcher.start()
        try:
            asyncio.run(_until_stopped(app, host, port, tls_cert, tls_key))
        finally:
            if receiver is not None:
                receiver.close()
            watcher.stop()
            worker.stop()


def _tell_address(store: Store, address: str, dimse: str, say: Callable[[str], None]) -> None:
    """Keep the addresses for set-up links and the data flow, and print the first link where nobody can sign in yet."""
    if (store.remembered(PAGE_ADDRESS), store.remembered(DIMSE_ADDRESS)) != (address, dimse):
        with store.change() as change:
            change.remember(PAGE_ADDRESS, address)
            change.remember(DIMSE_ADDRESS, dimse)
    say(f"The gateway's pages are at {address}")
    token = first_link(store)
    if token:
        say(f"First data manager, this link once: {link_to(store, token)}")


async def _until_stopped(app: FastAPI, host: str, port: int, tls_cert: Path | None, tls_key: Path | None) -> None:
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        log_enabled=False,
        ssl_cert=tls_cert,
        ssl_key=tls_key,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, server.stop)
    await server.serve()
