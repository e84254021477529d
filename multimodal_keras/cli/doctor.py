"""`multimodal-keras doctor`."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import platform

from multimodal_keras import __version__

_BASE = {
    "tensorflow": "tensorflow",
    "keras": "keras",
    "ai-edge-litert": "ai_edge_litert",
    "numpy": "numpy",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "PyYAML": "yaml",
    "wrapt": "wrapt",
}
_EXTRAS = {
    "serve": ({"flask": "flask", "prometheus-client": "prometheus_client", "waitress": "waitress"}, "answer over HTTP"),
    "plot": ({"matplotlib": "matplotlib"}, "plots and HTML reports"),
    "audio": ({"soundfile": "soundfile"}, "sounds in FLAC, Ogg and MP3, read as WAV"),
    "video": ({"av": "av"}, "video files, read as frames"),
    "tensorboard": ({"tensorboard": "tensorboard"}, "TensorBoard logs of a run"),
    "quantize": ({"ai-edge-quantizer": "ai_edge_quantizer"}, "int8 TFLite files"),
    "hub": ({"keras-hub": "keras_hub"}, "backbones of KerasHub"),
    "vectors": ({"gensim": "gensim"}, "word vectors trained on your own texts"),
    "io": ({"tensorflow-io": "tensorflow_io"}, "more sound formats in the graph; TensorFlow 2.16 only"),
}


def run(options: argparse.Namespace) -> int:
    """Print versions, what can be imported, and what each missing extra would give."""
    base = {name: _version(name, module) for name, module in _BASE.items()}
    extras = {
        extra: {name: _version(name, module) for name, module in modules.items()}
        for extra, (modules, _) in _EXTRAS.items()
    }
    if options.json:
        python = platform.python_version()
        print(json.dumps({"multimodal_keras": __version__, "python": python, "base": base, "extras": extras}, indent=1))
    else:
        print(f"multimodal-keras {__version__}, Python {platform.python_version()}, {platform.platform()}")
        for name, version in base.items():
            print(f"  {name:18}{version or 'MISSING: pip install multimodal-keras'}")
        for extra, found in extras.items():
            gives = _EXTRAS[extra][1]
            lacking = [name for name, version in found.items() if version is None]
            state = ", ".join(f"{name} {version}" for name, version in found.items() if version)
            advice = f"not installed: pip install 'multimodal-keras[{extra}]'" if lacking else state
            print(f"  [{extra}]{'':{max(1, 16 - len(extra))}}{gives}; {advice}")
    return 0 if all(base.values()) else 1


def _version(name: str, module: str) -> str | None:
    """The version of a distribution whose module can be found; nothing is imported."""
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown version"
