"""What a check found: the promise is kept where nothing failed."""

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Failures:
    """The base of a check's verdict; `failures` maps a kind to its cases."""

    failures: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def passed(self) -> bool:
        return not any(self.failures.values())

    def fail(self, kind: str, case: object) -> None:
        self.failures[kind].append(str(case))

    def shown(self, head: str, most: int) -> str:
        """A line that says what came of it, and the first cases of each kind of failure."""
        found = [f"{kind}: {len(cases)}, such as {cases[:most]}" for kind, cases in self.failures.items() if cases]
        return "\n".join([f"{'kept' if self.passed else 'BROKEN'}: {head}", *found])
