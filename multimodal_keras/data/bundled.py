"""The sample records that come with the package."""

from __future__ import annotations

from pathlib import Path

from multimodal_keras.data.readers import read
from multimodal_keras.data.records import Records
from multimodal_keras.errors import DataError

_CLIPART = Path(__file__).parent / "clipart" / "records.csv"


def clipart() -> Records:
    """Drawings in the public domain with their titles: pictures, text and labels to try everything with.

    Returns:
        Records with the columns `image` (a path), `title`, `description` (often empty), `subject` (a class), `split`
        (`"train"`, `"valid"` or `"test"`), `colourful` (a number) and `group` (drawings that belong together).

    Raises:
        DataError: if the package was installed without them.

    Example:

    >>> import multimodal_keras as mk
    >>> train = mk.data.clipart().where(split="train")
    >>> "subject" in train.fields
    True
    """
    if not _CLIPART.exists():
        raise DataError(
            f"The sample records come with the package. Received none in {_CLIPART.parent}. Install the package again."
        )
    return read(_CLIPART)
