"""What a record keeps of a reduction, in control and in regression."""

from __future__ import annotations

from harness.core.records import ReductionFacts
from harness.core.reduction import Reduction
from harness.core.regression_set import RegressionReduction


def reduction_facts(reduction: Reduction | RegressionReduction) -> ReductionFacts:
    """Count, hash and describe the reduced rows."""
    rows = reduction.transitions if isinstance(reduction, Reduction) else reduction.data
    return ReductionFacts(
        rows=len(rows),
        bytes=rows.nbytes,
        content_hash=rows.content_hash(),
        synthetic=reduction.source_indices is None,
        parameters=dict(reduction.parameters),
        diagnostics=dict(reduction.diagnostics),
    )
