"""Noises of text: typing errors, words that are lost, words in another order."""

from __future__ import annotations

from typing import Any

import numpy as np

from multimodal_keras.perturbing.noises import Noise, register_noise


def _typos(raw: Any, strength: float, random: np.random.Generator) -> bytes:
    """Each letter is left out, doubled, exchanged with the next, or replaced by another letter of the text."""
    letters = list(raw.decode("utf-8", "replace"))
    others = [letter for letter in letters if letter.isalnum()] or letters
    typed: list[str] = []
    place = 0
    while place < len(letters):
        letter, place = letters[place], place + 1
        if not letter.isalnum() or random.random() >= strength:
            typed.append(letter)
            continue
        error = int(random.integers(4))
        if error == 1:
            typed += [letter, letter]
        elif error == 2 and place < len(letters):
            typed += [letters[place], letter]
            place += 1
        elif error == 3:
            typed.append(others[int(random.integers(len(others)))])
    # A text that is there does not become one that is missing.
    return "".join(typed or letters[:1]).encode("utf-8")


def _words(raw: Any) -> tuple[list[str], str]:
    """The words and what stands between them; characters where a text is written without spaces."""
    text = raw.decode("utf-8", "replace")
    words = text.split()
    return (words, " ") if len(words) > 1 else (list(text.strip()), "")


def _word_drop(raw: Any, strength: float, random: np.random.Generator) -> bytes:
    words, space = _words(raw)
    if not words:
        return raw
    kept = [word for word in words if random.random() >= strength]
    return space.join(kept or [words[int(random.integers(len(words)))]]).encode("utf-8")


def _word_swap(raw: Any, strength: float, random: np.random.Generator) -> bytes:
    words, space = _words(raw)
    moved = [place for place in range(len(words)) if random.random() < strength]
    for place, source in zip(moved, random.permutation(moved).tolist(), strict=True):
        if place < source:
            words[place], words[source] = words[source], words[place]
    return space.join(words).encode("utf-8") if words else raw


for _kind in ("text", "sequence"):
    register_noise(Noise("typos", _kind, "the share of letters that are typed wrong", _typos))
register_noise(Noise("word_drop", "text", "the share of words that are lost", _word_drop))
register_noise(Noise("word_swap", "text", "the share of words that change places", _word_swap))
