"""The topic `models.promoted`: reads how a model stands and writes its next promotion, one at a time."""

from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Producer

from headrace.compacted_topic import read_compacted
from headrace.errors import ConfigurationError, TerminalError, TransientError
from headrace.kafka import headers_of_message, producer_config
from headrace.models.records import PROMOTED, Promotion
from headrace.records import decode, encode, headers_of

Rule = Callable[[Promotion | None], Promotion]
_CALL_S = 10.0
_COMMITS = 3
_OPEN_MS = 5_000
"""Between begin and commit, which take milliseconds: a process that hangs or is killed there holds up the promotions of
all models, and all that follow them, until Kafka ends its transaction."""
_FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})


def read_promotion(brokers: str, name: str) -> Promotion | None:
    """How a model stands, or None: no version was ever promoted.

    Raises:
        TransientError: the brokers don't answer.
        ConfigurationError: a later version of Headrace wrote the record.
    """
    return read_promotions(brokers, name).get(name)


def read_promotions(brokers: str, name: str = "") -> dict[str, Promotion]:
    """How all models stand, or the one of this name; as `read_promotion`."""
    found = {}
    for key, message in read_compacted(brokers, PROMOTED, name.encode()).items():
        # Of a model whose name begins with this one's: whatever is wrong with its record is no matter here.
        if name and key != name.encode():
            continue
        try:
            record = decode(message.value(), headers_of_message(message))
        except TerminalError as error:
            raise ConfigurationError(
                f"{PROMOTED} holds a record of {key!r} that this version can't read: {error}"
            ) from error
        if isinstance(record, Promotion):
            found[record.name] = record
    return found


def change_promotion(brokers: str, name: str, rule: Rule) -> Promotion:
    """Applies a rule to how a model stands and writes what it gives; no change in between is lost.

    The producer's transactional id is the model's. To begin ends what another left open and refuses whatever that one
    still writes; so what is read afterwards is the newest, and who was overtaken writes nothing. To look again after
    writing would tell of an overwritten change only when it has been in force.

    Raises:
        TransientError: another promotion of the model came in between, or the brokers don't answer; do it again: the
            rules make no change twice.
        ConfigurationError: the rule refuses.
    """
    producer = _begin(brokers, name)
    current = read_promotion(brokers, name)
    wanted = rule(current)
    if wanted is current:
        return wanted
    try:
        producer.begin_transaction()
        producer.produce(PROMOTED, encode(wanted), name.encode(), headers=list(headers_of(wanted)))
        _commit(producer)
    except KafkaException as error:
        raise _explain(name, error) from error
    return wanted


def _begin(brokers: str, name: str) -> Producer:
    transactional = {
        "transactional.id": f"{PROMOTED}-{name}",
        "transaction.timeout.ms": _OPEN_MS,
        "delivery.timeout.ms": _OPEN_MS,
        "retry.backoff.ms": 5,
    }
    producer = Producer(producer_config(brokers, "train_models", **transactional))
    try:
        producer.init_transactions(_CALL_S)
    except KafkaException as error:
        raise _explain(name, error) from error
    return producer


def _commit(producer: Producer) -> None:
    for tries_left in reversed(range(_COMMITS)):
        try:
            producer.commit_transaction(_CALL_S)
            return
        except KafkaException as error:
            # To commit again after no answer is what librdkafka asks for: it goes on where it was.
            if not (error.args[0].retriable() and tries_left):
                raise


def _explain(name: str, error: KafkaException) -> TransientError:
    problem: KafkaError = error.args[0]
    if problem.code() in _FENCED:
        return TransientError(
            f"another promotion of {name} came in between: look how it stands, and do it again if need be"
        )
    return TransientError(f"the promotion of {name} was not confirmed ({problem.str()}): do it again")
