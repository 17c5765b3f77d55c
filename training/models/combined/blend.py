"""Similar films by taste (ALS) and content, in one weighted score.

Taste, rating count and stars that are expected of films without ratings are predicted from their content by
attribute-to-feature mapping (Gantner et al., 2010, "Learning attribute-to-feature mappings for cold-start
recommendations"): a ridge regression from content to these three, learnt on the films that have ratings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.about import About, Paper
from recommender.scoring.scorers import item_scorer
from recommender.scoring.specs import SimilarityPart, SimilaritySpec
from training.datasets.features.tag_matrix import VIEWERS, without_blocks
from training.kernels.topk import top_k
from training.models.arrays import unit_rows
from training.models.base import FittedModel, TrainingData
from training.models.features.content import CANDIDATE_GAIN, QUERY_GAIN, Content, known_content
from training.models.fits import Composite, Fits
from training.models.parameters import BlendConfig

PLACES = 20  # of a list, that known and new films compete for
QUERIES = 500  # lists that the gain of new films is chosen on
_QUERIES_AT_ONCE = 50

Arrays = dict[str, NDArray[Any]]
Matrix = NDArray[np.float32]
Vector = NDArray[np.float64]


class Blend(Composite[BlendConfig]):
    """score(i, j) = (t_i * cosine of tastes + c_i * cosine of contents) / (t_i + c_i) * reception(j).

    t_i = (1 - share of people who rated i)^ubiquity: a film that everybody has seen says little about taste. One more
    person in the denominator keeps the weight above zero.
    c_i = content_weight * (1 + content_boost * (1 - trusted(i))) with trusted(i) = n_i / (n_i + trust): content counts
    more where ratings are few. reception(j) = trusted(j) * damped mean stars of j / mean of all ratings: of equally
    similar films the better rated one comes first, and films with hardly any rating last.

    Taste, rating count and stars of a film without ratings are predicted from its content (see above); fewer ratings
    are expected where it is not new. A predicted taste is less similar to any one film than a fitted one, so such
    candidates have a gain: the one by which their share of the places in the lists of films that people like, everybody
    counting alike, is newcomer_share times their expected share of all ratings. Where no film is rated, the reception
    is 1.

    What viewers say of a film, tags and genome, counts by trusted(i) too: a film with one rating and ten tags is hardly
    better known than on the day of its release, and one without ratings is exactly as then. How films without ratings
    are received is predicted from what is known at release: that nobody tagged a film would tell how few have seen it.
    """

    config_type = BlendConfig
    about = About(
        label="Blend",
        sentence="als for taste and content for what films are about, weighed by how well each film is known.",
        share="other",
        papers=(
            Paper(url="https://doi.org/10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9"),
            Paper(url="https://doi.org/10.1109/ICDM.2008.22"),
        ),
    )

    def combine(self, fits: Fits) -> FittedModel:
        """Combine the fitted ALS and content models. Arrays: the embeddings and gains."""
        counts = fits.data.counts
        als, content = fits.get("als", self.config.als), self._content(fits, self._trusted(counts))
        unrated = counts == 0
        at_release = self._at_release(fits, unrated)
        embedding = content.arrays["content_embedding"]
        observed = Reception(als.arrays["als_embedding"], counts.astype(np.float64), self._stars(fits.data))
        content_features, regularization = known_content(at_release.arrays), self.config.newcomer_regularization
        reception = with_newcomers(observed, content_features, regularization, fits.data.is_new)
        arrays: Arrays = {
            "blend_als": reception.taste,
            "content_embedding": embedding,
            **self._query_gains(fits.data),
            "blend_reception": self._candidate_gain(reception),
        }
        parts = [_part("als", "blend_als"), _content_part(arrays, content.arrays)]
        spec = SimilaritySpec(parts=parts, like=fits.data.feedback.like_stars)
        self._give_place_to_newcomers(spec, arrays, reception, fits.data)
        fits.progress("blend", 1.0)
        return FittedModel("blend", self.config.model_dump(), arrays, spec, spec, content_embedding="content_embedding")

    def _content(self, fits: Fits, trust: Vector) -> FittedModel:
        """Return the content model with each film's user-given features weighted by `trust` (n_movies,)."""
        data = fits.data
        if not any(data.tags.has_block(name).any() for name in VIEWERS):
            return fits.get("content", self.config.content)
        return Content(self.config.content).fit_trusting(data, trust, seed=fits.seed, progress=fits.progress)

    def _at_release(self, fits: Fits, unrated: NDArray[np.bool_]) -> FittedModel:
        """Return the content model that describes every film as `unrated` ones are: by the blocks that some has."""
        tags = fits.data.tags
        unknown = [name for name in tags.blocks if name in VIEWERS or not tags.has_block(name)[unrated].any()]
        if (
            not unrated.any()
            or len(unknown) == len(tags.blocks)
            or not any(tags.has_block(name).any() for name in unknown)
        ):
            return fits.get("content", self.config.content)
        data = replace(fits.data, tags=without_blocks(tags, np.ones(len(unrated), dtype=bool), unknown))
        return Content(self.config.content).fit(data, seed=fits.seed, progress=fits.progress)

    def _stars(self, data: TrainingData) -> Vector:
        """Return the damped mean stars of each film over the mean of all ratings, (n_movies,)."""
        ratings = data.stars
        mean = float(ratings.data.mean(dtype=np.float64)) if ratings.nnz else 1.0
        sums = np.bincount(ratings.indices, weights=ratings.data, minlength=ratings.shape[1])
        damping = self.config.star_damping
        return np.asarray((sums / mean + damping) / np.maximum(data.counts + damping, 1))

    def _query_gains(self, data: TrainingData) -> Arrays:
        """Return the weights of taste and content for each film as a query; the two add up to 1."""
        raters = int(np.count_nonzero(np.diff(data.user_item.indptr)))
        taste = (1 - data.counts / (raters + 1)) ** self.config.ubiquity
        distrust = 1 - self._trusted(data.counts)
        content = self.config.content_weight * (1 + self.config.content_boost * distrust)
        return {
            "blend_als_gain": (taste / (taste + content)).astype(np.float32),
            "blend_content_gain": (content / (taste + content)).astype(np.float32),
        }

    def _candidate_gain(self, reception: Reception) -> NDArray[np.float32]:
        if not reception.counts.any():
            return np.ones(len(reception.counts), dtype=np.float32)
        return np.asarray(self._trusted(reception.counts) * reception.stars, dtype=np.float32)

    def _give_place_to_newcomers(
        self, spec: SimilaritySpec, arrays: Arrays, reception: Reception, data: TrainingData
    ) -> None:
        """Scale the candidate gain of unrated films, in `arrays`, so that they get their share of the lists."""
        unrated = data.counts == 0
        if unrated.all() or not unrated.any():
            return
        share = self.config.newcomer_share * reception.counts[unrated].sum() / reception.counts.sum()
        gain = np.float32(fair_gain(spec, arrays, _asked(data), unrated, share))
        for name in {part.candidate_gain for part in spec.parts if part.candidate_gain}:
            arrays[name] = np.where(unrated, arrays[name] * gain, arrays[name])

    def _trusted(self, counts: NDArray[Any]) -> Vector:
        return np.asarray(counts / (counts + self.config.trust))


def _asked(data: TrainingData) -> Vector:
    """Return how often each film is asked for, (n_movies,), if everybody asks equally often, for films they liked."""
    likes = data.likes(np.ones(data.user_item.nnz))
    of_user = np.diff(likes.indptr)
    weights = np.repeat(1 / np.maximum(of_user, 1), of_user)
    return np.bincount(likes.indices, weights, len(data.counts)).astype(np.float64)


def _part(name: str, embedding: str, reception: str = "blend_reception") -> SimilarityPart:
    return SimilarityPart(name=name, embedding=embedding, query_gain=f"blend_{name}_gain", candidate_gain=reception)


def _content_part(arrays: Arrays, content: Mapping[str, NDArray[Any]]) -> SimilarityPart:
    """Return the content part; where the content model has gains of its own, they are multiplied in `arrays`."""
    if QUERY_GAIN not in content:
        return _part("content", "content_embedding")
    arrays["blend_content_gain"] = arrays["blend_content_gain"] * content[QUERY_GAIN]
    arrays["blend_content_reception"] = arrays["blend_reception"] * content[CANDIDATE_GAIN]
    return _part("content", "content_embedding", "blend_content_reception")


class Reception(NamedTuple):
    """How each film is received: by whom, how often and how well it is rated."""

    taste: Matrix  # (n, d), rows of length 1
    counts: Vector  # (n,) number of ratings
    stars: Vector  # (n,) how well it is rated


def with_newcomers(
    reception: Reception, content: Matrix, regularization: float, is_new: NDArray[np.bool_]
) -> Reception:
    """Return `reception` with predictions in the rows of films without ratings; `content`: (n, c), see
    `content.known_content`; `is_new`: (n,) films that were just released.

    Counts are predicted on a log scale and brought to the mean of the observed ones; of a film that is not new and
    that yet nobody rated, fewer are expected, see `_seldom`. Stars are clipped to the observed range. Where no film has
    ratings, or all have some, `reception` comes back unchanged.
    """
    rated = reception.counts > 0
    if rated.all() or not rated.any():
        return reception
    from sklearn.linear_model import Ridge  # takes a second to import

    features = content.astype(np.float64)
    targets = np.column_stack([reception.taste, np.log1p(reception.counts), reception.stars])
    predicted = Ridge(alpha=regularization).fit(features[rated], targets[rated]).predict(features)
    expected = np.maximum(np.expm1(predicted[:, -2]), 0)
    expected *= reception.counts.sum() / max(expected[rated | ~is_new].sum(), 1e-9)
    taste, counts, stars = reception.taste.copy(), reception.counts.copy(), reception.stars.copy()
    taste[~rated] = unit_rows(predicted[~rated, :-2])
    counts[~rated] = np.where(is_new, expected, _seldom(expected, reception.counts, ~is_new | rated))[~rated]
    stars[~rated] = np.clip(predicted[~rated, -1], stars[rated].min(), stars[rated].max())
    return Reception(taste, counts, stars)


def _seldom(expected: Vector, counts: Vector, was_there: NDArray[np.bool_]) -> Vector:
    """Return how many ratings to expect in as much time again of films that were there all the time and got none.

    Counts around what content tells are taken as negative binomial: of a film of which m are expected, and which got
    none, m k / (k + m) more are (Greenwood and Yule, 1920, "An inquiry into the nature of frequency distributions").
    k is that of the films that were there, by moments.
    """
    excess = (np.square(counts - expected) - expected)[was_there].sum()
    k = np.square(expected[was_there]).sum() / max(excess, 1e-9)
    return np.asarray(expected * k / (k + expected))


def fair_gain(spec: SimilaritySpec, arrays: Arrays, asked: Vector, is_new: NDArray[np.bool_], share: float) -> float:
    """Return the factor on the scores of new films that gives them a `share` of the places in lists of similar films.

    The lists are those of known films, drawn by how often each is `asked` for, (n,). The m-th best new film takes the
    place of the (PLACES + 1 - m)-th best known one from the ratio of their scores on.
    """
    known = np.cumsum(np.where(is_new, 0, asked))
    steps = (np.arange(QUERIES) + 0.5) / QUERIES * known[-1]
    queries, weights = np.unique(np.searchsorted(known, steps), return_counts=True)
    places = min(PLACES, int(is_new.sum()), int((~is_new).sum()) - 1)
    if places < 1 or not known[-1]:
        return 1.0
    scorer, ratios = item_scorer(spec, arrays), []
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        rows = queries[start : start + _QUERIES_AT_ONCE]
        scores = scorer.similar(rows)
        scores[np.arange(len(rows)), rows] = -np.inf
        new = top_k(scores[:, is_new], places)[1]
        best_known = top_k(scores[:, ~is_new], places)[1][:, ::-1]
        ratios.append(np.where(new > 0, np.maximum(best_known, 0) / np.maximum(new, 1e-9), np.inf))
    ordered = np.sort(np.repeat(np.concatenate(ratios), weights, axis=0).ravel())
    reachable = ordered[np.isfinite(ordered)]
    return float(reachable[min(int(share * len(ordered)), len(reachable) - 1)]) if len(reachable) else 1.0
