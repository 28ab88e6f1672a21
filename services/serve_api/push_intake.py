"""Takes pushes: a signed request's body becomes one record of `sources.pushed`."""

from fastapi import Request

from headrace.clock import Clock
from headrace.errors import ConfigurationError, DeliveryError
from headrace.pushed import MAX_BYTES, TOPIC, Push
from serve_api.confirmed_writer import ConfirmedWriter
from serve_api.places import Places
from serve_api.problems import Fault, invalid, not_found, unavailable
from serve_api.push_head import not_signed, read_head
from serve_api.push_keys import Keys, PushKeys
from serve_api.push_signature import signer_of
from serve_api.timely_body import read_timely


class PushIntake:
    """The pushes of a process.

    Args:
        tolerance_s: that a push's timestamp may be off.
        max_open: bodies that are held at once, being read or on their way to Kafka.
        body_s: in which a body must have come.
    """

    def __init__(
        self,
        keys: PushKeys,
        writer: ConfirmedWriter,
        clock: Clock,
        tolerance_s: float,
        max_open: int,
        body_s: float,
    ) -> None:
        self._keys = keys
        self._writer = writer
        self._clock = clock
        self._tolerance_s = tolerance_s
        self._body_s = body_s
        self._places = Places(max_open, "pushes are being taken")

    async def take(self, source: str, request: Request) -> Push:
        """Returns when Kafka has confirmed the body.

        Raises:
            Problem: it was not taken; of one whose kind is `unconfirmed` that is not known.
        """
        keys = self._keys_of(source)
        head = read_head(request.headers, self._clock.now_us(), self._tolerance_s)
        with self._places.one():
            body = await read_timely(request, MAX_BYTES, self._body_s)
            signer = signer_of(keys, head.id, head.timestamp, body, head.signatures)
            if signer is None:
                raise not_signed(
                    "no signature of webhook-signature is that of webhook-id, webhook-timestamp and the body, as sent, "
                    "by a key of this source"
                )
            if not body:
                raise invalid(Fault("body", "it is empty", "send a row or more"))
            push = Push(source, head.id, self._clock.now_us(), head.content_type, signer.id, body)
            await self._write(push)
            return push

    def _keys_of(self, source: str) -> Keys:
        try:
            keys = self._keys.of(source)
        except ConfigurationError:
            # What exactly is wrong is for the operator, and is in the log.
            raise unavailable("the keys of this source can't be used now", 30, "keys-unusable") from None
        if keys is None:
            raise not_found("there is no such source to push to", "ask the operator, who gives it a file of keys")
        return keys

    async def _write(self, push: Push) -> None:
        try:
            await self._writer.write(TOPIC, push.body, push.key, push.headers())
        except DeliveryError:
            unknown = (
                "Kafka did not confirm it in time, so it may count or not; with the same webhook-id it counts once"
            )
            raise unavailable(unknown, kind="unconfirmed") from None
