"""`headrace models train|list|compare|promote|rollback|report|forget`: makes models and says which one answers.

What takes long to import is imported by the command that needs it, since every `headrace` command loads this file.
"""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape

from headrace.errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from headrace.models.records import Promotion
    from train_models.online.commands import OnlineCommands
    from train_models.recommending.recommender_file import RecommenderFile
    from train_models.registry.mlflow_registry import Registry
    from train_models.registry.promoter import Promoter
    from train_models.settings import Settings

app = typer.Typer(help="Models: train one, compare versions, say which answers, go back.", no_args_is_help=True)
REPORT_FILE = "report.html"
NOT_PROMOTED = 3
"""Status of `train --promote` where the version is there and the gates refused to promote it."""


class NotPromoted(ConfigurationError):
    """The gates refused a version."""


def _checked(name: str | None) -> str | None:
    from train_models.model_file import good_name

    return None if name is None else good_name(name)


Name = Annotated[
    str, typer.Argument(help="Name of the model: its file in deploy/models, without .yaml", callback=_checked)
]
Number = Annotated[int | None, typer.Option("--version", min=1, help="Of the model; the newest unless given")]

Since = Annotated[
    str,
    typer.Option(
        "--since", help="First period that counts where an online model is judged: ISO 8601, epoch, or `start`"
    ),
]


@app.command()
def train(
    name: Name,
    only: Annotated[
        list[str] | None, typer.Option(help="A candidate of the file, if not all are to be compared; may be repeated")
    ] = None,
    then_promote: Annotated[
        bool, typer.Option("--promote", help="Make it the champion at once, if it passes the gates")
    ] = False,
    because: Annotated[str, typer.Option(help="Why; it is kept in the log")] = "",
    since: Since = "start",
) -> None:
    """Trains a model as its file says, judges it and registers it as a new version.

    Ctrl-C interrupts it; the same command goes on where it was. With --promote the status is 3 where it was trained and
    the gates refused it. An online model learns by itself: its new variants are registered, and all are judged by what
    they predicted.

    Example: headrace models train churn --promote
    """
    from train_models.model_file import load_model_file, with_candidates
    from train_models.recommending.recommender_file import find_recommender
    from train_models.train import Trainer
    from train_models.training_screen import TrainingScreen
    from train_models.training_tables import findings_table, trained_table

    settings, registry = _registry()
    if online := _online(settings, registry, name, since):
        if only or then_promote:
            raise ConfigurationError(
                f"{name} is an online model, which has no candidates to choose from; promote one of its variants by "
                f"headrace models promote {name} --version N"
            )
        _show(online.register())
        return
    console = Console(highlight=False)
    if because:
        console.print(f"{name} is trained: {escape(because)}")
    if recommender := find_recommender(name, settings.models):
        number = _train_recommender(settings, registry, recommender, tuple(only or ()), console)
    else:
        model = with_candidates(load_model_file(name, settings.models), tuple(only or ()))
        with TrainingScreen(console) as screen:
            trained = Trainer(settings, registry).train(model, screen)
        if trained.findings:
            console.print(findings_table(trained.findings))
        console.print(trained_table(trained))
        number = trained.version.version.version
    if then_promote:
        try:
            _promote(_promoter(settings, registry, name), name, number, "")
        except NotPromoted as error:
            typer.echo(f"headrace: {error}", err=True)
            raise typer.Exit(NOT_PROMOTED) from None


@app.command("list")
def list_models(
    name: Annotated[str | None, typer.Argument(help="A model, for its versions", callback=_checked)] = None,
) -> None:
    """Shows the models and which versions run, or the versions of one.

    Example: headrace models list churn
    """
    from train_models.registry.models_tables import models_table, versions_table
    from train_models.registry.promotion import read_promotion, read_promotions

    settings, registry = _registry()
    if name is None:
        counts = {each: len(registry.versions(each)) for each in registry.names()}
        promotions = read_promotions(settings.brokers)
        _show(models_table(counts, promotions) if counts or promotions else "no model has a version yet")
        return
    if online := _online(settings, registry, name):
        _show(online.listed())
        return
    registry.version(name)
    _show(versions_table(registry.versions(name), read_promotion(settings.brokers, name)))


@app.command()
def compare(
    name: Name,
    first: Annotated[int | None, typer.Argument(min=1, help="A version; the newest unless given")] = None,
    second: Annotated[int | None, typer.Argument(min=1, help="Another; the champion unless given")] = None,
    since: Since = "start",
) -> None:
    """Shows two versions side by side and what the gates would say of the first. Changes nothing.

    Example: headrace models compare churn 7 6
    """
    from train_models.registry.models_tables import comparison_table, verdict_table
    from train_models.registry.promotion import read_promotion

    settings, registry = _registry()
    if online := _online(settings, registry, name, since):
        _show(online.compare(first, second))
        return
    candidate = registry.version(name, first)
    if second is None:
        standing = read_promotion(settings.brokers, name)
        second = standing.champion.version if standing else None
    other = registry.version(name, second) if second else None
    if other == candidate:
        raise ConfigurationError(f"version {second} of {name} would be compared with itself: name two versions")
    if other is not None:
        _show(comparison_table(candidate, other))
    verdict = _promoter(settings, registry, name).judge(
        name, candidate.version.version, other.version if other else None
    )
    _show(verdict_table(verdict))


@app.command()
def promote(
    name: Name,
    number: Number = None,
    canary: Annotated[float | None, typer.Option(help="Let it answer this share of the requests; 0 ends it")] = None,
    shadow: Annotated[
        bool | None, typer.Option("--shadow/--no-shadow", help="Score with it, answer without it")
    ] = None,
    force: Annotated[str, typer.Option(help="Promote whatever the gates say, for this REASON, which is kept")] = "",
) -> None:
    """Makes a version the champion if it passes the gates; or tries it as a canary or shadow, which no gate keeps out.

    Example: headrace models promote churn --version 7 --canary 0.1
    """
    if (canary is not None) + (shadow is not None) + bool(force) > 1:
        raise ConfigurationError("give one of --canary, --shadow and --force")
    promoter = _promoter(*_registry(), name)
    if canary is not None:
        _tell(promoter.start_canary(name, number, canary) if canary else promoter.end_canary(name))
    elif shadow is not None:
        _tell(promoter.start_shadow(name, number) if shadow else promoter.end_shadow(name))
    else:
        _promote(promoter, name, number, force)


@app.command()
def rollback(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; it is kept")] = "",
) -> None:
    """Lets the champion before this one answer again; once more goes one further back.

    Example: headrace models rollback churn --reason "too many false alarms"
    """
    _tell(_promoter(*_registry(), name).roll_back(name, reason))


@app.command()
def report(
    name: Name,
    number: Number = None,
    is_opened: Annotated[bool, typer.Option("--open", help="Open the report in a browser")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the report into this file")] = None,
    since: Since = "start",
) -> None:
    """Shows a version's card, and its report with pictures as a page.

    Example: headrace models report churn --out churn.html
    """
    from train_models.registry.mlflow_registry import CARD_FILE

    settings, registry = _registry()
    if online := _online(settings, registry, name, since):
        _report_online(online, name, number, is_opened, out)
        return
    version = registry.version(name, number)
    with tempfile.TemporaryDirectory() as scratch:
        if out is not None:
            shutil.copyfile(registry.fetch(version, REPORT_FILE, Path(scratch)), out)
            _show(f"written: {escape(str(out))}")
        elif not is_opened:
            _show(Markdown(registry.fetch(version, CARD_FILE, Path(scratch)).read_text()))
    if is_opened:
        # A copy, as the browser reads it after this has ended.
        kept = out or registry.fetch(version, REPORT_FILE, Path(tempfile.mkdtemp(prefix=f"{name}-")))
        typer.launch(str(kept))


@app.command()
def forget() -> None:
    """Deletes the frozen rows of persons who were erased, with all that was made of these rows but the versions.

    Training leaves them out and does this at its end; between two trainings this does.

    Example: headrace models forget
    """
    from headrace.subjects.erased import read_erased
    from train_models.data_in_use import if_unused
    from train_models.erased_rows import remove_erased
    from train_models.settings import Settings

    settings = Settings.load()
    with if_unused(settings.data) as is_unused:
        if not is_unused:
            raise TransientError("a training is running on these rows; ask again when it has ended")
        gone = remove_erased(settings.data, lambda: read_erased(settings.brokers))
    _show(f"{len(gone)} snapshots deleted" + "".join(f"\n{sha256}" for sha256 in gone))


def _registry() -> "tuple[Settings, Registry]":
    from train_models.registry.mlflow_registry import Registry
    from train_models.settings import Settings

    settings = Settings.load()
    return settings, Registry(settings.registry_uri, settings.artifacts_uri)


def _online(settings: "Settings", registry: "Registry", name: str, since: str = "start") -> "OnlineCommands | None":
    """The commands for an online model; None for one that is trained on rows."""
    from headrace.clock import SystemClock
    from headrace.replay.moments import moment_us, parse_moment
    from train_models.online.online_file import find_online_model

    since_us = moment_us(parse_moment(since), SystemClock().now_us())
    model = find_online_model(name, settings.models)
    if model is None:
        if since_us:
            raise ConfigurationError(f"{name} is no online model, so --since says nothing: its file says which rows")
        return None
    from train_models.online.commands import OnlineCommands

    return OnlineCommands(settings, registry, model, since_us)


def _train_recommender(
    settings: "Settings", registry: "Registry", model: "RecommenderFile", only: tuple[str, ...], console: Console
) -> int:
    """The number of the version that it gave."""
    from train_models.recommending.recommender_file import with_candidates
    from train_models.recommending.recommender_tables import trained_table
    from train_models.recommending.recommender_trainer import RecommenderTrainer
    from train_models.training_screen import TrainingScreen

    model = with_candidates(model, only)
    with TrainingScreen(console) as screen:
        trained = RecommenderTrainer(settings, registry).train(model, screen)
    console.print(trained_table(trained.found, trained.rows, trained.snapshot, trained.version, is_new=trained.is_new))
    return trained.version.version.version


def _report_online(online: "OnlineCommands", name: str, number: int | None, is_opened: bool, out: Path | None) -> None:
    if out is None and not is_opened:
        _show(online.report(number))
        return
    kept = out or Path(tempfile.mkdtemp(prefix=f"{name}-")) / REPORT_FILE
    kept.write_text(online.page())
    _show(f"written: {escape(str(kept))}")
    if is_opened:
        typer.launch(str(kept))


def _promoter(settings: "Settings", registry: "Registry", name: str) -> "Promoter":
    from train_models.online.online_file import find_online_model
    from train_models.registry.promoter import Promoter

    model = find_online_model(name, settings.models)
    if model is None:
        return _recommender_promoter(settings, registry, name) or Promoter(settings, registry)
    from train_models.online.online_promoter import OnlinePromoter

    return OnlinePromoter(settings, registry, model)


def _recommender_promoter(settings: "Settings", registry: "Registry", name: str) -> "Promoter | None":
    from train_models.recommending.recommender_file import find_recommender

    model = find_recommender(name, settings.models)
    if model is None:
        return None
    from train_models.recommending.recommender_promoter import RecommenderPromoter

    return RecommenderPromoter(settings, registry, model)


def _promote(promoter: "Promoter", name: str, number: int | None, force: str) -> None:
    from train_models.registry.models_tables import verdict_table

    done = promoter.promote(name, number, force)
    if done.verdict is not None:
        _show(verdict_table(done.verdict))
    if done.is_refused:
        stays = f"version {done.promotion.champion.version} stays" if done.promotion else "none answers"
        raise NotPromoted(f"not promoted, {stays}: to do it all the same, `headrace models promote --force REASON`")
    if done.promotion is not None:
        _tell(done.promotion)


def _tell(promotion: "Promotion") -> None:
    canary = f", canary {promotion.canary.version} ({promotion.canary_share:.0%})" if promotion.canary else ""
    shadow = f", shadow {promotion.shadow.version}" if promotion.shadow else ""
    _show(f"{promotion.name}: champion is version {promotion.champion.version}{canary}{shadow}")


def _show(what: object) -> None:
    Console(highlight=False).print(what)
