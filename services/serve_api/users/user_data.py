"""A person's rights: what is held about them, its erasure, and their consent."""

from uuid import uuid4

from headrace.clock import Clock
from headrace.errors import DeliveryError
from headrace.interactions.records import ERASED, RAW, Erasure, Interaction
from headrace.records import encode, headers_of
from headrace.subjects.async_subjects import AsyncSubjects
from headrace.subjects.subject import Subject
from serve_api.confirmed_writer import ConfirmedWriter
from serve_api.problems import unavailable
from serve_api.scan import Found, Position
from serve_api.times import iso
from serve_api.users.answers import ConsentRow, ErasedRow, FeaturesRow, features_row
from serve_api.users.known import Known
from serve_api.users.subject_records import Stored, SubjectRecords

_FOLLOWS = ["tables", "features", "models", "snapshots"]
_NOTHING: ErasedRow = {"erased": False, "recorded": None, "key_destroyed": False, "follows": []}


class UserData:
    """Methods take names that `headrace.subjects.subject` makes, and raise TransientError where Cassandra is away."""

    def __init__(
        self,
        subjects: AsyncSubjects,
        records: SubjectRecords,
        known: Known,
        writer: ConfirmedWriter,
        clock: Clock,
    ) -> None:
        self._subjects = subjects
        self._records = records
        self._writer = writer
        self._clock = clock
        self._known = known

    async def find(self, site: str, name: str) -> Subject | None:
        """Who a person is; None: nothing is held about them."""
        return await self._subjects.find(site, name)

    async def records(self, site: str, subject: Subject, after: Position | None, limit: int) -> Found[Stored]:
        """A page of what is stored."""
        return await self._records.page(site, subject.id, after, limit)

    def features(self, site: str, subject: Subject) -> FeaturesRow | None:
        """What recommendations go by now."""
        found = self._known.features(site, subject.id)
        return None if found is None else features_row(found)

    def arms(self, site: str, subject: Subject) -> dict[str, str]:
        """The person's arms."""
        return self._known.arms(site, subject.id)

    async def erase(self, site: str, name: str) -> ErasedRow:
        """Tells all parts by a record, then destroys the key and who it was; to be repeated until it answers.

        In this order: were the key destroyed first and the process killed then, nobody could tell whose records are to
        be deleted. Who asks for the person in between is given another subject, see `SubjectStore.make`.

        Raises:
            Problem: Kafka did not confirm the record.
        """
        subject = await self._subjects.find_settled(site, name)
        if subject is None:
            return _NOTHING
        erasure = Erasure(site, subject.id, self._clock.now_us())
        await self._write(ERASED, subject, erasure, "ask again: nothing is left half-done by that")
        destroyed = await self._subjects.destroy(site, name, subject.id)
        return {"erased": True, "recorded": iso(erasure.erased), "key_destroyed": destroyed, "follows": _FOLLOWS}

    async def consent(self, site: str, name: str, personalisation: bool) -> ConsentRow:
        """Writes whether a person lets us personalise, among what they do.

        Raises:
            Problem: Kafka did not confirm the record.
        """
        subject = await self._subjects.subject_of(site, name)
        now = self._clock.now_us()
        interaction = Interaction(uuid4().hex, site, subject.id, "consent", now, now, consent=personalisation)
        await self._write(RAW, subject, interaction, "send it again")
        return {"personalisation": personalisation, "time": iso(now)}

    async def _write(self, topic: str, subject: Subject, record: Erasure | Interaction, then: str) -> None:
        try:
            await self._writer.write(topic, encode(record), subject.id.encode(), headers_of(record))
        except DeliveryError:
            raise unavailable(f"Kafka did not confirm it in time; {then}", kind="unconfirmed") from None
