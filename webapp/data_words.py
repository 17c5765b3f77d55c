"""Vocabulary of the served data: nouns for items, labels of facets, and the rating scale."""

from __future__ import annotations

from dataclasses import dataclass

from client.answers import FacetName, Scale, Snapshot

MOVIELENS = Scale(kind="ratings", minimum=0.5, maximum=5, step=0.5, like=4)
LIKED_STARS = 3.5  # of what visitors bring, where the data hold events alone
IN_EVERY_ANSWER = ("genres", "directors", "actors")  # facets that are members of a film; others are in `facets`


@dataclass(frozen=True)
class DataWords:
    """The word for an item and for several, the facets beside genres, directors and actors, and the scale."""

    one: str = "film"
    many: str = "films"
    facets: tuple[FacetName, ...] = ()
    scale: Scale = MOVIELENS

    @classmethod
    def of(cls, data: Snapshot) -> DataWords:
        """Return the words of a data set."""
        scale = data.feedback or MOVIELENS
        if data.items is None:
            return cls(scale=scale)
        facets = tuple(facet for facet in data.items.facets if facet.name not in IN_EVERY_ANSWER)
        return cls(data.items.singular, data.items.plural, facets, scale)

    @property
    def an(self) -> str:
        """Return the word for one with its article: “a film”, “an album”."""
        return f"{'an' if self.one[:1].lower() in 'aeiou' else 'a'} {self.one}"

    @property
    def many_first(self) -> str:
        """Return the word for several, as a sentence begins with it."""
        return self.many[:1].upper() + self.many[1:]

    @property
    def one_first(self) -> str:
        """Return the word for one, as a sentence begins with it."""
        return self.one[:1].upper() + self.one[1:]

    @property
    def labels(self) -> dict[str, str]:
        """Return the label of each facet by its name, and by the label itself in lower case, as features spell it."""
        by_name = {facet.name: facet.label for facet in self.facets}
        return by_name | {label.lower(): label for label in by_name.values()}

    @property
    def has_ratings(self) -> bool:
        """Return whether people gave ratings, not events alone."""
        return self.scale.kind == "ratings"

    @property
    def in_stars(self) -> bool:
        """Return whether ratings are the stars that everybody knows: up to five."""
        return self.has_ratings and self.scale.maximum == MOVIELENS.maximum and 0 <= self.scale.minimum <= 1

    @property
    def values(self) -> list[float]:
        """Return every rating on the scale, ascending."""
        count = round((self.scale.maximum - self.scale.minimum) / self.scale.step) + 1
        return [round(self.scale.minimum + self.scale.step * place, 6) for place in range(count)]

    def to_stars(self, rating: float) -> float:
        """Return a rating of this scale in stars from 0.5 to 5; events are likes, which are worth five."""
        if not self.has_ratings:
            return MOVIELENS.maximum
        if self.in_stars:
            return rating
        share = (rating - self.scale.minimum) / (self.scale.maximum - self.scale.minimum)
        return round(MOVIELENS.minimum + share * (MOVIELENS.maximum - MOVIELENS.minimum), 6)

    def from_stars(self, stars: float) -> float | None:
        """Return the rating on this scale nearest to a number of stars; of events, a like or None."""
        scale = self.scale
        if not self.has_ratings:
            return scale.like if stars >= LIKED_STARS else None
        if not self.in_stars:
            share = (stars - MOVIELENS.minimum) / (MOVIELENS.maximum - MOVIELENS.minimum)
            stars = scale.minimum + share * (scale.maximum - scale.minimum)
        nearest = scale.minimum + round((stars - scale.minimum) / scale.step) * scale.step
        return min(max(round(nearest, 6), scale.minimum), scale.maximum)

    def rating(self, value: str) -> str:
        """Return a rating in words: “1 star”, “4 stars”, or “8 of 10” on another scale."""
        if not self.in_stars:
            return f"{value} of {self.scale.maximum:g}"
        return f"{value} {'star' if value in ('1', '1.0') else 'stars'}"

    @property
    def like(self) -> str:
        """Return the least rating of a like in words."""
        if self.scale == MOVIELENS:
            return "four stars"
        return self.rating(f"{self.scale.like:g}") if self.has_ratings else f"a weight of {self.scale.like:g}"

    @property
    def rating_axis(self) -> str:
        """Return the title of an axis of ratings."""
        return "Rating in stars" if self.in_stars else f"Rating, {self.scale.minimum:g} to {self.scale.maximum:g}"


FILMS = DataWords()
