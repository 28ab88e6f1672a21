"""What a database's errors mean: it may work later, or a person must mend it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from headrace.errors import ConfigurationError, HeadraceError, TransientError

# Classes and codes of SQLSTATE that pass by themselves: connection, rollback, resources, shutdown and start.
_PASSING = ("08", "40", "53", "55", "57P", "25P03", "25P04")
# Data, constraints, and what functions of a person's own raise: their words quote values of rows.
_TELLING = ("22", "23", "P0")
_NAMES_OF_TELLING = ("DataError", "IntegrityError")
_KNOWN = ("schema", "table", "column", "datatype", "constraint")
_NOT_DECODED = "Could not decode to UTF-8"
_TIMED_OUT = "57014"
_FORBIDDEN = "42501"
# When a connection is refused psycopg2 gives no code, only what the server says in its language.
_REFUSALS = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "no password",
)
_NAMES_OF_PASSING = ("OperationalError", "InterfaceError", "InternalError")


@contextmanager
def explained(place: str, limit: str) -> Iterator[None]:
    """Turns a driver's errors into ours.

    Args:
        place: the table, as a message names it.
        limit: of a statement's time, as a message names it.

    Raises:
        TransientError: the database is away, or stops.
        ConfigurationError: the password, the database, a right, a table or a column is not there or not right.
    """
    try:
        yield
    except HeadraceError:
        raise
    except UnicodeDecodeError:
        raise _not_decoded(place) from None
    except Exception as error:
        found = _meaning(error, place, limit)
        if found is None:
            raise
        # Not chained: a driver's error may quote values.
        raise found from None


def _meaning(error: Exception, place: str, limit: str) -> HeadraceError | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    if original is None or not _is_of_a_driver(original):
        return ConfigurationError(f"{place} can't be read: {_first_line(error)}") if _is_ours(error) else None
    code = getattr(original, "pgcode", None) or getattr(original, "sqlstate", None)
    what = _first_line(original)
    names = [base.__name__ for base in type(original).__mro__]
    if what.startswith(_NOT_DECODED):
        return _not_decoded(place)
    if code.startswith(_TELLING) if code else any(name in _NAMES_OF_TELLING for name in names):
        return ConfigurationError(
            f"{place} can't be read: the database can't make what is asked of a value ({_kind(original, code)}). Its "
            "own words are not shown, as they may have the value: SELECT from it yourself, and mend it"
        )
    if code == _TIMED_OUT:
        return ConfigurationError(
            f"{place} can't be read within {limit}, or somebody stopped the query: make an index over the columns of "
            "the order, end what locks the table, or raise that limit where it can be"
        )
    if code == _FORBIDDEN:
        return ConfigurationError(f"{place} can't be read: {what}: GRANT SELECT to the role of database.url")
    if code:
        return (TransientError if code.startswith(_PASSING) else ConfigurationError)(f"{place} can't be read: {what}")
    if any(refusal in what for refusal in _REFUSALS):
        return ConfigurationError(f"the database of {place} lets nobody in as database.url says: {what}")
    is_passing = any(name in _NAMES_OF_PASSING for name in names)
    return (TransientError if is_passing else ConfigurationError)(f"{place} can't be read: {what}")


def _kind(error: BaseException, code: str | None) -> str:
    """What may be told of an error whose words may not."""
    diagnosis = getattr(error, "diag", None)
    known = [f"{what} {name}" for what in _KNOWN if (name := getattr(diagnosis, f"{what}_name", None))]
    return ", ".join([f"SQLSTATE {code}" if code else type(error).__name__, *known])


def _not_decoded(place: str) -> ConfigurationError:
    return ConfigurationError(f"{place} has a text that is not valid in the encoding of its database")


def _is_of_a_driver(error: BaseException) -> bool:
    return any(base.__name__ == "Error" for base in type(error).__mro__)


def _is_ours(error: Exception) -> bool:
    return isinstance(error, SQLAlchemyError)


def _first_line(error: BaseException) -> str:
    # What comes after may be values of rows.
    diagnosis = getattr(error, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    return str(primary or error).strip().split("\n", 1)[0]
