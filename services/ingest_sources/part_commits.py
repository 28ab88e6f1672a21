"""Commits the parts of one source: while one is committed on a thread, the next is prepared."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from headrace.errors import TransientError
from headrace.streams.batch import OutRecord
from headrace.streams.task import OnStep, no_step
from headrace.streams.transaction import Transactions


class Entry(Protocol):
    """What the ledger keeps of a position."""

    def record(self) -> OutRecord:
        """Its record in the ledger's topic."""
        ...


E = TypeVar("E", bound=Entry)


class PartCommits(Generic[E]):
    """The transactions of one source, a part and the position after it in each.

    A transaction is open for one part only, never while more is read: the brokers would end it.

    Args:
        transactions: started, of the source's own id, so that whoever runs the source last is the only one that can.
        on_commit: told each entry that is committed, before anybody goes on after it.
        on_step: told each step by name; fault tests end the process there.
    """

    def __init__(self, transactions: Transactions, on_commit: Callable[[E], None], on_step: OnStep = no_step) -> None:
        self._transactions = transactions
        self._on_commit = on_commit
        self._on_step = on_step
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._pending: Future[E] | None = None

    def produce(self, records: Iterable[OutRecord]) -> None:
        """Adds a part's records to a transaction; what was begun before is settled.

        Raises:
            AbortRequired: nothing since the last commit counts; `abort`, and go on after what is committed.
            ProducerLost: the process must end.
        """
        self._transactions.produce(records)
        self._on_step("produced")

    def begin(self, entry: E) -> None:
        """Commits what was produced with the position after it, on a thread; `settle` before anything else."""
        self._pending = self._executor.submit(self.commit, entry)

    def settle(self) -> bool:
        """Waits for the commit that was begun, if one was; returns whether one was.

        Raises:
            AbortRequired, ProducerLost: as `produce`.
        """
        pending, self._pending = self._pending, None
        if pending is None:
            return False
        pending.result()
        return True

    @property
    def is_settled(self) -> bool:
        """Whether `settle` would return at once."""
        return self._pending is None or self._pending.done()

    def commit(self, entry: E, beside: Iterable[OutRecord] = ()) -> E:
        """Commits what was produced with the position after it, and records that belong to the position.

        Raises:
            AbortRequired, ProducerLost: as `produce`.
        """
        self._transactions.produce([*beside, entry.record()])
        self._on_step("committing")
        self._transactions.commit()
        self._on_commit(entry)
        self._on_step("committed")
        return entry

    def commit_alone(self, records: Iterable[OutRecord]) -> None:
        """Commits records that move no position.

        Raises:
            AbortRequired, ProducerLost: as `produce`.
        """
        self._transactions.produce(records)
        self._transactions.commit()

    def abort(self) -> None:
        """Gives up what is not committed.

        Raises:
            ProducerLost: the process must end.
        """
        with suppress(TransientError):
            self.settle()
        self._transactions.abort()
