"""What columns were before rules made others of them."""

from collections.abc import Iterable, Sequence

from ingest_sources.rules.lookup_model import Lookup
from ingest_sources.rules.models import Derive, Rename, Time, names_in
from ingest_sources.rules.rule_model import RuleModel


def traced_back(columns: Iterable[str], rules: Sequence[RuleModel]) -> frozenset[str]:
    """Columns of the table after all rules, and what they were made of, by all names that they have on the way.

    What a function of the operator's makes of columns nobody knows.
    """
    wanted = set(columns)
    found = set(wanted)
    for rule in reversed(rules):
        wanted = _before(wanted, rule)
        found |= wanted
    return frozenset(found)


def _before(wanted: set[str], rule: RuleModel) -> set[str]:
    match rule:
        case Rename():
            former = {new: old for old, new in rule.columns.items()}
            return {former.get(name, name) for name in wanted}
        case Derive():
            found = set(wanted)
            for column, sql in reversed(rule.columns.items()):
                if column in found:
                    found.update(names_in(sql))
            return found
        case Time() if rule.into in wanted:
            return wanted.union(rule.columns)
        case Lookup() if wanted.intersection(rule.take.values()):
            return wanted.union(rule.on)
    return wanted
