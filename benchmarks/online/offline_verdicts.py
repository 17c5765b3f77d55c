"""What the offline gate says of a planted effect: the same people are asked about lists of both versions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from benchmarks.online.experiments import SEED, Floats, click_chance, visitors
from benchmarks.tools.figures import Figure
from recommender.bundle import Metric
from training.evaluation.result import Evaluation
from training.promotion.gate import COVERAGE, RARE_LISTS, THIN_FILMS, EvaluationByRole, Rival, decide, load_rules

DATASET, PEOPLE = "ml-100k", 943  # whose rules hold, and as many test users as it has
_LIMITS = (COVERAGE, RARE_LISTS, THIN_FILMS)


def verdicts(effect: float, evaluations: int) -> Figure:
    """Return the share of simulated evaluations of a planted effect after which the gate promotes.

    One list of each version is judged for each test user, with clicks in the place of held-out likes.
    """
    rules = load_rules(DATASET)
    outcomes: Counter[str] = Counter()
    for number in range(evaluations):
        draw = np.random.default_rng([SEED, 5, number])
        ease = visitors(draw, PEOPLE).ease
        champion, challenger = (draw.random(PEOPLE) < click_chance(ease, gain) for gain in (0.0, effect))
        rival = Rival("champion", 1, _judged(champion))
        outcomes[decide(_judged(challenger), [rival], rules).outcome] += 1
    others = ", ".join(f"{outcomes[outcome] / evaluations:.2f} {outcome}" for outcome in ("undecided", "refuse"))
    title = f"loop/planted {effect:.0%}: offline verdicts that promote"
    note = f"{PEOPLE} test users: {others}"
    return Figure(title, outcomes["promote"] / evaluations, rounds=evaluations, note=note)


def _judged(clicked: npt.NDArray[np.bool_]) -> EvaluationByRole:
    """Return the evaluations of a version whose lists differ from its rival's in clicks alone."""
    values: Floats = clicked.astype(np.float64)
    figures = [Metric(protocol="clicks", name=name, value=0.0) for name in _LIMITS]

    def judged(per_user: dict[str, Floats]) -> Evaluation:
        return Evaluation("clicks", DATASET, "", 0, np.arange(PEOPLE), per_user, {}, figures)

    return {"people": judged({"ndcg_at_10": values}), "titles": judged({})}
