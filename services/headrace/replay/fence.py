"""Waits until the transactions of tasks have ended, and shuts out whoever still runs one."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from headrace.replay.lost_producer import explained
from headrace.replay.versioned_topics import VersionedTopics
from headrace.streams.topology import Stage, Topology
from headrace.streams.transaction import KafkaTransactions

_AT_A_TIME = 16


def fence(brokers: str, topology: Topology, stages: Iterable[Stage] | None = None) -> None:
    """Fences all tasks of a topology, or of some of its stages.

    A commit is answered before its outputs can be read everywhere. After this the ends of the topics hold.

    Raises:
        TransientError: another process fences them at the same time.
    """
    stages = topology.stages if stages is None else stages
    partitions = VersionedTopics(brokers).existing(topology.inputs())
    ids = [
        topology.transactional_id(stage, partition)
        for stage in stages
        for partition in range(partitions.get(stage.inputs[0], 0))
    ]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(lambda name: _fence_one(brokers, name), ids))


def _fence_one(brokers: str, transactional_id: str) -> None:
    transactions = KafkaTransactions(brokers, transactional_id)
    try:
        with explained():
            transactions.start()
    finally:
        transactions.close()
