"""Action codebooks: continuous actions, numbered by the nearest of a few codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Self, cast, get_args

import numpy as np

from envs.formats.recording import Recording
from harness.core.arrays import Float64Array, FloatArray, IntArray, check_finite
from harness.core.errors import InputError, naming
from harness.core.learner import Policy
from harness.core.specs import CodebookSpec
from harness.core.transitions import Transitions

FIT_ROWS = 1 << 15  # rows that k-means looks at: more move its codes no further than the seed does
CHUNK = 1 << 13  # rows whose distances to all codes are held at a time
METHODS: tuple[str, ...] = get_args(CodebookSpec.model_fields["method"].annotation)
_SPEC = re.compile(r"([a-z]+)-([1-9]\d{0,3})")


@dataclass(frozen=True, eq=False)
class Codebook:
    """A few actions that stand for all.

    The code of an action is the nearest, with every dimension measured in the data's deviation
    from its mean, so that the unit of no dimension counts.
    """

    codes: Float64Array  # (K, action_dim) inside the data's range, in lexicographic order
    scale: Float64Array  # (action_dim,) deviation of each dimension; one where it is constant

    def __len__(self) -> int:
        return len(self.codes)

    def encode(self, actions: FloatArray) -> IntArray:
        """Number each action by its nearest code, ``(N, action_dim) -> (N,)``.

        The first of equally near codes is taken.

        Raises:
            InputError: If actions have another number of dimensions than the codes.
        """
        _check_width(actions, self.codes.shape[1])
        numbers = [distances.argmin(axis=1) for distances in self._distances(actions)]
        return np.concatenate(numbers) if numbers else np.zeros(0, dtype=np.int64)

    def decode(self, numbers: IntArray) -> Float64Array:
        """Return the codes of numbered actions, ``(N,) -> (N, action_dim)``."""
        return self.codes[numbers]

    def error(self, actions: FloatArray) -> QuantisationError:
        """Measure what is lost when each action is replaced by its code."""
        lost = actions - self.decode(self.encode(actions))
        share = np.mean(lost**2, axis=0) / self.scale**2
        varies = np.ptp(actions, axis=0) > 0
        return QuantisationError(
            root_mean_square=float(np.sqrt(np.mean(np.sum(lost**2, axis=1)))),
            variance_share=float(share[varies].mean()) if varies.any() else 0.0,
        )

    def wrap(self, policy: Policy) -> CodedPolicy:
        """Let a policy of numbered actions act in the environment of the continuous ones."""
        return CodedPolicy(policy, self)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads, for the metadata of a dataset."""
        return {"codes": self.codes.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], source: str) -> Self:
        """Read what `to_json` gave.

        Raises:
            InputError: If it is not a codebook; ``source`` says where.
        """
        try:
            codes, scale = (np.array(content[name], dtype=float) for name in ("codes", "scale"))
        except (KeyError, TypeError, ValueError) as error:
            raise _no_codebook(source) from error
        sound = codes.ndim == 2 and scale.shape == codes.shape[1:] and len(codes) > 0
        if not (sound and np.isfinite(codes).all() and (scale > 0).all()):
            raise _no_codebook(source)
        return cls(codes, scale)

    def _distances(self, actions: FloatArray) -> Iterator[Float64Array]:
        from scipy.spatial.distance import cdist  # here: most datasets need no codebook

        codes = self.codes / self.scale
        for begin in range(0, len(actions), CHUNK):
            yield cdist(actions[begin : begin + CHUNK] / self.scale, codes, "sqeuclidean")


@dataclass(frozen=True)
class QuantisationError:
    """How far actions are from their codes."""

    root_mean_square: float  # Euclidean distance, in the actions' own units
    variance_share: float  # mean square error over variance, mean over dimensions that vary


@dataclass(frozen=True, eq=False)
class CodedPolicy:
    """Acts with the codes that a policy chooses by number."""

    policy: Policy
    codebook: Codebook

    def act(self, observations: FloatArray) -> Float64Array:
        """Choose a code for each observation, ``(B, obs_dim) -> (B, action_dim)``."""
        return self.codebook.decode(self.policy.act(observations))


def fit_codebook(actions: FloatArray, spec: CodebookSpec) -> Codebook:
    """Choose codes for actions.

    ``kmeans`` makes them the means of clusters, found in a fixed subsample of 32,768 rows if there
    are more; in the codebook's units that is least quantisation error as a share of the variance.
    ``bins`` takes a grid, evenly spaced from the least to the largest value of each dimension as in
    Tang and Agrawal (arXiv 1901.10500): it keeps the extremes, which means of clusters do not. Of
    its codes those stay that are nearest to some action. Actions that are no more distinct than
    codes asked for are their own codes.

    Args:
        actions: Finite, ``(N, action_dim)``, at least one.
        spec: How many codes, and by which method.

    Raises:
        InputError: If bins of two levels a dimension are more than the codes asked for.
    """
    varies = np.ptp(actions, axis=0) > 0
    scale = np.where(varies, actions.std(axis=0, dtype=np.float64), 1.0)
    sample = _subsample(actions)
    codes = np.unique(sample, axis=0)
    if len(codes) <= spec.size:
        codes = np.unique(actions, axis=0)
    if len(codes) > spec.size:
        codes = _grid(actions, spec.size) if spec.method == "bins" else _means(sample, scale, spec)
    codebook = Codebook(codes.astype(np.float64), scale)
    return Codebook(codebook.codes[np.unique(codebook.encode(actions))], scale)


def number_actions(
    recording: Recording, codebook: CodebookSpec | Codebook | None
) -> tuple[Transitions, Codebook | None]:
    """Turn a recording into transitions, its continuous actions numbered by a codebook.

    Rows keep their episodes.

    Args:
        recording: The rows.
        codebook: How to fit one to the actions, or one that was fitted.

    Returns:
        The transitions, and the codebook if actions were continuous.

    Raises:
        InputError: If continuous actions come without a codebook or numbered ones with one, a value
            is not finite, or rows break another rule of `Transitions`.
    """
    count = recording.action_count
    if count is not None:
        if codebook is not None:
            raise InputError(
                f"{recording.source!r} has {count} numbered actions, and a codebook is for "
                "continuous ones: leave it out"
            )
        return _transitions(recording, cast(IntArray, recording.actions), count), None
    if codebook is None:
        raise InputError(
            f"{recording.source!r} has continuous actions {recording.actions.shape}, "
            "and learners choose among numbered ones: give a codebook, as "
            '`--codebook kmeans-32`, load_dataset(…, codebook="kmeans-32") or '
            '`codebook = { method = "kmeans", size = 32 }` in a suite'
        )
    actions = cast(FloatArray, recording.actions)
    if isinstance(codebook, CodebookSpec):
        codebook = _fit(actions, codebook, recording.source)
    return _transitions(recording, codebook.encode(actions), len(codebook)), codebook


def parse_codebook(text: str) -> CodebookSpec:
    """Read a codebook's short name, such as ``kmeans-32`` or ``bins-9``.

    Raises:
        InputError: If it is none.
    """
    method, size = match.groups() if (match := _SPEC.fullmatch(text)) else ("", "0")
    if method not in METHODS or not 2 <= int(size) <= 256:
        raise InputError(
            f"codebook {text!r}: the rule is METHOD-SIZE with a method of {', '.join(METHODS)} and "
            "a size of 2 to 256 codes; write for instance kmeans-32"
        )
    return CodebookSpec.model_validate({"method": method, "size": int(size)})


def _fit(actions: FloatArray, spec: CodebookSpec, source: str) -> Codebook:
    with naming(source):
        check_finite("actions", actions)
        return fit_codebook(actions, spec)


def _transitions(recording: Recording, actions: IntArray, count: int) -> Transitions:
    with naming(recording.source):
        return Transitions(
            observations=recording.observations,
            actions=actions,
            rewards=recording.rewards,
            next_observations=recording.next_observations,
            terminations=recording.terminations,
            weights=recording.weights,
            action_count=count,
            episodes=recording.episodes,
        )


def _subsample(actions: FloatArray) -> FloatArray:
    if len(actions) <= FIT_ROWS:
        return actions
    return actions[np.random.default_rng(0).choice(len(actions), FIT_ROWS, replace=False)]


def _means(sample: FloatArray, scale: Float64Array, spec: CodebookSpec) -> Float64Array:
    from sklearn.cluster import KMeans  # slow to import
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # threads add up a cluster's rows in the order in which they end
        found = KMeans(spec.size, n_init=3, random_state=0).fit(sample / scale)
    means = found.cluster_centers_ * scale
    inside = np.clip(means, sample.min(axis=0), sample.max(axis=0))  # rounding leads out of it
    return np.unique(inside, axis=0)


def _grid(actions: FloatArray, size: int) -> Float64Array:
    low, high = actions.min(axis=0).astype(float), actions.max(axis=0).astype(float)
    dimensions = int(np.count_nonzero(high > low))
    levels = max(n for n in range(1, size + 1) if n**dimensions <= size)
    if levels < 2:
        raise InputError(
            f"bins-{size} for {dimensions} action dimensions: two levels of each are "
            f"{2**dimensions} codes; raise the size or choose kmeans-{size}"
        )
    axes = [np.unique(np.linspace(a, b, levels)) for a, b in zip(low, high, strict=True)]
    return np.array(list(product(*axes)))


def _check_width(actions: FloatArray, dimensions: int) -> None:
    if actions.ndim != 2 or actions.shape[1] != dimensions:
        raise InputError(
            f"actions of shape {actions.shape}: the codebook's have {dimensions} dimensions, so "
            f"the rule is (N, {dimensions}); fit a codebook to these"
        )


def _no_codebook(source: str) -> InputError:
    return InputError(
        f"{source!r}: its codebook is none, for it must hold finite codes (K, action_dim) and a "
        "positive scale (action_dim,); write the dataset again with `bellman-bench distill`"
    )
