"""What goes wrong with a stack.

StackError
├── CheckFailed    the machine is not ready: every problem, one line each
└── StartFailed    a component ended or stayed unready; the message holds the tail of its log
"""

from __future__ import annotations

from collections.abc import Sequence


class StackError(Exception):
    """The stack cannot do what was asked; the message says what to do."""


class CheckFailed(StackError):
    """The machine is not ready for the stack."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class StartFailed(StackError):
    """A component or a set-up task did not come up."""
