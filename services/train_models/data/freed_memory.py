"""Memory that is free gets back to the system: glibc keeps what many threads freed, and the next ones take new."""

import ctypes
from collections.abc import Callable
from functools import cache


def give_back_freed() -> None:
    """Gives back what glibc keeps of freed memory, in about 10 ms; elsewhere nothing is done."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    function = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if function is not None:
        function.argtypes = [ctypes.c_size_t]
    return function
