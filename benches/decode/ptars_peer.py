"""Decodes Protobuf messages with ptars, as often as it is asked to.

ptars_peer.py DIRECTORY BATCH_ROWS: the directory has the files `files` (descriptors, those that are imported first),
`records` (messages of type Row) and `json` (the same rows), each a sequence of bytes behind their length (32 bits, the lowest
byte first). It says `ready` if what ptars makes of the records is what is in `json`. Then it decodes all of them for each line
that comes, and answers with what that took: nanoseconds on the clock, and of CPU time.
"""

import json
import pathlib
import struct
import sys
import time

import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool
from ptars import HandlerPool


def parts(path):
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        yield data[at : at + length]
        at += length


def message(files):
    pool = descriptor_pool.DescriptorPool()
    for serialized in files:
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(serialized))
    return pool.FindMessageTypeByName("Row")


def plain(value, data_type):
    """A value as JSON has it."""
    if value is None:
        return None
    if pa.types.is_map(data_type):
        return {key: plain(item, data_type.item_type) for key, item in value}
    if pa.types.is_list(data_type):
        return [plain(item, data_type.value_type) for item in value]
    if pa.types.is_struct(data_type):
        members = (data_type.field(place) for place in range(data_type.num_fields))
        return {member.name: plain(value[member.name], member.type) for member in members}
    return value


def rows(batch):
    columns = {}
    for name, column in zip(batch.schema.names, batch.columns):
        # Instants as nanoseconds.
        column = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        columns[name] = [plain(value, column.type) for value in column.to_pylist()]
    return [dict(zip(columns, values)) for values in zip(*columns.values())]


def main():
    directory, batch_rows = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    records = list(parts(directory / "records"))
    batches = [pa.array(records[at : at + batch_rows], pa.binary()) for at in range(0, len(records), batch_rows)]
    row = message(parts(directory / "files"))
    handler = HandlerPool([row.file]).get_for_message(row)
    found = (row for batch in batches for row in rows(handler.array_to_record_batch(batch)))
    expected = (json.loads(row) for row in parts(directory / "json"))
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        if one != other:
            sys.exit(f"row {number} is {one}, and should be {other}")
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        for batch in batches:
            handler.array_to_record_batch(batch)
        print(time.perf_counter_ns() - wall, time.process_time_ns() - cpu, flush=True)


if __name__ == "__main__":
    main()
