"""The card of a shared set: what it is, how it was made and what it is worth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from envs.formats.minari.output import public_name
from envs.reference import Reference
from harness.core.errors import InputError, one_line
from harness.core.presentation.text import counted
from harness.core.transitions import Transitions

_LICENCE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_STATED: Final = re.compile(rf"^license: *({_LICENCE.pattern})\s*$", re.MULTILINE)


class Origin(BaseModel):
    """How a set was made, as its metadata say. Other keys of the metadata are ignored."""

    model_config = ConfigDict(frozen=True)

    method: str
    parameters: Mapping[str, Any]  # of the method, with labels and teacher if it has any
    diagnostics: Mapping[str, Any] = Field(default_factory=dict)  # of the method
    seed: int
    discount: float  # γ that it was made for
    source: str  # id or path
    source_hash: str | None = None  # None: the source was streamed
    seconds: float  # wall time
    version: str  # of bellman-bench

    @classmethod
    def parse(cls, metadata: Mapping[str, Any], name: str) -> Self:
        """Take a set's metadata.

        Raises:
            InputError: If they do not say how it was made; ``name`` is named in the message.
        """
        try:
            return cls.model_validate(metadata)
        except ValidationError as error:
            raise InputError(
                f"{name!r} does not say how it was made ({one_line(error)}): a card says it; share "
                "what `bellman-bench distill` has written"
            ) from error

    @property
    def labels(self) -> str | None:
        """Name of the labels; None: rewards are as they were recorded."""
        labels = self.parameters.get("labels")
        return str(labels.get("name")) if isinstance(labels, Mapping) else None


@dataclass(frozen=True, eq=False)
class Card:
    """What a card says."""

    dataset_id: str  # that the set is shared under
    transitions: Transitions
    reference: Reference
    origin: Origin
    licence: str
    certificate: str = ""  # in Markdown; empty: not computed
    returns: str = ""  # in Markdown; empty: nobody was trained

    def text(self) -> str:
        """Write it in Markdown, with the front matter by which a hub lists a dataset."""
        sections = (f"## {title}\n\n{body}\n" for title, body in self._sections() if body)
        return "\n".join([self._front_matter(), f"# {self.dataset_id}\n", *sections])

    def _front_matter(self) -> str:
        return (
            f"---\nlicense: {self.licence}\npretty_name: {self.dataset_id}\n"
            "task_categories:\n- reinforcement-learning\ntags:\n- offline-reinforcement-learning\n"
            "- dataset-distillation\n- minari\n- bellman-bench\n---\n"
        )

    def _sections(self) -> Iterator[tuple[str, str]]:
        yield "What", self._what()
        yield "From what", self._from_what()
        yield "How it was made", self._how()
        yield "Certificate", self.certificate
        yield "Returns", self.returns
        yield "How to load", LOADING.format(id=self.dataset_id)
        yield "Licence", LICENCE.format(licence=self.licence)

    def _what(self) -> str:
        rows, labels = self.transitions, self.origin.labels
        said = (
            "Rewards are as they were recorded."
            if labels is None
            else f"They carry `{labels}` labels: what these put in the place of rewards, actions "
            "or weights was not recorded, but is what a teacher says that was fitted to the source."
        )
        actions = (
            f"actions of {counted(rows.action_dim, 'number')}"
            if rows.is_continuous
            else counted(rows.action_count, "action")
        )
        return (
            f"{counted(len(rows), 'weighted transition')} that stand for a dataset: "
            f"{counted(rows.obs_dim, 'number')} an observation, "
            f"{actions}. {said}\n\nEach is an episode of one step, "
            "terminated or else truncated; its weight is `transition_weight` of its infos."
        )

    def _from_what(self) -> str:
        about, source = self.reference, public_name(self.origin.source)
        lines = [f"- dataset: `{source}`"]
        if self.origin.source_hash:
            lines.append(f"- SHA-256 of its transitions: `{self.origin.source_hash}`")
        if about.environment is not None:
            lines.append(f"- environment: `{about.environment.id}`")
        if about.codebook is not None:
            lines.append("- continuous actions, numbered by the codebook of its metadata")
        for name, score in (("random", about.reference_min), ("expert", about.reference_max)):
            if score is not None:
                lines.append(f"- mean return of the {name} policy: {score:g}")
        return "\n".join(lines)

    def _how(self) -> str:
        origin = self.origin
        values = {"parameters": origin.parameters, "diagnostics": origin.diagnostics}
        return (
            f"By `{origin.method}` with seed {origin.seed} and discount {origin.discount:g}, in "
            f"{origin.seconds:.3g} s, with bellman-bench {origin.version}.\n\n"
            f"```json\n{json.dumps(values, indent=1, sort_keys=True)}\n```"
        )


LOADING: Final = """\
Once the account that shares it is named, [Minari](https://minari.farama.org) and bellman-bench
(with its extra `remote`) download it by its id:

```sh
export MINARI_REMOTE=hf://ACCOUNT
bellman-bench inspect {id}
```

```python
import minari

dataset = minari.load_dataset("{id}", download=True)
```"""

LICENCE: Final = """\
`{licence}`, as said by whoever shares it. Its rows are those of the source, or made of them: what
binds the source binds them."""


def certificate_text(lines: Iterable[str], against: str) -> str:
    """Write the lines of `certify` in Markdown, with the dataset that they compare with."""
    source, body = public_name(against), "\n".join(lines)
    return f"By `bellman-bench certify` against `{source}`:\n\n```text\n{body}\n```"


def check_licence(licence: str) -> str:
    """Return a licence's identifier in small letters.

    Raises:
        InputError: If it can be none.
    """
    if not _LICENCE.fullmatch(licence.lower()):
        raise InputError(
            f"licence {licence!r}: it is the identifier by which hubs list it, such as mit, "
            "cc-by-4.0 or other; give that"
        )
    return licence.lower()


def stated_licence(text: str) -> str | None:
    """Return the licence that a card states in its front matter, if any."""
    head, _, rest = text.partition("---\n")
    stated = None if head else _STATED.search(rest.partition("---\n")[0])
    return stated[1] if stated else None
