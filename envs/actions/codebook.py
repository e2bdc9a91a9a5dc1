"""Action codebooks: continuous actions are discretised to the nearest of a few codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Self, cast, get_args

import numpy as np

from envs.formats.recording import Recording
from harness.core.arrays import ActionArray, Float64Array, FloatArray, IntArray, check_finite
from harness.core.classes.reading import SAY_CONTINUOUS
from harness.core.computing.threads import one_thread
from harness.core.errors import InputError, naming
from harness.core.specs import CodebookSpec
from harness.core.transitions import Transitions

FIT_ROWS = 1 << 15  # rows for k-means: more change its codes no more than the seed does
CHUNK = 1 << 13  # rows whose distances to all codes are in memory at a time
METHODS: tuple[str, ...] = get_args(CodebookSpec.model_fields["method"].annotation)
_SPEC = re.compile(r"([a-z]+)-([1-9]\d{0,3})")


@dataclass(frozen=True, eq=False)
class Codebook:
    """A finite set of actions (codes) that continuous actions are discretised to.

    The code of an action is the nearest one, with every dimension in units of the data's standard
    deviation, so that the dimensions' units do not matter.
    """

    codes: Float64Array  # (K, action_dim) inside the data's range, in lexicographic order
    scale: Float64Array  # (action_dim,) standard deviation of each dimension; one if constant

    def __len__(self) -> int:
        return len(self.codes)

    def encode(self, actions: FloatArray) -> IntArray:
        """Return the index of the nearest code of each action, ``(N, action_dim) -> (N,)``.

        Ties are resolved to the first code.

        Raises:
            InputError: If actions have another number of dimensions than the codes.
        """
        _check_width(actions, self.codes.shape[1])
        numbers = [distances.argmin(axis=1) for distances in self._distances(actions)]
        return np.concatenate(numbers) if numbers else np.zeros(0, dtype=np.int64)

    def take(self, numbers: IntArray) -> Codebook:
        """Keep some of the codes."""
        return Codebook(self.codes[numbers], self.scale)

    def decode(self, numbers: IntArray) -> Float64Array:
        """Return the codes of given indices, ``(N,) -> (N, action_dim)``."""
        return self.codes[numbers]

    def error(self, actions: FloatArray) -> QuantisationError:
        """Measure the error of replacing each action by its code."""
        lost = actions - self.decode(self.encode(actions))
        share = np.mean(lost**2, axis=0) / self.scale**2
        varies = np.ptp(actions, axis=0) > 0
        return QuantisationError(
            root_mean_square=float(np.sqrt(np.mean(np.sum(lost**2, axis=1)))),
            variance_share=float(share[varies].mean()) if varies.any() else 0.0,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form that `from_json` reads, for the metadata of a dataset."""
        return {"codes": self.codes.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], source: str) -> Self:
        """Create a codebook from its JSON form.

        Raises:
            InputError: If it is not a codebook; ``source`` is named in the message.
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
        from scipy.spatial.distance import cdist  # slow to import, and rarely needed

        codes = self.codes / self.scale
        for begin in range(0, len(actions), CHUNK):
            yield cdist(actions[begin : begin + CHUNK] / self.scale, codes, "sqeuclidean")


@dataclass(frozen=True)
class QuantisationError:
    """The distance of actions from their codes."""

    root_mean_square: float  # Euclidean distance, in the actions' own units
    variance_share: float  # mean square error over variance, mean over dimensions that vary


@dataclass(frozen=True, eq=False)
class ActionSummary:
    """What a codebook is made of: statistics of all actions, and some of them."""

    low: FloatArray  # (action_dim,) minimum of each dimension
    high: FloatArray  # (action_dim,) maximum
    scale: Float64Array  # (action_dim,) standard deviation; one where a dimension is constant
    sample: FloatArray  # the actions of the rows of `sampled_rows`
    distinct: FloatArray | None  # distinct actions in lexicographic order; None: more than codes

    def choose_codes(self, spec: CodebookSpec) -> Codebook:
        """Choose codes as `fit_codebook` does, of which a grid's may be nearest to no action.

        Raises:
            InputError: If a grid of two levels per dimension has more codes than requested.
        """
        if self.distinct is not None:
            codes = self.distinct
        elif spec.method == "kmeans":
            codes = _means(self.sample, self.scale, spec.size)
        else:
            codes = np.array(list(product(*self._axes(spec))))
        return Codebook(codes.astype(np.float64), self.scale)

    def _axes(self, spec: CodebookSpec) -> list[Float64Array]:
        """Return the levels of each dimension of a grid: evenly spaced, or k-means' own."""
        low, high = self.low.astype(float), self.high.astype(float)
        levels = _levels(int(np.count_nonzero(high > low)), spec)
        if spec.method == "bins":
            return [np.unique(np.linspace(a, b, levels)) for a, b in zip(low, high, strict=True)]
        columns = (self.sample[:, [axis]] for axis in range(len(low)))
        return [
            _means(column, scale, min(levels, len(np.unique(column))))[:, 0]
            for column, scale in zip(columns, self.scale, strict=True)
        ]


def fit_codebook(actions: FloatArray, spec: CodebookSpec) -> Codebook:
    """Fit a codebook to actions by k-means, a grid or a product of small codebooks.

    ``kmeans`` uses cluster means, found in a fixed subsample of 32,768 rows if there are more; in
    the codebook's units this minimises the quantisation error as a share of the variance. ``bins``
    uses a grid, evenly spaced from the minimum to the maximum of each dimension as in Tang and
    Agrawal (arXiv 1901.10500): it keeps the extremes, which cluster means do not. ``product``
    combines the cluster means of each dimension alone, as many of each: a grid that is finer where
    actions are frequent. Codes of a grid that are nearest to no action are dropped. If there are no
    more distinct actions than requested codes, the actions are the codes.

    Args:
        actions: Finite, ``(N, action_dim)``, at least one.
        spec: Number of codes and method.

    Raises:
        InputError: If a grid of two levels per dimension has more codes than requested.
    """
    low, high = actions.min(axis=0), actions.max(axis=0)
    scale = np.where(high > low, actions.std(axis=0, dtype=np.float64), 1.0)
    sample = actions[sampled_rows(len(actions))]
    codes = np.unique(sample, axis=0)
    if len(codes) <= spec.size:
        codes = np.unique(actions, axis=0)
    distinct = codes if len(codes) <= spec.size else None
    codebook = ActionSummary(low, high, scale, sample, distinct).choose_codes(spec)
    return codebook.take(np.unique(codebook.encode(actions)))


def number_actions(
    recording: Recording, codebook: CodebookSpec | Codebook | None
) -> tuple[Transitions, Codebook | None]:
    """Turn a recording into transitions, with actions discretised if there is a codebook.

    Rows keep their episodes.

    Args:
        recording: The rows.
        codebook: How to fit a codebook to the actions, or a fitted one; None: actions stay as
            they are.

    Returns:
        The transitions, and the codebook.

    Raises:
        InputError: If actions are discrete and there is a codebook, a value is not finite, or rows
        break another rule of `Transitions`.
    """
    count = recording.action_count
    if count is not None:
        if codebook is not None:
            raise discrete_actions(recording)
        return _transitions(recording, cast(IntArray, recording.actions), count), None
    actions = cast(FloatArray, recording.actions)
    if codebook is None:
        return _transitions(recording, actions, 0), None
    if isinstance(codebook, CodebookSpec):
        codebook = _fit(actions, codebook, recording.source)
    coded = _transitions(recording, codebook.encode(actions), len(codebook))
    return replace(coded, codes=codebook.codes), codebook


def discrete_actions(recording: Recording) -> InputError:
    """Build the error for a codebook where it has no use."""
    return InputError(
        f"{recording.source!r} has {recording.action_count} discrete actions, but a codebook is "
        f"for continuous actions: leave it out, or say {SAY_CONTINUOUS}"
    )


def parse_codebook(text: str) -> CodebookSpec:
    """Parse a codebook's short name, such as ``kmeans-32`` or ``bins-9``.

    Raises:
        InputError: If it is not one.
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


def _transitions(recording: Recording, actions: ActionArray, count: int) -> Transitions:
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


def sampled_rows(count: int) -> IntArray:
    """Rows of a dataset of ``count`` rows that k-means is fitted to."""
    if count <= FIT_ROWS:
        return np.arange(count)
    return np.random.default_rng(0).choice(count, FIT_ROWS, replace=False)


def _means(sample: FloatArray, scale: Float64Array | np.float64, size: int) -> Float64Array:
    from sklearn.cluster import KMeans  # slow to import

    with one_thread():
        found = KMeans(size, n_init=3, random_state=0).fit(sample / scale)
    means = found.cluster_centers_ * scale
    inside = np.clip(means, sample.min(axis=0), sample.max(axis=0))  # rounding may leave the range
    return np.unique(inside, axis=0)


def _levels(dimensions: int, spec: CodebookSpec) -> int:
    """Return how many levels each of the dimensions that vary has in a grid."""
    size = spec.size
    levels = max(n for n in range(1, size + 1) if n**dimensions <= size)
    if levels < 2:
        raise InputError(
            f"{spec.method}-{size} for {dimensions} action dimensions: two levels per dimension "
            f"are {2**dimensions} codes; increase the size or choose kmeans-{size}"
        )
    return levels


def _check_width(actions: FloatArray, dimensions: int) -> None:
    if actions.ndim != 2 or actions.shape[1] != dimensions:
        raise InputError(
            f"actions of shape {actions.shape}: the codebook's codes have {dimensions} dimensions, "
            f"so the shape must be (N, {dimensions}); fit a codebook to these actions"
        )


def _no_codebook(source: str) -> InputError:
    return InputError(
        f"{source!r}: its codebook is invalid: it must have finite codes (K, action_dim) and a "
        "positive scale (action_dim,); write the dataset again with `bellman-bench distill`"
    )
