"""An endpoint that answers nothing, on the web framework and server of serve_api: what HTTP alone costs."""


def serve_empty(host: str, port: int, method: str) -> None:
    """Serves it at `/` until the process ends."""
    import uvicorn
    from fastapi import FastAPI

    async def empty() -> None:
        return None

    app = FastAPI()
    app.add_api_route("/", empty, methods=[method])
    uvicorn.run(app, host=host, port=port, loop="uvloop", log_config=None, access_log=False)
