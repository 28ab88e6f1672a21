"""An online model's report as a page of HTML: its versions, how good they were, and how their losses add up."""

from collections.abc import Iterator, Mapping, Sequence

from headrace.models.online import OnlineModel
from headrace.models.records import Promotion
from train_models.judging.report import CONTENT_POLICY
from train_models.judging.report_parts import pictures, row, safe, section, table
from train_models.judging.report_style import STYLE
from train_models.online.block_losses import BlockLosses
from train_models.online.loss_picture import loss_picture
from train_models.online.online_tables import figures_rows, role_of
from train_models.online.prequential import Prequential
from train_models.online.variant_card import how_it_is_judged, pipeline, what_it_predicts

NOTHING = "No prediction has an outcome yet."


def online_report_html(
    model: OnlineModel, found: Mapping[int, Prequential], blocks: BlockLosses | None, promotion: Promotion | None
) -> str:
    """A page without scripts, which loads nothing; the same arguments give the same page.

    Args:
        found: version → how good it was.
        blocks: losses of those versions on the periods that all of them predicted; None without any.
    """
    title = f"Model {model.name}"
    body = "".join(_sections(model, found, blocks, promotion))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}"><title>{safe(title)}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{safe(title)}</h1>{body}</main></body></html>\n"
    )


def _sections(
    model: OnlineModel, found: Mapping[int, Prequential], blocks: BlockLosses | None, promotion: Promotion | None
) -> Iterator[str]:
    yield f"<p>{safe(model.about)}</p><p>{safe(what_it_predicts(model))}</p>"
    yield section(
        "Versions", _versions(model, promotion), "All of them predict and learn; the champion is what counts."
    )
    headings, rows = figures_rows(model, found)
    shown = _table(headings, rows) if found else f"<p>{NOTHING}</p>"
    yield section("How good they were", shown, how_it_is_judged(model))
    if blocks is None:
        return
    drawn = loss_picture(model, blocks)
    said = f"Over {blocks.count:,} periods that all versions with outcomes predicted; what rises less is better."
    yield section("Loss over time", pictures([("Cumulative loss", drawn, said)]))


def _versions(model: OnlineModel, promotion: Promotion | None) -> str:
    rows = [
        [
            str(each.version),
            each.name,
            role_of(model, each.version, promotion),
            pipeline(each),
            ", ".join(each.features),
        ]
        for each in model.variants
    ]
    return _table(["version", "variant", "role", "pipeline", "features"], rows, long=True)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, long: bool = False) -> str:
    classes = ["name"] * 3 + ["long"] * 2 if long else ["n"] * (len(headings) - 1) + ["long"]
    made = (row(zip(cells, classes, strict=True)) for cells in rows)
    return table(list(zip(headings, classes, strict=True)), made)
