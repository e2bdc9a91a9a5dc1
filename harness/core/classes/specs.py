"""Classes by name, with their parameters, as suites and records hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticSerializationError

from harness.core.classes.registry import LABEL_PATTERN, reference_to
from harness.core.errors import input_error

Label = Annotated[str, Field(pattern=LABEL_PATTERN)]


class Frozen(BaseModel):
    """An immutable value; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassSpec(Frozen):
    """A class by name, with the parameters that differ from its defaults.

    A name alone or an object, such as ``EveryNth(step=3)``, is accepted as well.
    """

    name: str  # of a built-in class or entry point, or ``module:Class``
    parameters: dict[str, Any] = {}  # those that differ from its defaults

    @model_validator(mode="before")
    @classmethod
    def _is_a_table(cls, values: Any) -> Any:
        return _as_table(values)


class TeacherSpec(ClassSpec):
    """What fits the Q-function that labels are made of."""

    name: str = "closed-form"


class LabelsSpec(ClassSpec):
    """What the rewards of reduced rows say, in place of what was recorded."""

    teacher: TeacherSpec = Field(default_factory=TeacherSpec)  # whose values they are made of
    when: Literal["after", "before"] = "after"  # reducing; before: methods match labelled rows


class LabelledSpec(ClassSpec):
    """A class that ids, tables and figures call by a label."""

    label: Label = ""  # its name in ids, tables and figures; by default ``name``

    @model_validator(mode="before")
    @classmethod
    def _label_defaults_to_name(cls, values: Any) -> Any:
        return _with_label(_as_table(values, own_label=True))


Control = Literal["constant", "permuted"]  # data without signal, see `without_signal`


class ReducerSpec(LabelledSpec):
    """A reducer, what the rewards of its rows say, and whether its data were robbed of signal."""

    labels: LabelsSpec | None = None  # None, and "recorded": what was recorded
    control: Control | None = None  # None: the data as they are

    @property
    def suffix(self) -> str:
        """What labels and control add to its default label."""
        return arm_suffix({"labels": self.labels or "recorded", "control": self.control})

    @model_validator(mode="before")
    @classmethod
    def _recorded_is_none(cls, values: Any) -> Any:
        if isinstance(values, dict) and _are_recorded(values.get("labels")):
            return {**values, "labels": None}
        return values

    @model_validator(mode="after")
    def _recorded_has_no_parameters(self) -> Self:
        if self.labels is not None and self.labels.name == "recorded":
            raise ValueError(
                "labels 'recorded' have neither parameters nor a teacher: give the name alone, or "
                "other labels"
            )
        return self

    @model_validator(mode="after")
    def _full_is_all_rows(self) -> Self:
        plain = self.labels is None and self.control is None
        if self.label == "full" and not (self.name == "full" and plain):
            raise ValueError(
                f"label 'full' of {self.name!r}: it stands for all rows as recorded, with which "
                "everything is compared; give another"
            )
        return self


class LearnerSpec(LabelledSpec):
    """A learner by name, with the parameters that differ from its defaults."""


def read_labels(labels: str | Mapping[str, Any] | BaseModel) -> LabelsSpec | None:
    """Read labels as a suite gives them; None stands for the recorded ones.

    Raises:
        InputError: If a value breaks its rule.
    """
    try:
        return ReducerSpec(name="any", label="any", labels=cast(Any, labels)).labels
    except ValidationError as error:
        raise input_error("labels", error) from error


def _as_table(values: Any, *, own_label: bool = False) -> Any:
    """Convert a name, or an object with parameters, to the equivalent table."""
    if isinstance(values, str):
        return {"name": values}
    if not isinstance(values, BaseModel) or isinstance(values, ClassSpec):
        return values
    try:
        given = values.model_dump(mode="json", exclude_unset=True)
    except PydanticSerializationError as error:
        raise ValueError(
            f"{values!r:.60} has parameters that no JSON can hold: {error}; correct them"
        ) from error
    table = {"name": reference_to(type(values)), "parameters": given}
    return {**table, "label": getattr(type(values), "name", "")} if own_label else table


def _with_label(values: Any) -> Any:
    if not isinstance(values, dict) or values.get("label") or "name" not in values:
        return values
    name, labels = str(values["name"]), _labels_name(values)
    if ":" in name + labels:  # what it calls itself is known only once it is imported
        raise ValueError(f"{name!r} with labels {labels!r} needs a label here: give one")
    return {**values, "label": name + arm_suffix(values)}


def arm_suffix(values: Mapping[str, Any]) -> str:
    """Return what labels and control of a reducer, or a learner's engine, add to the label."""
    labels, others = _labels_name(values), (values.get("control"), values.get("engine"))
    parts = [labels if labels != "recorded" else ""]
    parts += [other for other in others if isinstance(other, str)]
    return "".join(f"-{part}" for part in parts if part)


# once, and not for each of thousands of records
_RECORDED = ("recorded", {"name": "recorded"}, LabelsSpec(name="recorded"))


def _are_recorded(labels: Any) -> bool:
    return labels in _RECORDED


def _labels_name(values: Mapping[str, Any]) -> str:
    """Return the name of a reducer's labels as far as it is given well."""
    labels = values.get("labels")
    if isinstance(labels, BaseModel):
        return str(getattr(labels, "name", ""))
    name = labels.get("name") if isinstance(labels, Mapping) else labels
    return name if isinstance(name, str) else "recorded"
