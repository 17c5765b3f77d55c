"""Description of a data set's items: the noun for one and for several, and the facets."""

from __future__ import annotations

from typing import Literal

from recommender.spec import Spec


class Facet(Spec):
    """A column of values that items share, for filters, reasons and the item-feature matrix.

    `name`: the column (`authors`); `label`: what stands before one value (`Author`); `kind`: several values an item,
    or one.
    """

    name: str
    label: str
    kind: Literal["list", "category"] = "list"


class Items(Spec):
    """The word for an item (`film`, `books` for several) and its facets, in the order in which pages show them."""

    singular: str = "film"
    plural: str = "films"
    facets: tuple[Facet, ...] = ()


FILMS = Items(
    facets=(
        Facet(name="genres", label="Genre"),
        Facet(name="directors", label="Director"),
        Facet(name="actors", label="Actor"),
    )
)
