"""Check that the arrays of a model are consistent: lengths, ascending offsets, and indices within range.

Hashes prove that arrays are those that were written, not that whoever wrote them made no mistake. A reversed offset or
a row beyond the catalogue would show only in the answer that first meets it, or in one that takes a minute. Each array
is read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.errors import GateRefusedError
from recommender.model import Model
from recommender.scoring import specs
from recommender.titles.index import KINDS

_TABLES = ("titles", "title_words", "facets", "features")  # texts: <name>_text and <name>_offsets
_SORTED_TABLES = ("titles", "title_words")
# Arrays with one line for each item, user, text, ...
_LINES = {
    **{f"catalog_{fact}": "item" for fact in ("years", "counts", "likes", "averages", "histograms", "canonical")},
    **{f"{table}_{fact}": table for table in _SORTED_TABLES for fact in ("letters", "lengths")},
    **dict.fromkeys(("neighbour_rows", "neighbour_scores", "titles_own", "viewers_likes"), "item"),
    **dict.fromkeys(("titles_rows", "titles_kinds"), "titles"),
    **dict.fromkeys(("period_count", "period_sum"), "period"),
    "map_xy": "map",
}
# Arrays of positions, and what of.
_POSITIONS = {
    **dict.fromkeys(("history_movies", "catalog_canonical", "titles_rows", "title_words_films"), "item"),
    **dict.fromkeys(("facets_items", "neighbour_rows", "map_rows"), "item"),
    "titles_own": "titles",
    "titles_kinds": "kind",
    "features_indices": "features",
    "viewers_users": "user",
    "film_periods_period": "period",
}
# Sparse rows <name>_indptr: what each row is of, and the arrays that it divides.
_SPARSE = {
    "history": ("user", ("movies", "positions", "weights")),
    "features": ("item", ("indices", "weights")),
    "viewers": ("item", ("users",)),
    "film_periods": ("item", ("period", "count", "sum")),
    "facets": ("facets", ("items",)),
    "title_words": ("title_words", ("films",)),
}
# Arrays whose names begin so hold whole numbers in one dimension, but for these.
_OWN = (
    "catalog_", "facets_", "features_", "film_periods_", "genre_", "history_", "map_", "movie_ids", "neighbour_",
    "period", "title_words_", "titles_", "user_ids", "viewers_",
)  # fmt: skip
_FRACTIONS = {"catalog_averages", "features_weights", "history_weights", "map_xy", "neighbour_scores"}
_TWO_DIMENSIONS = {
    "catalog_histograms", "genre_periods_count", "genre_periods_sum", "map_xy", "neighbour_rows", "neighbour_scores",
}  # fmt: skip
_EXTRAS = {
    *("features_indices", "features_weights", "periods", "map_rows", "map_xy", "genre_periods_count", "period_count"),
    *("viewers_indptr", "viewers_users", "viewers_likes"),
    *("film_periods_indptr", "film_periods_period", "film_periods_count"),
}
_SUMS = {"film_periods_sum", "genre_periods_sum", "period_sum"}  # not of events
_PADDED = "neighbour_rows"  # short lists end with -1

Arrays = Mapping[str, NDArray[Any]]
Scorer = specs.PopularitySpec | specs.SimilaritySpec | specs.FactorSpec | specs.ItemWeightsSpec | specs.EnsembleSpec


@dataclass
class _Expected:
    """Expected lengths, index ranges and sparse rows of arrays, by name: see the tables above."""

    lines: dict[str, str] = field(default_factory=lambda: dict(_LINES))
    positions: dict[str, str] = field(default_factory=lambda: dict(_POSITIONS))
    sparse: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=lambda: dict(_SPARSE))
    required: set[str] = field(default_factory=set)

    def add(self, spec: Scorer) -> None:
        """Add the arrays that a scorer names."""
        match spec:
            case specs.EnsembleSpec():
                for member in spec.members:
                    self.add(member.spec)
            case specs.PopularitySpec():
                self._add_lines("item", spec.scores)
            case specs.SimilaritySpec():
                for part in spec.parts:
                    self._add_lines("item", part.embedding, part.query_gain, part.candidate_gain)
                    self._add_sparse(part.sparse)
            case specs.FactorSpec():
                self._add_factors(spec)
            case specs.ItemWeightsSpec():
                self._add_lines("item" if spec.rows is None else spec.rows, spec.dense)
                self._add_lines("item", spec.prior)
                self._add_sparse(spec.sparse)
                self._add_positions(spec.rows)

    def _add_factors(self, spec: specs.FactorSpec) -> None:
        self._add_lines("item", spec.item_factors, spec.item_bias)
        self._add_lines("user", spec.user_factors, spec.user_bias)
        if isinstance(spec.fold_in, specs.GaussianFoldIn):
            self._add_lines("item", spec.fold_in.item_variances, spec.fold_in.item_implied)
            self._add_lines("prior", spec.fold_in.prior)
        if spec.interval is not None:
            self._add_lines("item", spec.interval.item_spread)

    def _add_lines(self, counted: str, *names: str | None) -> None:
        for name in filter(None, names):
            self.lines[name] = counted
            self.required.add(name)

    def _add_positions(self, name: str | None) -> None:
        if name:
            self.positions[name] = "item"
            self.required.add(name)

    def _add_sparse(self, name: str | None) -> None:
        if name:
            self.sparse[name] = "item", ("indices", "data")
            self._add_positions(f"{name}_indices")
            self.required |= {f"{name}_{suffix}" for suffix in ("indptr", "indices", "data")}


def require_sound(model: Model) -> None:
    """Raise GateRefusedError if an array has the wrong length, or indices out of range."""
    arrays, expected = model.arrays, _Expected()
    for spec in (model.manifest.item_scorer, model.manifest.user_scorer, model.manifest.rating_scorer):
        if spec is not None:
            expected.add(spec)
    if model.extras is not None:
        expected.required |= _EXTRAS | (_SUMS if model.feedback.has_ratings else set())
    for name in sorted(expected.required - arrays.keys()):
        raise GateRefusedError(f"The model needs the array {name}, which it does not have.")
    for name, array in arrays.items():
        _require_kind(name, array)
    _require_expected(arrays, expected, _counts(model) | {name: len(array) for name, array in arrays.items()})
    for problem in (*_problems_of_shape(model), *_problems_of_extras(model)):
        raise GateRefusedError(problem)


def _require_kind(name: str, array: NDArray[Any]) -> None:
    kinds = "iu" if name.startswith(_OWN) and name not in _FRACTIONS else "biuf"
    dimensions = 1 + (name in _TWO_DIMENSIONS) if name.startswith(_OWN) else array.ndim
    if array.dtype.kind not in kinds or array.ndim != dimensions:
        raise GateRefusedError(
            f"Array {name}: expected {'whole ' * (kinds == 'iu')}numbers in {dimensions} dimensions, found "
            f"{array.dtype} in {array.ndim}."
        )


def _require_expected(arrays: Arrays, expected: _Expected, counts: dict[str, int]) -> None:
    for name in expected.lines.keys() & arrays.keys():
        count = counts[expected.lines[name]]
        if len(arrays[name]) != count:
            raise GateRefusedError(f"Array {name}: expected {count} lines, found {len(arrays[name])}.")
    for name in expected.positions.keys() & arrays.keys():
        _require_positions(name, arrays[name], counts[expected.positions[name]])
    for name, (what, suffixes) in expected.sparse.items():
        if f"{name}_indptr" in arrays:
            divided = [arrays[f"{name}_{suffix}"] for suffix in suffixes if f"{name}_{suffix}" in arrays]
            _require_offsets(f"{name}_indptr", arrays[f"{name}_indptr"], counts[what], {len(one) for one in divided})


def _counts(model: Model) -> dict[str, int]:
    arrays = model.arrays
    counts = {"item": len(model.movie_ids), "user": len(model.user_ids), "kind": len(KINDS), "prior": 3}
    texts = len(arrays["catalog_text"])
    _require_offsets("catalog_text_offsets", arrays["catalog_text_offsets"], counts["item"], {texts})
    for table in _TABLES:
        if f"{table}_offsets" in arrays:
            offsets = arrays[f"{table}_offsets"]
            _require_offsets(f"{table}_offsets", offsets, len(offsets) - 1, {len(arrays[f"{table}_text"])})
            _require_texts(table, arrays[f"{table}_text"], offsets, is_sorted=table in _SORTED_TABLES)
            counts[table] = len(offsets) - 1
    counts |= {what: len(arrays[name]) for what, name in (("period", "periods"), ("map", "map_rows")) if name in arrays}
    return counts


def _require_offsets(name: str, offsets: NDArray[Any], rows: int, ends: set[int]) -> None:
    starts_at_0 = offsets.dtype.kind in "iu" and len(offsets) == rows + 1 and int(offsets[:1].sum()) == 0
    if not starts_at_0 or bool(np.any(offsets[1:] < offsets[:-1])) or ends != {int(offsets[-1])}:
        raise GateRefusedError(
            f"Array {name}: expected {rows + 1} offsets that ascend from 0 to the length of what they divide."
        )


def _require_positions(name: str, positions: NDArray[Any], count: int) -> None:
    first = -1 if name == _PADDED else 0
    if positions.dtype.kind not in "iu":
        raise GateRefusedError(f"Array {name}: expected whole numbers, found {positions.dtype}.")
    if positions.size and not (int(positions.min()) >= first and int(positions.max()) < count):
        raise GateRefusedError(f"Array {name} points outside the {count} entries that it points to.")


def _require_texts(name: str, text: NDArray[Any], offsets: NDArray[Any], *, is_sorted: bool) -> None:
    content, ends = text.tobytes(), offsets.tolist()
    try:
        texts = [content[start:stop] for start, stop in pairwise(ends)]
        b"\n".join(texts).decode()
    except UnicodeDecodeError as error:
        raise GateRefusedError(f"Array {name}_text is not valid UTF-8: {error.reason}.") from error
    if is_sorted and any(first > second for first, second in pairwise(texts)):
        raise GateRefusedError(f"Array {name}_text: expected texts in ascending order, as they are searched by halves.")


def _problems_of_shape(model: Model) -> Iterator[str]:
    arrays, bins = model.arrays, len(model.feedback.bins)
    if arrays["neighbour_rows"].shape != arrays["neighbour_scores"].shape:
        yield "Arrays neighbour_rows and neighbour_scores: expected one shape."
    if arrays["catalog_histograms"].shape[1:] != (bins,):
        yield f"Array catalog_histograms: expected {bins} bins for each film."
    if any(arrays[f"{table}_letters"].dtype != np.uint64 for table in _SORTED_TABLES):
        yield "Arrays of letters: expected uint64."
    starts, values = arrays["facets_starts"], len(arrays["facets_offsets"]) - 1
    _require_offsets("facets_starts", starts, len(model.manifest.items.facets), {values})


def _problems_of_extras(model: Model) -> Iterator[str]:
    arrays = model.arrays
    if model.extras is None:
        return
    if arrays["map_xy"].shape[1:] != (2,):
        yield "Array map_xy: expected two coordinates for each film."
    likes, viewers = arrays["viewers_likes"], np.diff(arrays["viewers_indptr"])
    if bool(np.any((likes < 0) | (likes > viewers))):
        yield "Array viewers_likes: expected at most as many likes as viewers."
    shape = len(model.catalog.genre_names), len(arrays["periods"])
    for name in ("genre_periods_count", "genre_periods_sum"):
        if name in arrays and arrays[name].shape != shape:
            yield f"Array {name}: expected the shape {shape}, found {arrays[name].shape}."
