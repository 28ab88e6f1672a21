"""What of an event is written to Kafka, where nobody can tell whom it is about once the subject's key is gone."""

import base64
import hashlib
import secrets

from headrace.interactions.event import Event
from headrace.interactions.records import Interaction
from headrace.subjects.personal import encrypt_personal
from headrace.subjects.subject import Subject

_ID_BYTES = 16


def interaction_of(event: Event, subject: Subject, site: str, received: int) -> Interaction:
    """The record of an event.

    The session is an alias under the subject's key, since the client's own name of it could be found elsewhere.

    Args:
        received: microseconds UTC at which the edge took it.
    """
    return Interaction(
        event.id or secrets.token_urlsafe(_ID_BYTES),
        site,
        subject.id,
        event.kind,
        event.time,
        received,
        event.item,
        event.value,
        event.quantity,
        None if event.session is None else _alias(event.session, subject),
        event.recommendation,
        event.position,
        event.consent,
        event.context,
        encrypt_personal(subject, event.personal) if event.personal else None,
        event.flags,
    )


def _alias(session: str, subject: Subject) -> str:
    digest = hashlib.blake2b(session.encode(), key=subject.key, digest_size=_ID_BYTES, person=b"session")
    return base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
