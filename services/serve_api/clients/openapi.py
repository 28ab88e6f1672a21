"""What OpenAPI says of keys: how they are sent, and what is answered without one or too often."""

from typing import Any

from serve_api.problems import responses

_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A client's key, where the operator has set clients"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same in a header of its own"},
}
_STATUSES = (401, 429)


def with_clients(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the ways to send a key, and the answers that every route under /v1 has for them."""
    document["components"]["securitySchemes"] = _SCHEMES
    document["security"] = [{}, *({name: []} for name in _SCHEMES)]
    answers = {str(status): _described(answer) for status, answer in responses(*_STATUSES).items()}
    for path, operations in document["paths"].items():
        if path.startswith("/v1/"):
            for operation in operations.values():
                operation["responses"] = {**answers, **operation["responses"]}
    return document


def _described(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "model"}
