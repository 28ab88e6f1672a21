"""What a training shows: bars on a terminal, a line per part elsewhere."""

import io

from rich.console import Console

from train_models.training_screen import TrainingScreen


def _shown(is_terminal: bool) -> str:
    output = io.StringIO()
    with TrainingScreen(Console(file=output, force_terminal=is_terminal, width=100)) as screen:
        screen.start(0, "rows")
        screen.advance("1,000 rows", None)
        screen.start(2, "cross-validation")
        screen.advance("logistic, fold 0", None)
        screen.advance("logistic, fold 1", 0.84)
    return output.getvalue()


def test_elsewhere_than_on_a_terminal_each_part_is_one_line() -> None:
    assert _shown(is_terminal=False) == "rows\ncross-validation\n"


def test_a_terminal_shows_how_far_it_is_and_the_best_so_far() -> None:
    shown = _shown(is_terminal=True)
    assert "2/2" in shown and "logistic, fold 1   best 0.84" in shown


def test_a_part_that_did_not_say_how_long_it_is_ends_full() -> None:
    assert "1/1" in _shown(is_terminal=True)
