"""A name's addresses, with a time-out, which the system's own look-up does not have."""

import socket
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from headrace.errors import TransientError

LookUp = Callable[[str, int], Sequence[str]]
"""The addresses of a host and a port, best first."""
_LONGEST_S = 10.0


def look_up(host: str, port: int) -> Sequence[str]:
    """Asks the system.

    Raises:
        TransientError: it knows no address for now.
    """
    found: SimpleQueue[list[str] | OSError] = SimpleQueue()
    # It can't be interrupted, so nobody waits for a thread that is stuck.
    threading.Thread(target=_ask, args=(host, port, found), name="look-up", daemon=True).start()
    try:
        answer = found.get(timeout=_LONGEST_S)
    except Empty:
        raise TransientError(f"no address of {host} was found within {_LONGEST_S:.0f} s") from None
    if isinstance(answer, OSError):
        raise TransientError(f"no address of {host} is found: {answer.strerror or answer}") from answer
    return answer


def _ask(host: str, port: int, found: "SimpleQueue[list[str] | OSError]") -> None:
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found.put(list(dict.fromkeys(str(info[4][0]) for info in infos)))
    except (OSError, UnicodeError) as error:
        found.put(error if isinstance(error, OSError) else OSError(str(error)))
