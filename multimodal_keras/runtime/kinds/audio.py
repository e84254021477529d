"""Sounds without TensorFlow."""

from __future__ import annotations

import numpy as np

from multimodal_keras.runtime.audio import decode_sound
from multimodal_keras.runtime.kinds.kind import Decode, Kind
from multimodal_keras.runtime.raw import Facts
from multimodal_keras.runtime.sound_files import read_audio, wav_bytes, wav_of


def _decoder(facts: Facts) -> Decode:
    wanted = facts["sampling_rate"], facts["samples"], facts["crop"], facts["max_seconds"]

    def wav(value: bytes) -> bytes:
        return wav_of(value, facts["max_seconds"]) if facts.get("compressed") else value

    return lambda values: np.stack([decode_sound(wav(value), *wanted) for value in values])


def _sample(facts: Facts, number: int) -> bytes:
    """A tone."""
    time = np.arange(facts["samples"]) / facts["sampling_rate"]
    tone = 8000 * np.sin(2 * np.pi * (220 + 55 * number) * time)
    return wav_bytes(tone.astype(np.int16), facts["sampling_rate"])


AUDIO = Kind(
    "audio",
    read=lambda value, folder, facts: read_audio(value, folder, compressed=bool(facts.get("compressed"))),
    decoder=_decoder,
    sample=_sample,
    device_facts=frozenset({"sampling_rate", "crop", "range"}),
    free_facts=frozenset({"samples", "max_seconds"}),
)
