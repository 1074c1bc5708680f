"""Readers of Arrow data in this process, and programs that are readers of others.

All are asked the same: an object in JSON has the topics' `options`, a file of `arrows` that has what the processor makes,
and `tables`: each a topic with specs for `key` and `value`, a `kind` with its `capacity`, how many `rows` there are, and
`reads`. A read has the `columns` of a view, and is an `array` of all rows, or a stream of them, or of the `rows` from one to
before another; of a blink table it is one of every cycle. The answer has for each table the answers to its reads: `cells`
by column, or an `error`.
"""

import base64
import gc
import json
import os
import subprocess

import duckdb
import polars
import pyarrow
import pyarrow.types as types

import karrow

SECONDS = 60


class Failed(Exception):
    """A program that has no answer."""


class Program:
    """A program in another language, which prints its answer."""

    def __init__(self, variable):
        self.path = os.environ[variable]

    def __call__(self, question, folder):
        file = folder / "question.json"
        file.write_text(json.dumps(question))
        ended = subprocess.run([self.path, file], capture_output=True, text=True, timeout=SECONDS)
        if ended.returncode != 0:
            raise Failed(f"{self.path} has ended with {ended.returncode}: {ended.stderr}")
        return json.loads(ended.stdout, parse_int=integer)


def integer(digits):
    """A float that is a whole number may be written as one."""
    return -0.0 if digits == "-0" else int(digits)


class InProcess:
    """A reader in Python, which makes columns of pyarrow's of what it has read from what karrow exports."""

    def __init__(self, columns_of):
        self.columns_of = columns_of

    def __call__(self, question, _):
        before = pyarrow.total_allocated_bytes()
        answers = self.answers(question)
        gc.collect()
        left = pyarrow.total_allocated_bytes() - before
        assert left == 0, f"{left} bytes of what the processor made have not been released"
        return answers

    def answers(self, question):
        made = made_batch(question["arrows"])
        return [self.read_table(table, question["options"], made) for table in question["tables"]]

    def read_table(self, table, properties, made):
        kind = {"blink": karrow.BLINK, "append": karrow.APPEND, "ring": karrow.RING}[table["kind"]]
        specs = [made_spec(table[side], made) for side in ("key", "value")]
        answers = [{} for _ in table["reads"]]
        with karrow.Options(None, table["topic"], *specs, kind, table["capacity"], properties) as options:
            with karrow.Consumer(options) as consumer:
                left = table["rows"]
                while left > 0:
                    rows, snapshot = consumer.poll(30_000)
                    assert rows > 0, f"{left} more rows should come"
                    left -= rows
                    with snapshot:
                        if left == 0 or table["kind"] == "blink":
                            for read, answer in zip(table["reads"], answers):
                                self.read(snapshot, read, answer)
        return answers

    def read(self, snapshot, read, answer):
        with snapshot.view(*read["columns"]) as view:
            exported = view.array(0) if read.get("array") else view.stream(0, *read.get("rows", ()))
            try:
                columns = self.columns_of(exported)
                schema = pyarrow.schema(view.schema())
                for name, column in columns.items():
                    answer.setdefault("cells", {}).setdefault(name, []).extend(cells(column, schema.field(name).type))
            # A panic of Rust's is no Exception.
            except BaseException as error:
                answer["error"] = f"{type(error).__name__}: {error}"
            finally:
                # Who refuses a stream may have left it where it is.
                karrow.release(exported.struct)


def made_batch(path):
    """What the processor makes, in memory that pyarrow counts."""
    before = pyarrow.total_allocated_bytes()
    with pyarrow.OSFile(path) as file:
        made = pyarrow.ipc.open_stream(file).read_next_batch()
    assert pyarrow.total_allocated_bytes() > before, "what the processor makes is not in the memory that is looked at"
    return made


def made_spec(described, made):
    kind = described["spec"]
    if kind == "processor":
        schema = karrow.Schema()
        made.schema._export_to_c(karrow.address(schema.struct))
        return karrow.Processor(schema, lambda payloads: rows_of(made, payloads))
    if kind == "json":
        spec = karrow.Spec("json")
        for column in described["columns"]:
            spec.add_column(*column)
        return spec
    if kind == "protobuf":
        return karrow.Spec("protobuf_source", "values.proto", "\n".join(described["source"]), None)
    spec = karrow.Spec("avro_schema", json.dumps(described["schema"]))
    for key, setting in described["set"].items():
        spec.set(key, setting)
    return spec


def rows_of(made, payloads):
    """The rows that payloads are the numbers of: they come one after the other."""
    numbers = pyarrow.record_batch(payloads).column(0)
    rows, array = made.slice(int(numbers[0].as_py()), len(numbers)), karrow.Array()
    rows._export_to_c(karrow.address(array.struct), karrow.address(array.schema.struct))
    return array


# What readers have read, as columns of pyarrow's -----------------------------------------------------------------------


def with_pyarrow(exported):
    if isinstance(exported, karrow.Array):
        table = pyarrow.Table.from_batches([pyarrow.record_batch(exported)])
    else:
        table = pyarrow.RecordBatchReader.from_stream(exported).read_all()
    table.validate(full=True)
    return columns_of(table)


def with_polars(exported):
    return columns_of(polars.DataFrame(exported).to_arrow())


def with_duckdb(exported):
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        return columns_of(database.sql("select * from exported").to_arrow_table())


def columns_of(table):
    return {name: table.column(name).combine_chunks() for name in table.column_names}


# Cells -----------------------------------------------------------------------------------------------------------------


def cells(array, kind):
    """The cells of an array that a reader has made of one of karrow's, of this type: conformance cases write them so."""
    found = array.type
    if types.is_dictionary(found):
        return cells(array.dictionary_decode(), kind.value_type if types.is_dictionary(kind) else kind)
    if types.is_union(found):
        # Children are as long as they have to be, whatever the array's own length.
        children = [cells(array.field(index), kind.field(index).type) for index in range(kind.num_fields)]
        places = zip(array.type_codes.to_pylist(), array.offsets.to_pylist())
        return [{kind.field(code).name: children[code][place]} for code, place in places]
    return [cell if valid else None for cell, valid in zip(values(array, kind), array.is_valid().to_pylist())]


def values(array, kind):
    """The same, with anything for what is null."""
    found = array.type
    if types.is_fixed_size_list(found):
        items = cells(array.values, kind.value_type)
        begins = range(array.offset * found.list_size, (array.offset + len(array)) * found.list_size, found.list_size)
        return [items[begin : begin + found.list_size] for begin in begins]
    if types.is_map(kind):
        entries = zip(cells(array.keys, kind.key_type), cells(array.items, kind.item_type))
        return slices(array, [list(entry) for entry in entries])
    if types.is_list(found) or types.is_large_list(found):
        return slices(array, cells(array.values, kind.value_type))
    if types.is_struct(found):
        columns = {field.name: cells(array.field(field.name), field.type) for field in kind}
        return [dict(zip(columns, row)) for row in zip(*columns.values())]
    if types.is_binary(found) or types.is_large_binary(found) or types.is_fixed_size_binary(found):
        return [base64.b64encode(value or b"").decode() for value in array.to_pylist()]
    if types.is_decimal(found):
        return [None if value is None else format(value, "f") for value in array.to_pylist()]
    if types.is_interval(found):
        return [value and interval(value, kind) for value in array.to_pylist()]
    if types.is_temporal(kind):
        # A reader may have another unit for it; a value that it could not hold is an error here.
        array = array.cast(kind)
        return array.view(pyarrow.int32() if kind.bit_width == 32 else pyarrow.int64()).to_pylist()
    return array.to_pylist()


def interval(value, kind):
    """A duration or months are the same type to DuckDB as what has all parts."""
    if types.is_duration(kind):
        return value.nanoseconds // {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[kind.unit]
    return value.months if kind.id == pyarrow.lib.Type_INTERVAL_MONTHS else list(value)


def slices(array, items):
    ends = array.offsets.to_pylist()
    return [items[begin:end] for begin, end in zip(ends, ends[1:])]
