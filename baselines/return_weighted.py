"""Random subsampling with higher probability for episodes of high return."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from baselines.leverage import draw_systematic, inclusion_probabilities
from baselines.return_filter import measure_episodes
from harness.core.arrays import Float64Array, IntArray
from harness.core.reduction import Diagnostics, Reducer
from harness.core.transitions import Transitions

MIN_SCORE = 1e-12  # relative to the maximum, so that any size can be drawn and no weight is zero


class ReturnWeightedReducer(Reducer[Transitions]):
    """Sample rows in proportion to the return weight of their episode (trajectory weighting).

    After return-weighting (RW) of Hong et al., "Harnessing Mixed Offline Reinforcement Learning
    Datasets via Trajectory Weighting" (2023): every row of episode ``i`` has the score
    ``exp(g_i / temperature)``, where ``g_i`` is the episode's return scaled to 0..1 over the
    dataset. Within an episode rows are drawn uniformly. The sample estimates the reweighted data
    and not the source, so sampled rows have equal weights; but sampling is without replacement, so
    a row whose expected number of draws exceeds one has that many times the weight.
    """

    name: ClassVar[str] = "return-weighted"
    takes_continuous: ClassVar[bool] = True

    temperature: Annotated[float, Field(gt=0)] = 0.1  # of scaled returns

    def check_usable(self, transitions: Transitions) -> None:
        """Ask for episodes."""
        measure_episodes(transitions, self.name)

    def _reduce(
        self, transitions: Transitions, size: int, rng: np.random.Generator
    ) -> tuple[Transitions, IntArray | None, Diagnostics]:
        lengths, returns = measure_episodes(transitions, self.name)
        episode_weights = return_weights(returns, self.temperature)
        scores = transitions.shares * np.repeat(episode_weights, lengths)
        scores = np.maximum(scores, scores.max() * MIN_SCORE)
        probabilities = inclusion_probabilities(scores, size)
        rows = draw_systematic(probabilities, rng)
        weights = scores[rows] / probabilities[rows]
        diagnostics = {"rows_due_more_than_once": float(np.count_nonzero(probabilities == 1))}
        return transitions.take(rows, weights / weights.mean()), rows, diagnostics


def return_weights(returns: Float64Array, temperature: float) -> Float64Array:
    """Weights ``(E,)`` in proportion to ``exp(g / temperature)``, with maximum one.

    Args:
        returns: Returns ``(E,)``, here scaled to 0..1; equal returns give equal weights.
        temperature: α of the paper.
    """
    spread = np.ptp(returns) or 1.0
    weights: Float64Array = np.exp((returns - returns.max()) / spread / temperature)
    return weights
