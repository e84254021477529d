"""What a client did wrong, as a status and a sentence."""

from __future__ import annotations

from typing import Any

from multimodal_keras.runtime.reasons import own_sentence

_LONGEST = 60
_JSON_TYPES = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
_NOT_USABLE = (
    "A value must be what its input says. Received one that the model cannot use: a damaged file, one that ends too "
    "early, or a number out of range. Send whole files, and numbers as the contract has them."
)
_INTERNAL = "The model could not answer. The server's log says why."

# Status by TensorFlow's error code, as TensorFlow Serving answers.
_STATUS = {3: 400, 9: 400, 11: 400, 5: 404, 7: 403, 16: 401, 10: 409, 8: 429, 12: 501, 14: 503, 4: 504}


class Refusal(Exception):  # noqa: N818 (it is an answer)
    """A request that gets an error as its answer.

    Args:
        message: one line for the client; never the text of somebody else's exception.
        status: of HTTP.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    def at(self, place: str) -> Refusal:
        """The same, with the place in the request in front."""
        return Refusal(f"{place}: {self.message}", self.status)


def json_type(value: Any) -> str:
    """What a parsed JSON value is, in JSON's words."""
    return _JSON_TYPES.get(type(value), "something else")


def shorten(name: str) -> str:
    """A name that a client sent, quoted, printable and short."""
    return repr(name if len(name) <= _LONGEST else name[:_LONGEST] + "...").encode("ascii", "backslashreplace").decode()


def explain(error: Exception) -> Refusal:
    """A refusal for an error that came out of a model.

    TensorFlow's text carries Python stacks and paths: of it only the sentence is taken that the exported graph's own
    checks hold.

    Args:
        error: what was raised.

    Returns:
        Status 400 and its sentence if the values are at fault, otherwise TensorFlow Serving's status for its code, 500
        without one.
    """
    status = _STATUS.get(getattr(error, "error_code", None) or 0, 500)
    if status != 400:
        return Refusal(_INTERNAL, status)
    return Refusal(own_sentence(error) or _NOT_USABLE)


def without_frames(error: Exception) -> Exception:
    """The same error without where it came from.

    Its frames hold what the client sent. Whatever they hold that holds the error as well is in memory until Python looks
    for cycles, which it does seldom beside TensorFlow's million objects.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
