"""Rules whose outputs only a right state can give, for the tests of the engine."""

from collections.abc import Callable

from headrace.errors import TransientError
from headrace.streams.batch import Batch, Cells, OutRecord
from headrace.streams.keyed_cells import KeyedCells
from headrace.streams.topology import Stage, Topology

STAGE = "count"
INPUT, OUTPUT, CHANGELOG = "in", "out", "counts"
new_cells: Callable[[], Cells] = dict


class Counts(KeyedCells):
    """Values seen by key."""

    def count(self, key: bytes) -> int:
        count = int(self.get(key) or 0) + 1
        self.put(key, b"%d" % count)
        return count

    def restore(self, cells: Cells) -> None:
        for content in cells.values():
            int(content)
        super().restore(cells)


class Counting:
    """Gives each value with the number of values of its key so far, under the same key.

    The value `forget` drops the key, `large` gives an output that Kafka would refuse, `later` raises a TransientError
    while `is_away`, and `broken` any other exception.
    """

    state_schema = "counts/1"

    def __init__(self, output: str = OUTPUT) -> None:
        self.output = output
        self.is_away = False

    def new_state(self) -> Counts:
        return Counts()

    def process(self, state: Counts, batch: Batch) -> list[OutRecord]:
        outputs = []
        for key, value in zip(batch.keys, batch.values, strict=True):
            assert key is not None and value is not None
            outputs += self._process(state, key, value)
        return outputs

    def on_idle(self, state: Counts, now_us: int) -> list[OutRecord]:
        return [OutRecord("idle", key, count) for key, count in state.items() if int(count) > 1]

    def _process(self, state: Counts, key: bytes, value: bytes) -> list[OutRecord]:
        if value == b"forget":
            state.delete(key)
            return []
        count = state.count(key)
        if value == b"later" and self.is_away:
            raise TransientError("a store is away")
        if value == b"broken":
            raise RuntimeError("a mistake in the rules")
        content = b"x" * 2_000_000 if value == b"large" else b"%s/%d" % (value, count)
        return [OutRecord(self.output, key, content)]


def topology(rules: Counting | None = None) -> Topology:
    """One stage that counts."""
    return Topology("test", (Stage(STAGE, (INPUT,), rules or Counting(), (OUTPUT,), CHANGELOG, new_cells),))
