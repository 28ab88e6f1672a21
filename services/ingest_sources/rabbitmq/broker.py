"""RabbitMQ by pika: a connection with one channel and one consumer."""

import logging
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    AMQPConnectionError,
    AMQPError,
    AuthenticationError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from headrace.errors import ConfigurationError, TransientError
from ingest_sources.rabbitmq.message import Message
from ingest_sources.rabbitmq.rabbitmq_source import DELIVERY_LIMIT, DeclareOptions, RabbitmqOptions
from ingest_sources.rabbitmq.received import message_of
from ingest_sources.rabbitmq.tolerant_connection import TolerantConnection

_CONNECT_S = 10.0
_NOT_FOUND, _NOT_ALLOWED = 404, 530
_IN_USE = "in exclusive use"
_PROPERTIES = tuple(vars(pika.BasicProperties()))


class Broker:
    """Connected, with the queue known to be there.

    Every call ends when the broker is away for twice the heartbeat.

    Attributes:
        messages: of this round, in the order in which they came.
        bytes: of their bodies.
        count_again: those of them that may have been delivered before.
        bytes_again: of their bodies.

    Raises:
        TransientError: the broker is away.
        ConfigurationError: it refuses the user or the virtual host; the queue isn't there or isn't as declared.
    """

    def __init__(self, options: RabbitmqOptions, password: str) -> None:
        self._options = options
        self._where = f"RabbitMQ at {options.host}:{options.port}"
        # What it logs is raised too, and is no news to a person each time.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        self._connection = self._connect(password)
        self._consumer = ""
        self._is_cancelled = False
        self.messages: list[Message] = []
        self.bytes = self.count_again = self.bytes_again = 0
        try:
            self._channel = self._prepare()
        except BaseException:
            self.close()
            raise

    def count_consumers(self) -> int:
        """Those of the queue, whoever has them."""
        with self._translated():
            return int(self._channel.queue_declare(self._options.queue, passive=True).method.consumer_count)

    def consume(self, prefetch: int) -> None:
        """Begins to take at most so many messages into `messages`, which is empty then.

        Raises:
            TransientError: also when another has a consumer of the queue, unless it is shared.
        """
        self.messages = []
        self.bytes = self.count_again = self.bytes_again = 0
        with self._translated():
            self._channel.basic_qos(prefetch_count=prefetch)
            self._consumer = self._channel.basic_consume(
                self._options.queue, self._take, exclusive=not self._options.shared
            )

    def wait(self, seconds: float) -> None:
        """Lets messages and heartbeats come, for at most so long."""
        with self._translated():
            self._connection.process_data_events(seconds)
        if self._is_cancelled:
            raise TransientError(f"queue {self._options.queue!r} was deleted or has moved; it is looked for again")

    def cancel(self) -> None:
        """Ends the consumer. What came meanwhile and isn't in `messages` is given back to the head of the queue."""
        with self._translated():
            self._channel.basic_cancel(self._consumer)

    def get(self) -> Message | None:
        """Takes one message into `messages`, or none where none waits."""
        with self._translated():
            method, properties, body = self._channel.basic_get(self._options.queue)
        if method is None:
            return None
        self._take(self._channel, method, properties, body)
        return self.messages[-1]

    def acknowledge(self, batches: Iterable[Sequence[Message]], rejected: frozenset[int]) -> None:
        """Acknowledges each of the batches at once, or rejects it; returns when the broker did it.

        Args:
            batches: all of `messages`, in their order.
            rejected: tags of those that are to be rejected, each a batch by itself.
        """
        with self._translated():
            for batch in batches:
                tag = batch[-1].tag
                if tag in rejected:
                    self._channel.basic_reject(tag, requeue=False)
                else:
                    # Takes all before it along that are neither acknowledged nor rejected yet: these.
                    self._channel.basic_ack(tag, multiple=True)
            # A channel does one thing after the other: its answer says that those before are done.
            self._channel.basic_qos(prefetch_count=1)

    def give_back(self) -> None:
        """Puts all of `messages` back into the queue."""
        with self._translated():
            if self.messages:
                # At once, as a quorum queue puts them back in the order in which they are named.
                self._channel.basic_nack(self.messages[-1].tag, multiple=True, requeue=True)
            self._channel.basic_qos(prefetch_count=1)

    def close(self) -> None:
        """Ends the connection; what isn't acknowledged goes back to the queue."""
        with suppress(AMQPError, OSError):
            if self._connection.is_open:
                self._connection.close()

    def _connect(self, password: str) -> pika.BlockingConnection:
        options = self._options
        context = self._tls_context() if options.tls else None
        parameters = pika.ConnectionParameters(
            host=options.host,
            port=options.port,
            virtual_host=options.vhost,
            credentials=pika.PlainCredentials(options.user, password),
            ssl_options=pika.SSLOptions(context, options.host) if context else None,
            heartbeat=options.heartbeat_seconds,
            socket_timeout=_CONNECT_S,
            stack_timeout=_CONNECT_S,
            client_properties={"connection_name": f"headrace {options.queue}"},
        )
        with self._translated():
            return pika.BlockingConnection(parameters, _impl_class=TolerantConnection)

    def _tls_context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._options.ca_file)
        except OSError as error:
            raise ConfigurationError(f"ca_file {self._options.ca_file} can't be used: {error}") from error

    def _prepare(self) -> BlockingChannel:
        declare = self._options.declare
        try:
            channel = self._connection.channel()
            channel.add_on_cancel_callback(self._on_cancelled)
            if declare is None:
                channel.queue_declare(self._options.queue, passive=True)
            else:
                self._declare(channel, declare)
            return channel
        except ChannelClosedByBroker as error:
            what = f"queue {self._options.queue!r} in vhost {self._options.vhost!r} can't be used: {error.reply_text}"
            if error.reply_code == _NOT_FOUND and declare is None:
                what += ". Make it, or add `declare`"
            elif DELIVERY_LIMIT in error.reply_text:
                what += (
                    f". Give its {DELIVERY_LIMIT} in `arguments`, or leave `declare` out. A queue without one must be "
                    "made anew to get it; from RabbitMQ 4 on it drops what was delivered 20 times in vain"
                )
            raise ConfigurationError(what) from error
        except (AMQPError, OSError) as error:
            self._raise(error)

    def _declare(self, channel: BlockingChannel, declare: DeclareOptions) -> None:
        if declare.exchange and declare.exchange_type:
            channel.exchange_declare(declare.exchange, declare.exchange_type, durable=declare.durable)
        channel.queue_declare(self._options.queue, durable=declare.durable, arguments=declare.queue_arguments)
        for key in declare.routing_keys:
            channel.queue_bind(self._options.queue, declare.exchange or "", key)

    def _take(self, channel: BlockingChannel, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        given = {name: value for name in _PROPERTIES if (value := getattr(properties, name)) is not None}
        self.bytes += len(body)
        if method.redelivered:
            self.count_again += 1
            self.bytes_again += len(body)
        self.messages.append(message_of(method, given, body, getattr(properties, "problem", "")))

    def _on_cancelled(self, method: Any) -> None:
        self._is_cancelled = True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (AMQPError, OSError) as error:
            self._raise(error)

    def _raise(self, error: Exception) -> NoReturn:
        where = self._where
        match error:
            case ProbableAuthenticationError() | AuthenticationError():
                raise ConfigurationError(
                    f"{where} refuses user {self._options.user!r}: see user and password_secret"
                ) from error
            case ProbableAccessDeniedError():
                raise ConfigurationError(
                    f"{where} refuses vhost {self._options.vhost!r} to user {self._options.user!r}: {error}"
                ) from error
            case ConnectionClosedByBroker(reply_code=code, reply_text=text) if code == _NOT_ALLOWED:
                raise ConfigurationError(f"{where} refuses vhost {self._options.vhost!r}: {text}") from error
            case ChannelClosedByBroker(reply_text=text) if _IN_USE in text:
                raise TransientError(
                    f"{where}: {text}. Another consumes the queue; `shared: true`, if it is to"
                ) from error
            case ssl.SSLCertVerificationError():
                raise ConfigurationError(f"{where}: {error}: see tls and ca_file") from error
            case AMQPConnectionError() | OSError() | AMQPError():
                raise TransientError(f"{where} is away: {error!r}") from error
        raise error
