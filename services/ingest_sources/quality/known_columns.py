"""What is known of columns beforehand: which are personal after all rules, and which are times."""

from collections.abc import Iterable, Sequence

from headrace.errors import ConfigurationError
from ingest_sources.into import IntoInteractions, IntoReadings
from ingest_sources.rules.lookup_model import Lookup
from ingest_sources.rules.models import Custom, Derive, Pseudonymise, Rename, Time, names_in
from ingest_sources.rules.personal import IsHidden, Personal
from ingest_sources.rules.rule_model import RuleModel
from ingest_sources.source_model import SourceModel
from ingest_sources.text_template import columns_of


def hidden_columns(personal: Iterable[str], rules: Sequence[RuleModel]) -> IsHidden:
    """What no report looks into, of the table after all rules; rather too much than too little.

    What was pseudonymised is not, but what was made of it before is. Nobody knows what a function of the operator's
    makes of personal columns, so that it hides all.

    Args:
        personal: as the source names them.
    """
    hidden = set(Personal(personal, rules).columns)
    for rule in rules:
        match rule:
            case Pseudonymise():
                hidden.difference_update(rule.columns)
            case Rename():
                parts = {new for old, new in rule.columns.items() if IsHidden(hidden)(old)}
                hidden = {rule.columns.get(name, name) for name in hidden} | parts
            case Derive():
                for column, sql in rule.columns.items():
                    _follow(hidden, names_in(sql), (column,))
            case Time():
                _follow(hidden, rule.columns, (rule.into,))
            case Lookup():
                _follow(hidden, rule.on, rule.take.values())
            case Custom() if hidden:
                return IsHidden(None)
    return IsHidden(hidden)


def check_clear_columns(source: SourceModel) -> None:
    """Raises:
    ConfigurationError: a personal column would stand in an interaction in clear.
    """
    into = source.into
    if not isinstance(into, IntoInteractions) or any(isinstance(rule, Custom) for rule in source.rules):
        return
    is_hidden = hidden_columns(source.personal_columns, source.rules)
    texts = {name: columns_of(into.templates.get(name, "")) for name in ("kind", "item", "recommendation")}
    single = {name: [column] for name, column in into.columns.items()}
    for name, columns in {**texts, **single, "context": into.context, "site": columns_of(into.site)}.items():
        if found := sorted(filter(is_hidden, columns)):
            raise ConfigurationError(
                f"into.{name}: {', '.join(found)} is personal, and would be written in clear: name it under "
                "into.personal, or `pseudonymise` it"
            )


def time_columns(source: SourceModel) -> list[str]:
    """The columns that hold times after all rules, so far as the source's file says it."""
    into = source.into
    times = {into.time} if isinstance(into, IntoReadings | IntoInteractions) and into.time else set()
    for rule in source.rules:
        if isinstance(rule, Time):
            times.add(rule.into)
        elif isinstance(rule, Rename):
            times |= {new for old, new in rule.columns.items() if old in times}
    return sorted(times)


def _follow(hidden: set[str], reads: Iterable[str], made: Iterable[str]) -> None:
    is_hidden = IsHidden(hidden)
    if any(is_hidden(name) for name in reads):
        hidden.update(made)
