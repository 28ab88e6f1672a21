"""The state of one partition: its devices, and the cells that they are kept in."""

from collections.abc import Collection, Mapping

from headrace.streams.batch import ANY_PARTITION, Cell
from process_readings.cells import PARTITION_KEY, SCHEMA, Changes, PartitionCell
from process_readings.detect.level_pool import LevelPool
from process_readings.device_state import DeviceState
from process_readings.pack_cells import delete_device, pack_device, pack_partition
from process_readings.unpack_cells import CellReader, unpack_partition


class PartitionState:
    """Implements `headrace.streams.TaskState`.

    Attributes:
        devices: by their key, in the order in which they were first seen.
        levels: the detectors that are a `RobustLevel`.
        next_sweep: append time at which quiet devices are looked for next.
        partition: number of the input partition.
    """

    __slots__ = (
        "_active",
        "_changed",
        "_deleted",
        "_idle",
        "_next_order",
        "_written",
        "devices",
        "levels",
        "next_sweep",
        "partition",
    )

    def __init__(self) -> None:
        self.devices: dict[bytes, DeviceState] = {}
        self.levels = LevelPool()
        self.next_sweep = 0
        self.partition = ANY_PARTITION
        self._active: dict[bytes, DeviceState] = {}
        self._idle: dict[bytes, DeviceState] = {}
        self._changed: dict[bytes, DeviceState] = {}
        self._deleted: Changes = {}
        self._next_order = 0
        self._written = self._own_cell()

    def __len__(self) -> int:
        return len(self.devices)

    def register(self, device: DeviceState) -> None:
        """Takes in a device that was not there."""
        device.order = self._next_order
        self._next_order += 1
        self.devices[device.key] = self._active[device.key] = device

    def touch(self, device: DeviceState, append_time: int) -> None:
        """Notes a record of a device that is there."""
        device.last_append = append_time
        self._changed[device.key] = device
        if device.is_idle:
            device.is_idle = False
            self._active[device.key] = self._idle.pop(device.key)

    def note_change(self, device: DeviceState) -> None:
        """Notes that something about a device changed, if it is there."""
        if device.key in self.devices:
            self._changed[device.key] = device

    def fall_idle(self, device: DeviceState) -> None:
        """Notes that the open windows of a quiet device were emitted."""
        device.is_idle = True
        self._changed[device.key] = device
        self._idle[device.key] = self._active.pop(device.key)

    def quiet_since(self, append_time: int) -> list[DeviceState]:
        """The devices that sent nothing since an append time and whose open windows wait to be emitted."""
        quiet = [device for device in self._active.values() if device.last_append <= append_time]
        quiet.sort(key=_order)
        return quiet

    def silent_since(self, append_time: int) -> list[DeviceState]:
        """The devices that sent nothing after an append time, of those whose windows were emitted."""
        silent = []
        # They are in the order in which they fell quiet, so the look ends soon.
        for device in self._idle.values():
            if device.last_append >= append_time:
                break
            silent.append(device)
        return silent

    def forget(self, device: DeviceState) -> None:
        """Drops a device and all its cells."""
        del self.devices[device.key]
        self._active.pop(device.key, None)
        self._idle.pop(device.key, None)
        self._changed.pop(device.key, None)
        delete_device(device, self.levels, self._deleted)

    def take_changes(self) -> Collection[Cell]:
        """The cells that changed since the last call, each key once."""
        changes, self._deleted = self._deleted, {}
        for device in self._changed.values():
            pack_device(device, self.levels, changes)
        own = self._own_cell()
        if own != self._written:
            changes[PARTITION_KEY] = pack_partition(own)
            self._written = own
        self._changed.clear()
        return changes.items()

    def restore(self, cells: Mapping[bytes, bytes]) -> None:
        """Takes all cells of a checkpoint into a new state.

        Raises:
            ValueError: a cell is of another version, is damaged, or belongs to one that is missing.
        """
        for device in CellReader(cells.items()).devices():
            self.devices[device.key] = device
            of_kind = self._idle if device.is_idle else self._active
            of_kind[device.key] = device
        self._idle = dict(sorted(self._idle.items(), key=lambda item: item[1].last_append))
        if cells and PARTITION_KEY not in cells:
            raise ValueError(f"cell {PARTITION_KEY!r} of {SCHEMA} is missing")
        if cells:
            self._written = unpack_partition(cells[PARTITION_KEY])
            self.next_sweep, self._next_order, self.partition = self._written

    def _own_cell(self) -> PartitionCell:
        return PartitionCell(self.next_sweep, self._next_order, self.partition)


def _order(device: DeviceState) -> int:
    return device.order
