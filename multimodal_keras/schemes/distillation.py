"""Answer from some modalities as a teacher does from all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from multimodal_keras.base import Modality, parts, presence_name
from multimodal_keras.registry import register
from multimodal_keras.schemes.scheme import Scheme, chosen_fields
from multimodal_keras.schemes.seen import Looker, Seen, Term
from multimodal_keras.schemes.teacher import Teacher


@register
class DistillationScheme(Scheme):
    """Distillation from a teacher that sees all modalities to a student that sees some of them.

    The teacher is the model itself, or another one that was trained before: it answers every record with all that the
    record has, and learns nothing from it. The student is the model in training, and sees one of these:

    * with `fields`, only these modalities, in a pass of its own (one more forward and backward pass);
    * otherwise what modality dropout left of the record in the ordinary pass (no more backward pass);
    * with a teacher of more modalities than the model has, what the model has. The records need the teacher's fields too.

    How far two answers are apart, their head knows: Kullback-Leibler divergence at a temperature for labels, the
    squared difference for numbers. Unlabelled records teach as well. Each teacher's answer costs one forward pass.

    Args:
        teacher: None for the model itself, a model of `build_model`, a run folder, or a `.keras` file.
        fields: the student's modalities; the others have to be optional. None for what it sees anyway.
        weight: beside the losses of the tasks.
        temperature: above 1 the teacher's second and third choices count for more.
        **kwargs: Keras's own (`name`).

    Raises:
        ValueError: for a temperature that is not above 0, a teacher that lacks a task or has other labels, a subset that
            the model cannot answer from, or a student that would see all that the teacher does.

    Example:

    >>> import multimodal_keras as mk
    >>> mk.DistillationScheme(fields=["title"], temperature=4.0).get_config()["fields"]
    ['title']

    Reference:
        Hinton et al., Distilling the Knowledge in a Neural Network (arXiv:1503.02531); Garcia et al., Modality
        Distillation with Multiple Stream Networks for Action Recognition (arXiv:1806.07110).
    """

    validates = False

    def __init__(
        self,
        *,
        teacher: Any = None,
        fields: Sequence[str] | None = None,
        weight: float = 0.5,
        temperature: float = 2.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(weight=weight, **kwargs)
        if not temperature > 0:
            raise ValueError(f"A temperature is above 0. Received {temperature!r}. Raise it.")
        self.fields = None if fields is None else sorted(fields)
        self.temperature = float(temperature)
        self.teacher = None if teacher is None else Teacher(teacher)

    def create(self, look: Looker) -> None:
        self._look = look
        if self.fields is not None:
            self._check_subset(look)
        elif self.teacher is None and not look.drops:
            raise ValueError(
                "A student sees less than its teacher. Received DistillationScheme() for a model whose modalities are never "
                "dropped. Pass fields=[...], another teacher, or build the model with optional modalities and "
                "modality_dropout."
            )
        if self.teacher is not None:
            self.teacher.check(look.found)

    def _check_subset(self, look: Looker) -> None:
        fields = chosen_fields(look, self.fields, 1, type(self).__name__)
        needed = sorted(set(look.fields) - set(fields) - set(look.found.optional))
        if needed or len(fields) == len(look.fields):
            what = f"{', '.join(needed)} is required" if needed else "these are all"
            raise ValueError(
                f"A student does without some optional modality. Received fields={fields}, but {what}. Choose other fields, "
                "or declare the rest optional=True."
            )

    def more_modalities(self) -> Mapping[str, Modality]:
        return {} if self.teacher is None else parts(self.teacher.model).modalities

    def term_names(self) -> list[str]:
        return ["distillation"]

    def terms(self, seen: Seen) -> dict[str, Term]:
        answers = seen.outputs
        if self.fields is not None:
            hidden = {presence_name(field) for field in self._look.found.optional if field not in self.fields}
            shown = {name: ops.zeros_like(each) if name in hidden else each for name, each in seen.inputs.items()}
            answers = self._look(shown, training=True).outputs
        source = self.teacher.answers if self.teacher is not None else lambda inputs: self._look(inputs).outputs
        taught = {task: ops.stop_gradient(answer) for task, answer in source(seen.inputs).items() if task in answers}
        distances = [
            head.default_loss_weight * ops.mean(head.distance(taught[task], answers[task], self.temperature))
            for task, head in self._look.found.heads.items()
        ]
        loss = sum(distances[1:], distances[0])
        return {"distillation": Term(loss, ops.shape(next(iter(answers.values())))[0])}

    def facts(self) -> dict[str, Any]:
        return {**self.get_config(), "teacher": None if self.teacher is None else self.teacher.digest()}

    def get_config(self) -> dict[str, Any]:
        teacher = None if self.teacher is None else self.teacher.source
        more = {"teacher": teacher, "fields": self.fields, "temperature": self.temperature}
        return {**super().get_config(), **more}
