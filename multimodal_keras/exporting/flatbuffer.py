"""Write a flatbuffer from its tables, without code that is generated from a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np

# Slot (the place of a field in its table's schema) to what is there.
Table = Mapping[int, Any]


def flatbuffer(table: Table, identifier: bytes) -> bytes:
    """A flatbuffer with this table as its root.

    Args:
        table: slot to a text, a table, a list of tables, an array of numbers, `np.uint8` (also for enumerations, and for the
            type of a union, whose slot is just before its value's), or `np.uint32`. What is None is left out.
        identifier: four bytes that tell the schema.

    Returns:
        The same bytes for the same table.
    """
    builder = flatbuffers.Builder(0)
    builder.Finish(_table(builder, table), identifier)
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, table: Table) -> int:
    fields = {slot: value for slot, value in table.items() if value is not None}
    # What a table points at has to be complete before the table is begun.
    offsets = {
        slot: _offset(builder, value) for slot, value in fields.items() if not isinstance(value, np.unsignedinteger)
    }
    builder.StartObject(max(fields, default=-1) + 1)
    for slot, value in fields.items():
        if slot in offsets:
            builder.PrependUOffsetTRelativeSlot(slot, offsets[slot], 0)
        elif isinstance(value, np.uint8):
            builder.PrependUint8Slot(slot, int(value), 0)
        else:
            builder.PrependUint32Slot(slot, int(value), 0)
    return builder.EndObject()


def _offset(builder: flatbuffers.Builder, value: Any) -> int:
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    if isinstance(value, Mapping):
        return _table(builder, value)
    offsets = [_table(builder, item) for item in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()
