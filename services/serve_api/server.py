"""The HTTP server: uvicorn, whose shutdown also ends the live streams."""

import asyncio
import logging
import socket

import uvicorn
from fastapi import FastAPI

from serve_api.services import Services
from serve_api.settings import Settings
from serve_api.settled_memory import settle_memory

KEEP_ALIVE_S = 30
_logger = logging.getLogger(__name__)


class ApiServer(uvicorn.Server):
    """Ends live streams first on shutdown: they would last until the time-out otherwise."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app
        self._settling: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            services: Services = self._app.state.services
            self._settling = asyncio.create_task(settle_memory(services.recommendations.state.has_read_all))
        _logger.info("serving", extra={"host": self.config.host, "port": self.config.port})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _logger.info("stopping")
        if self._settling is not None:
            self._settling.cancel()
        services: Services = self._app.state.services
        services.hub.close()
        services.recommendations.watchers.close()
        await super().shutdown(sockets)


def build_server(app: FastAPI, settings: Settings) -> ApiServer:
    """The server of an application; `run` it, or await `serve`."""
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        server_header=False,
    )
    return ApiServer(config, app)
