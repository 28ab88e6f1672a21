"""Asks pages: signs, keeps the pace, tries again, and says what an answer's status means."""

import logging
import random
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

import httpx

from headrace.clock import Clock
from headrace.errors import ConfigurationError, TransientError
from ingest_sources.http_apis.answer import Answer
from ingest_sources.http_apis.credentials import Credentials
from ingest_sources.http_apis.http_client import HttpClient
from ingest_sources.http_apis.http_source import HttpLimits
from ingest_sources.http_apis.origin import Reach
from ingest_sources.http_apis.pace import Pace
from ingest_sources.http_apis.retry_after import retry_after_s

Waiting = Generator[None, None, Answer]
"""Gives None while it waits, and returns the answer."""
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 10.0
_MOMENT_S = 0.1
_AGAIN = frozenset((408, 425, 429))
log = logging.getLogger(__name__)


class RequestRefused(ConfigurationError):
    """The API answers a request with a status that another try does not change."""

    def __init__(self, said: str, status: int) -> None:
        super().__init__(said)
        self.status = status


class Connection:
    """The connection of one run.

    Args:
        pace: of all runs of the source.
    """

    def __init__(
        self,
        client: HttpClient,
        credentials: Credentials,
        reach: Reach,
        pace: Pace,
        limits: HttpLimits,
        clock: Clock,
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._reach = reach
        self._pace = pace
        self._limits = limits
        self._clock = clock
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="http")
        self._chance = random.Random()  # noqa: S311 - spreads retries

    def ask(self, url: httpx.URL, headers: Mapping[str, str], also: frozenset[int] = frozenset()) -> Waiting:
        """The answer to a page's request, of a status 2xx or 304.

        Args:
            also: other statuses that are answers.

        Raises:
            TransientError: none came in some tries.
            RequestRefused, ConfigurationError: only a person can mend it.
        """
        self._reach.check(url, "the next page")
        may_renew, failures = True, 0
        while True:
            yield from self._pause()
            try:
                answer = yield from self._meanwhile(lambda: self._exchange(url, headers))
                if 200 <= answer.status < 300 or answer.status == 304 or answer.status in also:
                    return answer
                if answer.status == 401 and may_renew and self._credentials.renew():
                    may_renew = False
                    continue
                failure = self._failure(answer)
            except TransientError as error:
                failure = error
            failures += 1
            if failures >= self._limits.tries:
                raise failure
            self._pace.hold(self._backoff_s(failures))

    def close(self) -> None:
        """Ends what is under way and closes the connections; never raises."""
        self._client.cancel()
        # After what is under way, which ends soon: nobody should wait for it.
        self._executor.submit(self._client.close)
        self._executor.shutdown(wait=False)

    def _exchange(self, url: httpx.URL, headers: Mapping[str, str]) -> Answer:
        signature = self._credentials.signature(self._client)
        self._pace.take()
        return self._client.get(url, headers, signature, self._reach)

    def _meanwhile(self, call: Callable[[], Answer]) -> Waiting:
        future: Future[Answer] = self._executor.submit(call)
        while not wait([future], _MOMENT_S).done:
            yield None
        return future.result()

    def _pause(self) -> Generator[None, None, None]:
        while (left_s := self._pace.wait_s()) > 0:
            time.sleep(min(left_s, _MOMENT_S))
            yield None

    def _failure(self, answer: Answer) -> TransientError:
        """What an answer means that has no rows; a Retry-After holds all further requests, also those of a later run.

        Raises:
            ConfigurationError: another try gets no other answer.
        """
        said = f"{answer.place} answers {answer.status}: {answer.beginning}"
        asked_s = retry_after_s(answer.headers, self._clock.now_us())
        # GitHub and others limit with 403.
        is_limit = answer.status in (429, 503) or (answer.status == 403 and asked_s is not None)
        if is_limit and asked_s is not None:
            if asked_s > self._limits.max_wait_s:
                log.warning(
                    "a server asks for a longer wait than limits.max_wait_s",
                    extra={"place": answer.place, "asked_s": asked_s, "waited_s": self._limits.max_wait_s},
                )
            self._pace.hold(min(asked_s, self._limits.max_wait_s))
        elif answer.status == 401:
            raise ConfigurationError(f"{said}; it does not take the secret of `auth`")
        elif answer.status < 500 and answer.status not in _AGAIN:
            raise RequestRefused(said, answer.status)
        return TransientError(said)

    def _backoff_s(self, failures: int) -> float:
        longest: float = min(_FIRST_WAIT_S * 2 ** (failures - 1), _LONGEST_WAIT_S)
        return longest * self._chance.uniform(0.5, 1.0)
