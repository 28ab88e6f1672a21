"""Texts with names of columns in braces, such as `{site}-{sensor}`, filled for a whole table at once."""

import re

import polars as pl

_NAME = re.compile(r"\{([^{}]*)\}")


def columns_of(template: str) -> list[str]:
    """The columns that a template names.

    Raises:
        ValueError: it has a brace that is no pair.
    """
    rest = _NAME.sub("", template)
    if "{" in rest or "}" in rest:
        raise ValueError(f"{template!r} has a brace without its other one: write a column as {{name}}")
    names = _NAME.findall(template)
    if "" in names:
        raise ValueError(f"{template!r} has empty braces: write a column's name in them")
    return names


def filled(template: str) -> pl.Expr:
    """The text of each row; null where one of its columns is null or empty."""
    parts: list[pl.Expr] = []
    end = 0
    for match in _NAME.finditer(template):
        parts += [pl.lit(template[end : match.start()])] if match.start() > end else []
        text = pl.col(match[1]).cast(pl.String)
        parts.append(pl.when(text != "").then(text))
        end = match.end()
    parts += [pl.lit(template[end:])] if end < len(template) else []
    return pl.concat_str(parts) if parts else pl.lit(None, pl.String)
