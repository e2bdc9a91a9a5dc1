"""The labels and the teachers that come with the package; a new one is a line here."""

from __future__ import annotations

from typing import Final

from harness.core.classes.registry import Registry, listed
from harness.labels.advantage import ActionValueLabels, AdvantageLabels
from harness.labels.advantage_weight import AdvantageWeightLabels
from harness.labels.base import Labels, Teacher
from harness.labels.best_action import BestActionLabels
from harness.labels.cautious import CautiousTeacher
from harness.labels.closed_form import ClosedFormTeacher
from harness.labels.learned import LearnerTeacher
from harness.labels.shaped import ShapedLabels

LABELS: Final[Registry[type[Labels]]] = Registry(
    kind="labels",
    groups=("bellman_bench.labels",),
    bases=(Labels,),
    builtin=listed(
        ShapedLabels,
        AdvantageLabels,
        ActionValueLabels,
        AdvantageWeightLabels,
        BestActionLabels,
    ),
    others=("recorded",),
)
TEACHERS: Final[Registry[type[Teacher]]] = Registry(
    kind="teacher",
    groups=("bellman_bench.teachers",),
    bases=(Teacher,),
    builtin=listed(ClosedFormTeacher, CautiousTeacher, LearnerTeacher),
)
