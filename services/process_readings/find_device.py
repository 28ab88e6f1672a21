"""Finds the state of a record's device, under the type that the catalog gives it now."""

from functools import lru_cache

from headrace import raw
from headrace.deadletter import Headers
from headrace.records import Device, split_key
from process_readings.device_state import DeviceState
from process_readings.device_types import DEFAULT, DeviceTypes, zone_of
from process_readings.metric_plan import MetricPlans
from process_readings.outputs import Outputs
from process_readings.registry import Catalog
from process_readings.series import Series
from process_readings.state import PartitionState

_split_key = lru_cache(maxsize=65_536)(split_key)


class DeviceFinder:
    """Knows what holds for each device and metric.

    Args:
        catalog: what is registered of (site, device); asked once per record.
        forget_after: microseconds of append time without a record after which a device is as if it never was.
    """

    def __init__(self, types: DeviceTypes, catalog: Catalog, plans: MetricPlans, forget_after: int) -> None:
        self._types = types
        self._catalog = catalog
        self._plans = plans
        self.forget_after = forget_after

    def find(self, state: PartitionState, key: bytes | None, headers: Headers, now: int, out: Outputs) -> DeviceState:
        """The state of a device. One that is seen for the first time is not in the partition's state yet: nobody knows
        if its record can be read.

        Raises:
            TerminalError: the key is not `site/device`.
        """
        found = state.devices.get(key) if key is not None else None
        if found is not None and now - found.last_append > self.forget_after:
            out.judge()
            state.forget(found)
            found = None
        if found is None:
            site, name = split_key(key)
            found = DeviceState(key or b"", site, name, raw.header(headers, raw.DEVICE_TYPE))
        self._refresh(state, found, out)
        return found

    def find_known(self, state: PartitionState, key: bytes, out: Outputs) -> DeviceState | None:
        """The state of a device that is followed; None of any other."""
        found = state.devices.get(key)
        if found is not None:
            self._refresh(state, found, out)
        return found

    def new_series(self, device: DeviceState, metric: str, out: Outputs) -> Series | None:
        """Starts to follow a metric, if the device has room for one more, if need be in place of those without an open
        window."""
        if not device.has_room() and device.can_make_room():
            out.judge()
            device.make_room(out.levels)
        if not device.has_room():
            return None
        series = device.add_series(metric, self._plans.get(device.type_name, metric))
        series.start_detector(out.levels)
        return series

    def _refresh(self, state: PartitionState, device: DeviceState, out: Outputs) -> None:
        """Goes on under what the catalog says of a device now."""
        known = self._catalog(*device.name)
        if known is not device.known:
            self._adopt(device, known, out)
            # Its record may turn out to be unreadable, and then nothing else notes it.
            state.note_change(device)

    def _adopt(self, device: DeviceState, known: Device | None, out: Outputs) -> None:
        """Goes on with a device as it is registered now; its readings, windows and fitting detectors stay."""
        device.known = known
        type_name = known.type if known else device.route_type or DEFAULT
        kind = self._types.get(type_name)
        device.lateness = kind.lateness_us
        device.zone = zone_of(known.zone if known else kind.zone, kind.zone)
        if type_name == device.type_name:
            return
        device.type_name = type_name
        out.judge()
        for series in device.series.values():
            series.use(self._plans.get(type_name, series.metric), out.levels)
        device.use_joints(kind.together)
        device.mark_all()
