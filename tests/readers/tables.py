"""The tables of tables.json: what is produced, how it is read, and the cells that there have to be.

A column has a few values, which come again and again, so that what a reader finds at a wrong place is another value: their
number has nothing in common with the bits of a byte. Cells are written as tests/conformance/README.md says; what a record
has instead, if anything else, is `written`. Intervals are lists of their parts.
"""

import base64
import json
import pathlib
import struct
from decimal import Decimal

import nanoarrow
import pyarrow

DESCRIBED = json.loads(pathlib.Path(__file__).with_name("tables.json").read_text())
RECORD = DESCRIBED.pop("record")["columns"]
# As few as there can be: each topic has one description for its keys and one for its values.
TOPICS = {"avro_json": ("avro", "json"), "protobuf_processor": ("protobuf", "processor")}
# The chunks of a table have 64, 128 and 256 rows; that of a processor's has what a cycle brought.
ROWS = 300
# How many rows there are in front of those that a processor makes, which so have an offset in their arrays.
UNWANTED = 13
PROPERTIES = {
    "karrow.headers.column.name": "Headers",
    # The embedded cluster answers a request for records that are yet to come only when its time is over.
    "fetch.wait.max.ms": "2",
}


def repeated(values):
    return [values[row % len(values)] for row in range(ROWS)]


def columns_of(side):
    return DESCRIBED[side]["columns"]


def cells_of(topic):
    """All cells of a topic's columns, by name."""
    columns = {"KafkaPartition": [0] * ROWS, "KafkaOffset": list(range(ROWS))}
    for described in (RECORD, *map(columns_of, TOPICS[topic])):
        columns |= {name: repeated(column["cells"]) for name, column in described.items()}
    return columns


def spec_of(side):
    """A spec as conformance cases have it, but for that of the processor."""
    spec = DESCRIBED[side]["spec"]
    return {**spec, "columns": [[name, name] for name in columns_of(side)]} if side == "json" else spec


def payload(side, row):
    """A key or a value as karrow_mock_cluster_produce_records takes it."""
    if side == "processor":
        return str(UNWANTED + row)
    written = {name: values[row % len(values)] for name, values in written_of(columns_of(side)).items()}
    return json.dumps(written) if side == "json" else {"hex": " ".join(written.values())}


def written_of(columns):
    return {name: column.get("written", column["cells"]) for name, column in columns.items()}


def records_of(topic):
    written = written_of(RECORD)
    times, headers = written["KafkaTimestamp"], written["Headers"]
    return [
        {
            "key": payload(TOPICS[topic][0], row),
            "value": payload(TOPICS[topic][1], row),
            "timestamp_ms": times[row % len(times)],
            "headers": headers[row % len(headers)],
        }
        for row in range(ROWS)
    ]


# What a processor makes: types that no other spec has ----------------------------------------------------------------

TYPES = {
    "float16": pyarrow.float16(),
    "decimal32(9, 2)": pyarrow.decimal32(9, 2),
    "decimal64(18, 4)": pyarrow.decimal64(18, 4),
    "date64": pyarrow.date64(),
    "duration[s]": pyarrow.duration("s"),
    "duration[ms]": pyarrow.duration("ms"),
    "duration[us]": pyarrow.duration("us"),
    "interval[months, days, ns]": pyarrow.month_day_nano_interval(),
    "large_utf8": pyarrow.large_utf8(),
    "large_binary": pyarrow.large_binary(),
    "large_list<large_utf8>": pyarrow.large_list(pyarrow.large_utf8()),
    "large_list<bool>": pyarrow.large_list(pyarrow.bool_()),
    "fixed_size_list<bool>(3)": pyarrow.list_(pyarrow.bool_(), 3),
    "fixed_size_list<utf8>(2)": pyarrow.list_(pyarrow.utf8(), 2),
}
# pyarrow has no arrays of these. How a cell is laid out in memory:
INTERVALS = {
    "interval[months]": (nanoarrow.interval_months(), "<i"),
    "interval[days, ms]": (nanoarrow.interval_day_time(), "<ii"),
}


def made_array(name, cells):
    if name not in INTERVALS:
        kind = TYPES[name]
        if pyarrow.types.is_temporal(kind) and not pyarrow.types.is_interval(kind):
            return nanoarrow.c_array(pyarrow.array(cells, pyarrow.int64()).view(kind))
        return nanoarrow.c_array(pyarrow.array([made_value(cell, kind) for cell in cells], kind))
    schema, layout = INTERVALS[name]
    none = [0] * (len(layout) - 1)
    parts = [none if cell is None else cell if isinstance(cell, list) else [cell] for cell in cells]
    values = b"".join(struct.pack(layout, *numbers) for numbers in parts)
    validity = pyarrow.array([cell is not None for cell in cells]).buffers()[1]
    return nanoarrow.c_array_from_buffers(schema, len(cells), [validity, values], null_count=cells.count(None))


def made_value(cell, kind):
    if cell is None:
        return None
    if pyarrow.types.is_decimal(kind):
        return Decimal(cell)
    if pyarrow.types.is_floating(kind):
        return float(cell)
    if pyarrow.types.is_large_binary(kind):
        return base64.b64decode(cell)
    return tuple(cell) if pyarrow.types.is_interval(kind) else cell


def made_batch(names):
    """All rows of columns of the processor's, behind those that nobody wants."""
    cells = {name: repeated(columns_of("processor")[name]["cells"]) for name in names}
    arrays = {name: made_array(name, column[-UNWANTED:] + column) for name, column in cells.items()}
    schema = nanoarrow.struct({name: array.schema for name, array in arrays.items()})
    children = list(arrays.values())
    return pyarrow.record_batch(nanoarrow.c_array_from_buffers(schema, UNWANTED + ROWS, [None], children=children))
