"""Keeps the plans of replays, so that a replay can go on from any machine."""

import msgspec

from headrace.errors import ConfigurationError
from headrace.replay.plan import Plan
from headrace.replay.replays_topic import ReplaysTopic

_OF_A_PLAN = "/"
"""In a key it parts the name of a plan from what else is kept of the replay."""


class Plans:
    """All plans by name."""

    def __init__(self, brokers: str) -> None:
        self._topic = ReplaysTopic(brokers)

    def load(self) -> dict[str, Plan]:
        """The plans as they are now.

        Raises:
            TransientError: the brokers don't answer.
            ConfigurationError: another version of Headrace wrote one.
        """
        return {key: _decode(key, value) for key, value in self._topic.read().items() if _OF_A_PLAN not in key}

    def get(self, name: str) -> Plan:
        """One plan.

        Raises:
            ConfigurationError: there is none of this name.
        """
        plans = self.load()
        if name not in plans:
            raise ConfigurationError(f"no replay has the name {name}; there are: {', '.join(sorted(plans)) or 'none'}")
        return plans[name]

    def save(self, plan: Plan) -> None:
        """Writes a plan, in place of the one before; it is kept when this returns."""
        self._topic.write({plan.name: msgspec.json.encode(plan)})

    def delete(self, name: str) -> None:
        """Forgets a plan and all that is kept of its replay."""
        keys = [key for key in self._topic.read() if key == name or key.startswith(name + _OF_A_PLAN)]
        self._topic.write(dict.fromkeys(keys))


def copied_key(name: str, topic: str, partition: int) -> str:
    """The key under which it is kept how far a partition of a replay's outputs is copied."""
    return f"{name}{_OF_A_PLAN}{topic}-{partition}"


def _decode(name: str, value: bytes) -> Plan:
    try:
        return msgspec.json.decode(value, type=Plan)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"the plan of replay {name} can't be read: {error}") from error
