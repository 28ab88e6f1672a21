"""Events to Headrace and recommendations from it."""

from headrace_client.client import Headrace
from headrace_client.errors import HeadraceError, NotSent

__all__ = ["Headrace", "HeadraceError", "NotSent"]
