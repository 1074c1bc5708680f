"""Every type that karrow makes, read by every reader of Arrow data: whole, from the middle of a chunk to the middle of
another, and of rings of which the oldest chunk is cut.
"""

import functools
import json
import math
import pathlib
import tempfile
import unittest

import pyarrow

import karrow
import readers
import tables

READERS = {
    "pyarrow": readers.InProcess(readers.with_pyarrow),
    "polars": readers.InProcess(readers.with_polars),
    "DuckDB": readers.InProcess(readers.with_duckdb),
    "Arrow C++": readers.Program("KARROW_READER_CPP"),
    "arrow-go": readers.Program("KARROW_READER_GO"),
    "arrow-java": readers.Program("KARROW_READER_JAVA"),
}

# What readers do not take, by column, and how they say so. The test fails once they take it.
REFUSED = {
    # Arrow C++ has arrays of these, for which there is nothing in Python.
    "pyarrow": {"interval[months]": "KeyError: 21", "interval[days, ms]": "KeyError: 22"},
    "polars": {
        "decimal256(39, 0)": "operator does not support primitive `Int256`",
        "decimal256(76, 10)": "operator does not support primitive `Int256`",
        # It takes their values for such of 16 bytes.
        "decimal32(9, 2)": "called `Option::unwrap()` on a `None` value",
        "decimal64(18, 4)": "called `Option::unwrap()` on a `None` value",
        "empty": "FixedSizeBinaryArray expects a positive size",
        "union": "Arrow datatype Union",
        "unions": "Arrow datatype Union",
        "interval[months]": "Arrow datatype Interval(YearMonth) not supported by Polars",
        "interval[days, ms]": "operator does not support primitive `DaysMs`",
        "interval[months, days, ns]": "could not import from `month_day_nano_interval` type",
    },
    "DuckDB": {
        "float16": "Unsupported Internal Arrow Type e",
        "decimal256(39, 0)": "Unsupported Internal Arrow Type for Decimal d:39,0,256",
        "decimal256(76, 10)": "Unsupported Internal Arrow Type for Decimal d:76,10,256",
        "union": 'Unsupported Internal Arrow Type: "d" Union',
        "unions": 'Unsupported Internal Arrow Type: "d" Union',
        # It takes days and milliseconds for one number.
        "interval[days, ms]": "Could not convert Interval to Microsecond",
    },
    "arrow-go": {"empty": "fixed-size binary byte width must be positive"},
    "arrow-java": {"empty": "java.lang.ArithmeticException: / by zero"},
}

# What readers cannot even make, as a processor has to, and how they say so.
UNKNOWN = {
    "arrow-java": {
        "decimal32(9, 2)": "Library only supports 128-bit and 256-bit decimal values",
        "decimal64(18, 4)": "Library only supports 128-bit and 256-bit decimal values",
    },
}


def in_microseconds(nanoseconds):
    """What is left of them."""
    if nanoseconds is None or nanoseconds >= 0:
        return nanoseconds and nanoseconds // 1000 * 1000
    return -in_microseconds(-nanoseconds)


# What readers change, by column: what becomes of a cell. The test fails once they do not.
CHANGED = {
    # Its intervals, which durations are too, have microseconds.
    "DuckDB": {
        "duration": in_microseconds,
        "durations": lambda cells: [in_microseconds(cell) for cell in cells],
        "interval[months, days, ns]": lambda cell: cell and [*cell[:2], in_microseconds(cell[2])],
    },
    # It makes another number of the bits of a subnormal one.
    "arrow-go": {"float16": lambda cell: 2.0**-136 if cell == 2.0**-24 else cell},
}

# All that is read of a topic: a kind of table with its capacity, and the reads. Chunks begin at rows 64 and 192.
PARTS = (
    ("append", 0, ({}, {"array": True}, {"rows": [5, 300]}, {"rows": [70, 203]})),
    # The oldest chunk still grows, is cut and copied, is cut and shared.
    ("ring", 101, ({}, {"array": True})),
    ("ring", 150, ({}, {"array": True})),
    ("ring", 200, ({}, {"array": True}, {"rows": [109, 251]})),
    ("blink", 0, ({},)),
)

# All formats of the C Data Interface, without what is behind a colon, but of decimals with their bits.
FORMATS = set(
    "n b c C s S i I l L e f g z Z vz u U vu d32 d64 d128 d256 w tdD tdm tts ttm ttu ttn tss tsm tsu tsn tDs tDm tDu tDn "
    "tiM tiD tin +l +L +vl +vL +w +s +m +ud +us +r dictionary".split()
)
# Those of types that karrow does not make: views, sparse unions and runs.
NOT_MADE = set("vz vu +vl +vL +us +r".split())


def setUpModule():
    global cluster, folder
    cluster = karrow.Cluster()
    unittest.addModuleCleanup(cluster.free)
    for topic in tables.TOPICS:
        cluster.create_topic(topic, 1)
        cluster.produce_records(topic, tables.records_of(topic))
    folder = pathlib.Path(unittest.enterModuleContext(tempfile.TemporaryDirectory()))


def file_of(names):
    """A file with these columns of the processor's."""
    batch, file = tables.made_batch(names), folder / "made.arrows"
    with pyarrow.ipc.new_stream(str(file), batch.schema) as writer:
        writer.write_batch(batch)
    return str(file)


def question_for(reader):
    asked = []
    unknown = UNKNOWN.get(reader, {})
    for topic, (key, value) in tables.TOPICS.items():
        names = [name for name in tables.cells_of(topic) if name not in unknown]
        refused = [name for name in names if name in REFUSED.get(reader, {})]
        columns = [name for name in names if name not in refused]
        for kind, capacity, parts in PARTS:
            reads = [{"columns": columns, **part} for part in parts if not (reader == "DuckDB" and "array" in part)]
            if kind == "append":
                # Few rows: polars reads behind what it takes for wider values.
                reads += [{"columns": [name], "rows": [0, 5]} for name in refused]
            sides = {"key": tables.spec_of(key), "value": tables.spec_of(value)}
            asked.append({"topic": topic, **sides, "kind": kind, "capacity": capacity, "rows": tables.ROWS, "reads": reads})
    properties = {"bootstrap.servers": cluster.servers(), **tables.PROPERTIES}
    made = [name for name in tables.columns_of("processor") if name not in unknown]
    return {"options": properties, "arrows": file_of(made), "tables": asked}


def format_of(text):
    kind, _, details = text.partition(":")
    # Of a decimal precision, scale, and bits, which are 128 unless they are said.
    return kind + [*details.split(","), "128"][2] if kind == "d" else kind


@functools.cache
def expected_of(reader, topic):
    """All cells of a topic's columns as they are compared, with what a reader changes."""
    same, changed = lambda cell: cell, CHANGED.get(reader, {})
    columns = tables.cells_of(topic).items()
    return {name: [shown(changed.get(name, same)(cell)) for cell in cells] for name, cells in columns}


def shown(cell):
    """A cell as it is compared: a float that is a whole number may come as one."""
    return json.dumps(plain(cell), ensure_ascii=False, sort_keys=True)


def plain(cell):
    if isinstance(cell, list):
        return [plain(item) for item in cell]
    if isinstance(cell, dict):
        return {name: plain(member) for name, member in cell.items()}
    if not isinstance(cell, float) or cell == 0 and math.copysign(1, cell) < 0:
        return cell
    if math.isnan(cell):
        return "NaN"
    if math.isinf(cell):
        return "Infinity" if cell > 0 else "-Infinity"
    return int(cell) if cell.is_integer() else cell


class EveryType(unittest.TestCase):
    def check(self, reader):
        question = question_for(reader)
        answers = READERS[reader](question, folder)
        self.assertEqual(len(answers), len(question["tables"]))
        for table, answer in zip(question["tables"], answers):
            self.assertEqual(len(answer), len(table["reads"]))
            for read, found in zip(table["reads"], answer):
                part = {name: said for name, said in read.items() if name != "columns"}
                with self.subTest(topic=table["topic"], kind=table["kind"], capacity=table["capacity"], **part):
                    self.check_read(reader, table, read, found)

    def check_read(self, reader, table, read, found):
        names = read["columns"]
        refusal = REFUSED.get(reader, {}).get(names[0])
        if refusal is not None:
            self.assertIn(refusal, found.get("error", "nothing"), f"{reader} should refuse {names[0]}")
            return
        columns = expected_of(reader, table["topic"])
        self.assertNotIn("error", found)
        self.assertEqual(sorted(found["cells"]), sorted(names))
        first = tables.ROWS - table["capacity"] if table["kind"] == "ring" else 0
        begin, end = read.get("rows", (first, tables.ROWS))
        differences = []
        for name in names:
            expected, cells = columns[name][begin:end], [shown(cell) for cell in found["cells"][name]]
            if len(cells) != len(expected):
                differences.append(f"{reader}: {name}: {len(cells)} rows, not {len(expected)}")
            elif cells != expected:
                at = next(at for at, cell in enumerate(cells) if cell != expected[at])
                differences.append(f"{reader}: {name}, row {begin + at}: {cells[at]}, not {expected[at]}")
        if differences:
            self.fail("\n".join(differences))

    def test_no_type_is_missing(self):
        formats = set()
        made = readers.made_batch(file_of(tables.columns_of("processor")))
        for topic, sides in tables.TOPICS.items():
            specs = [readers.made_spec(tables.spec_of(side), made) for side in sides]
            with karrow.Options(cluster, topic, *specs, properties=tables.PROPERTIES) as options:
                schema = options.schema()
            # The first is the table itself.
            for level in list(karrow.every_level(schema.struct))[1:]:
                formats.add("dictionary" if level.dictionary else format_of(level.format.decode()))
        self.assertEqual(formats, FORMATS - NOT_MADE)

    def test_every_array_has_offset_0_at_every_level(self):
        def check(exported):
            for array in [exported] if isinstance(exported, karrow.Array) else exported.arrays():
                self.assertEqual({level.offset for level in karrow.every_level(array.struct)}, {0})
            return {}

        for answer in readers.InProcess(check)(question_for("nobody"), folder):
            self.assertEqual(answer, [{}] * len(answer))

    def test_pyarrow(self):
        self.check("pyarrow")

    def test_polars(self):
        self.check("polars")

    def test_duckdb(self):
        self.check("DuckDB")

    def test_arrow_cpp(self):
        self.check("Arrow C++")

    def test_arrow_go(self):
        self.check("arrow-go")

    def test_arrow_java(self):
        self.check("arrow-java")

    def test_what_readers_cannot_make(self):
        for reader, unknown in UNKNOWN.items():
            for name, refusal in unknown.items():
                with self.subTest(reader=reader, column=name), self.assertRaisesRegex(readers.Failed, refusal):
                    READERS[reader]({"options": {}, "arrows": file_of([name]), "tables": []}, folder)


if __name__ == "__main__":
    unittest.main()
