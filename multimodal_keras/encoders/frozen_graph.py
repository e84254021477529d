"""A SavedModel of any origin as one Keras layer: its graph with the weights as constants, kept inside `.keras` files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from multimodal_keras.registry import PACKAGE

_FILE = "graph.pb"
_SIGNATURE = "serving_default"


@keras.saving.register_keras_serializable(package=PACKAGE)
class FrozenGraph(keras.layers.Layer):
    """One output of a graph without variables, as a function of one input.

    Args:
        shapes: of the input and of the output, without the batch.
        dtypes: of the input and of the output.
        tensors: the names of the input and of the output in the graph.
        graph: the serialized `GraphDef`; None before the assets of a `.keras` file are read.
        **kwargs: Keras's own (`name`, `dtype`).

    Call arguments:
        features: `(batch, *shapes[0])`.

    Returns:
        `(batch, *shapes[1])`.
    """

    def __init__(
        self,
        shapes: Sequence[Sequence[int]],
        dtypes: Sequence[str],
        tensors: Sequence[str],
        graph: bytes | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"trainable": False, "autocast": False, **kwargs})
        self.shapes = [list(shape) for shape in shapes]
        self.dtypes, self.tensors = list(dtypes), list(tensors)
        # Behind a function, where nothing tracks it.
        self._run: Callable[[], Any] | None = None
        self._graph = graph
        if graph is not None:
            self._import(graph)

    def _import(self, graph: bytes) -> None:
        definition = tf.compat.v1.GraphDef.FromString(graph)
        spec = tf.TensorSpec((None, *self.shapes[0]), self.dtypes[0])

        def run(features: tf.Tensor) -> tf.Tensor:
            return tf.graph_util.import_graph_def(
                definition, {self.tensors[0]: features}, return_elements=[self.tensors[1]], name=""
            )[0]

        with tf.init_scope():
            function = tf.compat.v1.wrap_function(run, [spec])
        self._graph, self._run = graph, lambda: function

    def call(self, features: Any) -> Any:
        if self._run is None:
            raise ValueError(
                f"{self.name} has no graph. It is read with the .keras file that holds it. Load that file."
            )
        return self._run()(tf.cast(features, self.dtypes[0]))

    def compute_output_spec(self, features: Any) -> Any:
        return keras.KerasTensor((features.shape[0], *self.shapes[1]), dtype=self.dtypes[1])

    def save_assets(self, folder: str) -> None:
        """Write the graph; Keras calls this for `.keras` files."""
        Path(folder, _FILE).write_bytes(self._graph or b"")

    def load_assets(self, folder: str) -> None:
        """Read the graph; Keras calls this for `.keras` files."""
        self._import(Path(folder, _FILE).read_bytes())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shapes": self.shapes, "dtypes": self.dtypes, "tensors": self.tensors}


def open_saved_model(folder: Path, output: str | None, features_shape: Sequence[int | None]) -> keras.Model:
    """Read a SavedModel, with TensorFlow 1's loader, which reads those of both.

    Args:
        folder: of the SavedModel.
        output: a name of the signature's outputs; may be None where there is one.
        features_shape: without the batch; fills up dimensions that the SavedModel leaves open.

    Returns:
        A functional model of one input and one output, without trainable weights.

    Raises:
        ValueError: if the signature is not clear, has several inputs, or takes another shape.
    """
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(folder)).signature_def
        signature = _signature(signatures, folder)
        source = graph.get_tensor_by_name(_only(signature.inputs, None, "input", folder).name)
        target = graph.get_tensor_by_name(_only(signature.outputs, output, "output", folder).name)
        shape = _filled(source.shape, features_shape, folder)
        frozen = tf.compat.v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [target.op.name])
    dtypes, tensors = (source.dtype.name, target.dtype.name), (source.name, target.name)
    layer = FrozenGraph((shape, ()), dtypes, tensors, frozen.SerializeToString(), name="graph")
    # The graph's own idea of its output may lack dimensions.
    layer.shapes[1] = list(layer(tf.zeros((1, *shape), source.dtype)).shape[1:])
    features = keras.Input(tuple(shape), dtype=source.dtype.name, name="features")
    return keras.Model(features, layer(features), name="saved_model")


def _signature(signatures: Any, folder: Path) -> Any:
    names = [name for name in signatures if not name.startswith("__")]
    if _SIGNATURE in names:
        return signatures[_SIGNATURE]
    if len(names) == 1:
        return signatures[names[0]]
    raise ValueError(
        f"A SavedModel is called by its signature {_SIGNATURE!r}, or by the only one it has. Received {folder} with "
        f"{', '.join(names) or 'none'}. Save it again with one signature."
    )


def _only(infos: Any, name: str | None, what: str, folder: Path) -> Any:
    if name is None and len(infos) == 1:
        return next(iter(infos.values()))
    if name not in infos:
        way = "Name one of them as layer." if what == "output" else "Save it again with one input."
        raise ValueError(
            f"One {what} of a SavedModel is used. Received {folder} with {', '.join(sorted(infos))}"
            f"{'' if name is None else f', and {name!r}'}. {way}"
        )
    return infos[name]


def _filled(wanted: tf.TensorShape, features_shape: Sequence[int | None], folder: Path) -> list[int]:
    """The shape of one record's input."""
    dimensions = list(features_shape) if wanted.rank is None else wanted.as_list()[1:]
    if len(dimensions) != len(features_shape) or any(
        one is not None and one != other for one, other in zip(dimensions, features_shape, strict=True)
    ):
        raise ValueError(
            f"A network gets what it was made for. Received features {tuple(features_shape)} for {folder}, which takes "
            f"{tuple(dimensions)}. Change the modality's size or length."
        )
    return [int(size or 1) for size in features_shape]
