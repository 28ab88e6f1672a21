"""A recommender's model card in Markdown, and its report as a page of HTML."""

from headrace.models.manifest import Manifest
from headrace.recommend.batch_model import ItemScores
from train_models.data.snapshots import Snapshot
from train_models.judging.report import CONTENT_POLICY
from train_models.judging.report_parts import row, safe, section, table
from train_models.judging.report_style import STYLE
from train_models.judging.wording import legible, moment
from train_models.recommending.comparison import Comparison
from train_models.recommending.recommender_file import RecommenderFile
from train_models.recommending.recommender_tables import HEADINGS, Rows

PROTOCOL = (
    "Split by time: what was fitted on all interactions before the hold-out has to foretell each item that a person "
    "came to for the first time in it, from the person's last 20 items before. All items that were known by then are "
    "ranked, none is sampled; an item that was new counts as missed. Intervals are of 95 %, by a bootstrap of persons."
)


def recommender_card(
    model: RecommenderFile, found: Comparison, rows: Rows, snapshot: Snapshot, manifest: Manifest
) -> str:
    """The card; the same arguments give the same text.

    Args:
        rows: of `recommender_tables.rows_of`.
    """
    about = f"{legible(model.about)}\n\n" if model.about else ""
    return (
        f"# {model.name}\n\n{about}Recommends items of site {legible(model.site)}: {_what(found)}\n\n"
        f"## How good it is\n\n{PROTOCOL}\n\n{_markdown(rows)}\n\n"
        f"## Data\n\n{_data(found, snapshot)}\n\n"
        f"## Know before use\n\n" + "".join(f"- {each}\n" for each in manifest.caveats)
    )


def recommender_report(
    model: RecommenderFile, found: Comparison, rows: Rows, snapshot: Snapshot, manifest: Manifest
) -> str:
    """A page without scripts, which loads nothing."""
    headings = [(heading, "name") for heading in HEADINGS]
    figures = table(headings, (row([(cell, "name") for cell in each], _style(at)) for at, each in enumerate(rows)))
    facts = [("made", moment(manifest.created)), ("code", manifest.code), ("content", manifest.content_sha256)]
    facts += [("snapshot", manifest.data_sha256), ("memory", "the model is served from memory: " + _size(found))]
    made = table([("", "name"), ("", "long")], (row([(name, "name"), (value, "long")]) for name, value in facts))
    known = "".join(f"<li>{safe(each)}</li>" for each in manifest.caveats)
    title = f"Recommender {model.name}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}"><title>{safe(title)}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{safe(title)}</h1><p>{safe(model.about)}</p>"
        f"<p>{safe(_what(found))}</p>{section('How good it is', figures, PROTOCOL)}"
        f"{section('Data', f'<p>{safe(_data(found, snapshot))}</p>')}{section('Know before use', f'<ul>{known}</ul>')}"
        f"{section('How it was made', made)}</main></body></html>\n"
    )


def _what(found: Comparison) -> str:
    return f"{found.chosen.algorithm} ({found.chosen.name}) over {found.chosen.items:,} items."


def _data(found: Comparison, snapshot: Snapshot) -> str:
    left_out = "; ".join(f"{count:,} {why}" for why, count in sorted(snapshot.about.left_out.items()))
    gone = f" Left out: {left_out}." if left_out else ""
    return (
        f"{snapshot.rows:,} interactions; it was fitted on those before {moment(found.fitted_until)}. "
        f"{found.chosen_on:,} cases before that chose, {len(found.hold_out):,} judge.{gone}"
    )


def _size(found: Comparison) -> str:
    model = found.model
    size = model.columns.nbytes + model.scores.nbytes if isinstance(model, ItemScores) else model.factors.nbytes
    return f"{size / 1e6:,.1f} MB of numbers"


def _style(at: int) -> str:
    return "chosen" if at == 0 else ""


def _markdown(rows: Rows) -> str:
    lines = ["| " + " | ".join(HEADINGS) + " |", "| " + " | ".join("---" for _ in HEADINGS) + " |"]
    return "\n".join([*lines, *("| " + " | ".join(map(_cell, each)) + " |" for each in rows)])


def _cell(text: str) -> str:
    return legible(text).replace("|", "\\|")
