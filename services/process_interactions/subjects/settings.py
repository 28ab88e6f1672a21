"""What can be set of the stage of subjects."""

from dataclasses import dataclass, field

from process_interactions.subjects.rates import Limits

_MINUTE_US = 60_000_000
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class SubjectSettings:
    """Times in microseconds.

    Attributes:
        window_us: after an answer, in which what follows counts for it.
        forget_after_us: append time without a record after which a subject is forgotten.
        limits: of what people do.
    """

    window_us: int = 30 * _MINUTE_US
    forget_after_us: int = 90 * _DAY_US
    limits: Limits = field(default_factory=Limits)
