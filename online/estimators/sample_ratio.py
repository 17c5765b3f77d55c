"""Whether visitors are divided between the arms as planned: a check that may be looked at after every visitor.

The sequential multinomial test of Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022,
for two arms: the likelihood of the counts under shares drawn from a beta distribution around the planned one, divided
by their likelihood under the planned one. It starts at 1, and under the plan it ever reaches 1 / error with a chance
of at most `error` (Ville's inequality).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, xlogy

CONCENTRATION = 1000.0  # how closely alternatives lie around the plan: shares that are off by about .02


def log_evidence(
    challenger: npt.ArrayLike,
    champion: npt.ArrayLike,
    share: float | npt.NDArray[np.float64],
    concentration: float = CONCENTRATION,
) -> npt.NDArray[np.float64]:
    """Return the logarithm of how many times likelier the counts are under another share than under the planned one.

    `share`: of the challenger, above 0 and below 1. Counts may be arrays of one shape.
    """
    ours, others = np.asarray(challenger, np.float64), np.asarray(champion, np.float64)
    first, second = concentration * share, concentration * (1.0 - share)
    planned = xlogy(ours, share) + xlogy(others, 1.0 - share)
    evidence: npt.NDArray[np.float64] = betaln(first + ours, second + others) - betaln(first, second) - planned
    return evidence
