"""Puts a replay in the place of the live version: catches up, copies its outputs, and says how the service goes on."""

from dataclasses import dataclass

from headrace.clock import Clock
from headrace.errors import ConfigurationError
from headrace.replay.copy_outputs import OutputCopy
from headrace.replay.fence import fence
from headrace.replay.groups import Group
from headrace.replay.live_position import check_covers, live_position
from headrace.replay.partition_replay import Shared
from headrace.replay.plan import Plan
from headrace.replay.plans import Plans
from headrace.replay.replay_run import ReplayRun, View
from headrace.replay.replayable import Replay
from headrace.replay.stage_replay import Outcome
from headrace.streams.task import OnStep, no_step


@dataclass(frozen=True)
class Switch:
    """A switch to a replay. It may be stopped or killed anywhere; the next one goes on."""

    replay: Replay
    view: View
    shared: Shared
    clock: Clock
    on_step: OnStep = no_step

    def run(self) -> bool:
        """Returns whether the service can go on from the replay; False after `shared.stop`.

        Raises:
            ConfigurationError: live workers run, or the replay does not reach back to where they are, or it lacks an
                input that they have.
            TransientError: Kafka did not come back; the same command goes on.
        """
        plans = Plans(self.replay.brokers)
        plan = plans.get(self.replay.name)
        if plan.phase == "switched":
            return True
        plan.check_inputs(self.replay.service.inputs())
        group = Group(self.replay.brokers, self.replay.live.name)
        self._refuse_same_version()
        group.refuse_members()
        outcome = self._catch_up(plan)
        if not outcome.is_complete:
            return False
        plan = plan.done_to(outcome.positions, self.clock.now_us())
        plans.save(plan.in_phase("switching", self.clock.now_us()))
        if not OutputCopy(self.replay, self.shared.stop, self.on_step).run(self.view):
            return False
        # Workers that came meanwhile went on with the old version: the next switch catches up with them.
        group.refuse_members()
        group.commit({at: offset for at, offset in outcome.positions.items() if at[0] in plan.ranges})
        plans.save(plan.in_phase("switched", self.clock.now_us()))
        return True

    def _refuse_same_version(self) -> None:
        service = self.replay.service
        if service.version == self.replay.name:
            raise ConfigurationError(
                f"{service.setting} says {service.version} before the switch to it is done: give this command the "
                "version that the workers had"
            )

    def _catch_up(self, plan: Plan) -> Outcome:
        """Lets the replay come exactly as far as the live workers did; where it is further, it stays there."""
        replay = self.replay
        fence(replay.brokers, replay.live)
        position = live_position(replay)
        check_covers(plan.ranges, position)
        ends = {
            topic: [(start, position[topic, number]) for number, (start, _) in enumerate(ranges)]
            for topic, ranges in plan.ranges.items()
        }
        run = ReplayRun(replay, self.view, self.shared, self.on_step)
        return run.run(ends, plan.topic_ids, self.clock.now_us())
