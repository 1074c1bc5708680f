"""Reads what a test in Go has written: NAME.arrows, a stream of Arrow batches, and NAME.json, the cells that it has to have.

    read_ipc.py FOLDER

Prints how many files there were; one that differs ends it.
"""

import base64
import json
import pathlib
import sys

import pyarrow
import pyarrow.types as types


def cells(array):
    """The cells of an array as cases write them: tests/conformance/README.md."""
    kind = array.type
    if types.is_dictionary(kind):
        return cells(array.dictionary_decode())
    if types.is_union(kind):
        # Children are as long as they have to be, whatever the array's own length.
        names = [kind.field(index).name for index in range(kind.num_fields)]
        children = [cells(array.field(index)) for index in range(kind.num_fields)]
        places = zip(array.type_codes.to_pylist(), array.offsets.to_pylist())
        return [{names[code]: children[code][place]} for code, place in places]
    return [cell if valid else None for cell, valid in zip(values(array, kind), array.is_valid().to_pylist())]


def values(array, kind):
    """The same, with anything for what is null."""
    if types.is_list(kind):
        return slices(array, cells(array.values))
    if types.is_map(kind):
        return slices(array, [list(entry) for entry in zip(cells(array.keys), cells(array.items))])
    if types.is_struct(kind):
        names = [kind.field(index).name for index in range(kind.num_fields)]
        columns = [cells(array.field(index)) for index in range(kind.num_fields)]
        return [dict(zip(names, row)) for row in zip(*columns)]
    if types.is_binary(kind) or types.is_fixed_size_binary(kind):
        return [base64.b64encode(value or b"").decode() for value in array.to_pylist()]
    if types.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in array.to_pylist()]
    if types.is_date32(kind) or types.is_time32(kind):
        return array.cast(pyarrow.int32()).to_pylist()
    if types.is_time64(kind) or types.is_timestamp(kind) or types.is_duration(kind):
        return array.cast(pyarrow.int64()).to_pylist()
    return array.to_pylist()


def slices(array, items):
    ends = array.offsets.to_pylist()
    return [items[begin:end] for begin, end in zip(ends, ends[1:])]


def check(path):
    with pyarrow.ipc.open_stream(path) as reader:
        found = {name: [] for name in reader.schema.names}
        for batch in reader:
            batch.validate(full=True)
            for name, column in zip(batch.schema.names, batch.columns):
                found[name] += cells(column)
    expected = json.loads(path.with_suffix(".json").read_text())
    for name in expected.keys() | found.keys():
        if found.get(name) != expected.get(name):
            pairs = zip(found.get(name) or [], expected.get(name) or [])
            row = next((row for row, (one, other) in enumerate(pairs) if one != other), "the number of rows")
            sys.exit(f"{path.name}: column {name} differs at {row}")


files = sorted(pathlib.Path(sys.argv[1]).glob("*.arrows"))
for file in files:
    check(file)
print(len(files), "files")
