"""A variant's card in Markdown: what it predicts, from what, and how it is judged."""

from headrace.models.online import OnlineModel, Variant
from train_models.judging.wording import legible

_PIPELINES = {
    "sgd_linear": "River's `StandardScaler | LinearRegression`, by stochastic gradient descent with a learning rate of "
    "{learning_rate:g} ({intercept_rate:g} for the intercept)",
    "bayesian_linear": "River's `StandardScaler | BayesianLinearRegression`, in which an outcome keeps {forgetting:g} "
    "of its weight with each later one",
    "sgd_logistic": "River's `StandardScaler | LogisticRegression`, by stochastic gradient descent with a learning "
    "rate of {learning_rate:g} ({intercept_rate:g} for the intercept)",
}
_LOSSES = {
    "mean": "absolute and squared error, in units of a series' usual error of a forecast by its last value",
    "unusual": "log loss and Brier score, beside those of the share of unusual periods so far",
}


def variant_card(model: OnlineModel, variant: Variant) -> str:
    """The card; the same arguments give the same text."""
    about = f"{legible(model.about)}.\n\n" if model.about else ""
    return (
        f"# {model.name}, version {variant.version}: {variant.name}\n\n{about}"
        f"## What it predicts\n\n{what_it_predicts(model)}\n\n"
        f"## How\n\n{pipeline(variant)}. It knows nothing before: every series, one metric of one device, learns for "
        f"itself from its own first period on. Features: {', '.join(f'`{name}`' for name in variant.features)}.\n\n"
        f"## How it is judged\n\n{how_it_is_judged(model)}\n\n"
        "## Know before use\n\nA new series is predicted badly until it was seen for some seasons. The version is a "
        "spec and no weights: what each series learned is in process_predictions' state, and begins anew with a "
        "variant that changes.\n"
    )


def what_it_predicts(model: OnlineModel) -> str:
    """In a sentence or two, without markup."""
    span = f"period of {model.period_s} s, from windows of {model.window_s} s"
    if model.predicts == "mean":
        return f"The mean of a device's metric over the next {span}; things come again after {model.season} periods."
    return (
        f"The probability that the mean over the next {span}, will be further from {model.forecast}'s forecast than "
        f"all but {model.share:.2%} of the periods are."
    )


def pipeline(variant: Variant) -> str:
    """What learns, with its parameters."""
    return _PIPELINES[variant.pipeline].format(**variant.model_dump())


def how_it_is_judged(model: OnlineModel) -> str:
    """In a sentence, without markup."""
    return (
        "Prequentially: each period is predicted when it opens and judged when it closes, before anything is learned "
        f"from it, by {_LOSSES[model.predicts]}."
    )
