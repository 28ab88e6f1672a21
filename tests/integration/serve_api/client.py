"""The API as a client uses it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

TIMEOUT_S = 20.0
Row = dict[str, Any]


@dataclass
class Api:
    """Requests to one running API."""

    url: str

    def get(self, path: str, **parameters: object) -> httpx.Response:
        """`start` and `end` are sent as `from` and `to`."""
        names = {"start": "from", "end": "to"}
        query = {names.get(name, name): str(value) for name, value in parameters.items()}
        return httpx.get(f"{self.url}{path}", params=query, timeout=TIMEOUT_S)

    def put(self, path: str, body: object) -> httpx.Response:
        return httpx.put(f"{self.url}{path}", json=body, timeout=TIMEOUT_S)

    def post(self, path: str, body: object) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json=body, timeout=TIMEOUT_S)

    def items(self, path: str, **parameters: object) -> list[Row]:
        """The items of one page that has to be the only one."""
        page = self.page(path, **parameters)
        assert page["next"] is None
        items: list[Row] = page["items"]
        return items

    def page(self, path: str, **parameters: object) -> dict[str, Any]:
        answer = self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    def pages(self, path: str, **parameters: object) -> Iterator[list[Row]]:
        """All pages, by their cursors."""
        page = self.page(path, **parameters)
        yield page["items"]
        while page["next"] is not None:
            page = self.page(path, **parameters, cursor=page["next"])
            yield page["items"]
