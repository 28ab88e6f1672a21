"""What one query asks for is worked on one by one, and between its fields others have their turn."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from serve_api.graphql.operations import Context
from serve_api.graphql.schema import execute
from tests.unit.serve_api.shop_in_memory import SITE, Shop


def test_between_the_fields_of_a_query_others_have_their_turn() -> None:
    shop, turns, worked_at = Shop(), 0, []
    shop.fill()
    whole = shop.answering.impersonal

    def impersonal(*asked: Any) -> Any:
        worked_at.append(turns)
        return whole(*asked)

    async def scenario() -> dict[str, Any]:
        nonlocal turns
        recommendations = SimpleNamespace(answering=SimpleNamespace(impersonal=impersonal), state=shop.state)
        services = SimpleNamespace(recommendations=recommendations, clients=SimpleNamespace(charge=lambda *_: None))
        principal = SimpleNamespace(client=None, site=SITE)
        context = Context(cast(Any, None), cast(Any, principal), cast(Any, services))
        query = "{ " + " ".join(f"a{at}: trending(count: 1) {{ items {{ item }} }}" for at in range(8)) + " }"
        asking = asyncio.create_task(execute(query, {}, None, context))
        while not asking.done():
            turns += 1
            await asyncio.sleep(0)
        return await asking

    answered = asyncio.run(scenario())["data"]
    assert [each["items"] for each in answered.values()] == [[{"item": "i0"}]] * 8
    assert len(set(worked_at)) == 8
