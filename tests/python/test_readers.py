"""Which rows karrow hands out, read by independent implementations of Arrow; tests/readers has all types.

Everything comes from an embedded cluster and leaves through the C interfaces. Names in comments (Y4, R2) are those of
the rules that a test shows.
"""

import ctypes
import gc
import struct
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import duckdb
import nanoarrow
import polars
import pyarrow

import karrow


def with_pyarrow(stream):
    table = pyarrow.RecordBatchReader.from_stream(stream).read_all()
    table.validate(full=True)
    return [tuple(row.values()) for row in table.to_pylist()]


def with_nanoarrow(stream):
    return [tuple(row.values()) for row in nanoarrow.ArrayStream(stream).read_all().to_pylist()]


def with_polars(stream):
    return polars.DataFrame(stream).rows()


def with_duckdb(stream):
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        return database.sql("select * from stream").fetchall()


READERS = {"pyarrow": with_pyarrow, "nanoarrow": with_nanoarrow, "polars": with_polars, "duckdb": with_duckdb}

COLUMNS = {
    "receivetime": "ReceiveTime",
    "keybytes": "KeyBytes",
    "valuebytes": "ValueBytes",
    "headers": "Headers",
    "timestamptype": "TimestampType",
    "leaderepoch": "LeaderEpoch",
}
PROPERTIES = {f"karrow.{column}.column.name": name for column, name in COLUMNS.items()}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST_MS = 1_700_000_000_000
# How many records each partition of the topic `rows` has: more than one chunk of a small ring, none, a few.
COUNTS = (2500, 0, 10)


def setUpModule():
    global cluster, expected
    cluster = karrow.Cluster()
    unittest.addModuleCleanup(cluster.free)
    cluster.create_topic("rows", len(COUNTS))
    expected = [produce(partition, count) for partition, count in enumerate(COUNTS)]


def produce(partition, count):
    """Produces records with many nulls and empty texts. Returns the rows to expect, by offset."""

    def one(number):
        key = (None, "", f"key {number}", "ключ")[number % 4]
        value = None if number % 3 == 1 else number * 10**12 - 1
        key_bytes = None if key is None else key.encode()
        value_bytes = None if value is None else struct.pack(">q", value)
        ms = FIRST_MS + number
        offset = cluster.produce("rows", partition, key_bytes, value_bytes, ms)
        time = EPOCH + timedelta(milliseconds=ms)
        sizes = (None if payload is None else len(payload) for payload in (key_bytes, value_bytes))
        return (partition, offset, time, *sizes, [], "CreateTime", 0, key, value)

    # Each waits for its acknowledgement, so that one after the other would take long.
    with ThreadPoolExecutor(16) as threads:
        return sorted(threads.map(one, range(count)), key=lambda row: row[1])


def rows_options(table_type, capacity=0):
    return karrow.Options(cluster, "rows", "utf8", "int64", table_type, capacity, PROPERTIES)


def without_receive_time(snapshot):
    """Nobody knows beforehand what that column holds."""
    names = [field.name for field in pyarrow.schema(snapshot.schema())]
    return snapshot.view(*(name for name in names if name != "ReceiveTime"))


def read(consumer, count):
    """Polls until that many rows have come. Returns the last cycle's snapshot."""
    while True:
        rows, snapshot = consumer.poll(30_000)
        assert rows > 0, f"{count} more rows should come"
        count -= rows
        if count <= 0:
            return snapshot
        snapshot.free()


def batches(stream):
    return list(pyarrow.RecordBatchReader.from_stream(stream))


def addresses(batch, column):
    return [buffer and buffer.address for buffer in batch.column(column).buffers()]


class Case(unittest.TestCase):
    def table(self, options):
        """A consumer of these options."""
        with options:
            return self.enterContext(karrow.Consumer(options))

    def keep(self, handle):
        return self.enterContext(handle)

    def check(self, rows, export, *arguments):
        """That every reader finds these rows in a stream that the export makes."""
        for name, reader in READERS.items():
            with self.subTest(reader=name):
                self.assertEqual(reader(export(*arguments)), rows)


class AppendTable(Case):
    @classmethod
    def setUpClass(cls):
        cls.begun_ns = time.time_ns()
        with rows_options(karrow.APPEND) as options:
            cls.consumer = cls.enterClassContext(karrow.Consumer(options))
        cls.snapshot = cls.enterClassContext(read(cls.consumer, sum(COUNTS)))
        cls.view = cls.enterClassContext(without_receive_time(cls.snapshot))

    def test_streams_have_every_row(self):
        for partition, rows in enumerate(expected):
            with self.subTest(partition=partition):
                self.check(rows, self.view.stream, partition)

    def test_streams_may_begin_and_end_within_a_chunk(self):
        # Y4. Bits are rebuilt at any position, so positions on both sides of a byte.
        for from_row, end_row in ((1, 2500), (7, 9), (8, 17), (9, 9), (1023, 1026), (2499, 2500), (2500, 2500)):
            with self.subTest(from_row=from_row, end_row=end_row):
                self.check(expected[0][from_row:end_row], self.view.stream, 0, from_row, end_row)

    def test_arrays_have_every_row(self):
        for partition, rows in enumerate(expected):
            with self.subTest(partition=partition):
                batch = pyarrow.record_batch(self.view.array(partition))
                batch.validate(full=True)
                self.assertEqual([tuple(row.values()) for row in batch.to_pylist()], rows)
                array = nanoarrow.Array(self.view.array(partition))
                self.assertEqual([tuple(row.values()) for row in array.to_pylist()], rows)
                self.assertEqual(polars.DataFrame(self.view.array(partition)).rows(), rows)

    def test_merged_rows_come_by_partition_then_row(self):
        # Y6
        self.check(expected[0] + expected[2], self.view.merged)
        self.check(expected[0][2001:] + expected[2][3:], self.view.merged, (2001, 0, 3))

    def test_views_choose_and_rename(self):
        # Y12
        view = self.keep(self.view.view("Renamed=KafkaValue", "KafkaKey", "Twice=KafkaKey"))
        rows = [(value, key, key) for *_, key, value in expected[2]]
        self.check(rows, view.stream, 2)
        batch = pyarrow.record_batch(view.array(2))
        self.assertEqual(batch.schema.names, ["Renamed", "KafkaKey", "Twice"])
        self.assertEqual([tuple(row.values()) for row in batch.to_pylist()], rows)

    def test_receive_times_are_the_wall_clocks_at_reading(self):
        view = self.keep(self.snapshot.view("ReceiveTime"))
        table = pyarrow.RecordBatchReader.from_stream(view.stream(0)).read_all()
        self.assertEqual(table.schema.field(0).type, pyarrow.timestamp("ns", "UTC"))
        times = table.column(0).cast(pyarrow.int64()).to_pylist()
        self.assertEqual(len(times), COUNTS[0])
        self.assertTrue(self.begun_ns <= min(times) and max(times) <= time.time_ns())

    def test_columns_have_their_types(self):
        # K6
        header = pyarrow.struct([pyarrow.field("key", pyarrow.utf8(), False), pyarrow.field("value", pyarrow.binary())])
        utc = pyarrow.timestamp("ns", "UTC")
        self.assertEqual(
            [(field.name, field.type, field.nullable) for field in pyarrow.schema(self.snapshot.schema())],
            [
                ("KafkaPartition", pyarrow.int32(), False),
                ("KafkaOffset", pyarrow.int64(), False),
                ("KafkaTimestamp", utc, True),
                ("ReceiveTime", utc, True),
                ("KeyBytes", pyarrow.int32(), True),
                ("ValueBytes", pyarrow.int32(), True),
                ("Headers", pyarrow.list_(pyarrow.field("item", header, False)), True),
                ("TimestampType", pyarrow.utf8(), True),
                ("LeaderEpoch", pyarrow.int32(), True),
                ("KafkaKey", pyarrow.utf8(), True),
                ("KafkaValue", pyarrow.int64(), True),
            ],
        )

    def test_the_schema_is_the_same_wherever_it_comes_from(self):
        # Y7: byte for byte, metadata included.
        with rows_options(karrow.APPEND) as options:
            schemas = [options.schema()]
        schemas += [self.consumer.schema(), self.snapshot.schema(), self.snapshot.merged().schema()]
        for partition in range(len(COUNTS)):
            schemas += [self.snapshot.stream(partition).schema(), self.snapshot.array(partition).schema]
        first, *others = [as_values(schema.struct) for schema in schemas]
        for other in others:
            self.assertEqual(other, first)

    def test_every_array_has_offset_0_at_every_level(self):
        for from_row in (0, 1, 8, 13, 2499):
            for array in self.snapshot.stream(0, from_row).arrays():
                self.assertEqual({level.offset for level in karrow.every_level(array.struct)}, {0})
        array = self.snapshot.array(0)
        self.assertEqual({level.offset for level in karrow.every_level(array.struct)}, {0})

    def test_an_empty_partition_is_a_schema_without_batches_and_an_array_with_real_buffers(self):
        # Y8
        stream = self.snapshot.stream(1)
        self.assertEqual(len(list(stream.arrays())), 0)
        array = self.snapshot.array(1)
        self.assertEqual(array.struct.length, 0)
        for level in karrow.every_level(array.struct):
            # The first is the validity bitmap, which may be left out.
            self.assertTrue(all(level.buffers[1 : level.n_buffers]))

    def test_a_range_without_rows_has_no_batches(self):
        # Y8
        for row in (0, 9, 2500):
            with self.subTest(row=row):
                self.assertEqual(len(list(self.snapshot.stream(0, row, row).arrays())), 0)

    def test_the_same_rows_are_the_same_memory(self):
        first, again = batches(self.view.stream(0)), batches(self.keep(self.consumer.poll(0)[1]).stream(0))
        self.assertEqual([batch.num_rows for batch in first], [batch.num_rows for batch in again])
        for column in ("KafkaOffset", "KafkaTimestamp", "Headers", "KafkaKey", "KafkaValue"):
            with self.subTest(column=column):
                for one, other in zip(first, again, strict=True):
                    self.assertEqual(addresses(one, column), addresses(other, column))

    def test_rows_from_within_a_chunk_are_the_same_memory_further_on(self):
        whole, later = batches(self.view.stream(0))[0], batches(self.view.stream(0, 13))[0]
        for column, width in (("KafkaPartition", 4), ("KafkaOffset", 8), ("KafkaValue", 8), ("KafkaKey", 4)):
            with self.subTest(column=column):
                self.assertEqual(addresses(later, column)[1], addresses(whole, column)[1] + 13 * width)
        self.assertEqual(addresses(later, "KafkaKey")[2], addresses(whole, "KafkaKey")[2])

    def test_an_array_is_put_together_once(self):
        arrays = [pyarrow.record_batch(snapshot.array(0)) for snapshot in (self.view, self.view, self.snapshot)]
        for column in ("KafkaOffset", "KafkaKey", "KafkaValue"):
            with self.subTest(column=column):
                first, *others = [addresses(batch, column) for batch in arrays]
                self.assertEqual(others, [first, first])


def as_values(schema):
    """All that a schema says."""
    children = [as_values(child.contents) for child in schema.children[: schema.n_children]]
    return schema.format, schema.name, metadata(schema.metadata), schema.flags, children


def metadata(address):
    """Keys and values in the order in which they stand there."""
    if not address:
        return None
    texts = []

    def number():
        nonlocal address
        address += 4
        return ctypes.c_int32.from_address(address - 4).value

    for _ in range(2 * number()):
        size = number()
        texts.append(ctypes.string_at(address, size))
        address += size
    return texts


class RingTable(Case):
    def test_a_ring_shows_the_last_rows_wherever_its_oldest_chunk_is_cut(self):
        # Y2, Y10. Chunks have 1024 rows: the oldest still grows (300), is cut and copied (700), cut and shared (1000).
        for capacity in (1, 300, 700, 1000, 9999):
            with self.subTest(capacity=capacity):
                consumer = self.table(rows_options(karrow.RING, capacity))
                snapshot = self.keep(read(consumer, sum(COUNTS)))
                self.assertEqual(snapshot.rows(0), (max(2500 - capacity, 0), 2500))
                view = self.keep(without_receive_time(snapshot))
                self.check(expected[0][-capacity:], view.stream, 0)
                self.check(expected[0][-capacity:] + expected[2][-capacity:], view.merged)
                batch = pyarrow.record_batch(view.array(0))
                batch.validate(full=True)
                self.assertEqual([tuple(row.values()) for row in batch.to_pylist()], expected[0][-capacity:])
                for array in snapshot.stream(0).arrays():
                    self.assertEqual({level.offset for level in karrow.every_level(array.struct)}, {0})

    def test_a_cut_chunk_of_which_half_is_alive_is_shared(self):
        consumer = self.table(rows_options(karrow.RING, 1000))
        snapshot = self.keep(read(consumer, sum(COUNTS)))
        oldest, *_ = batches(snapshot.stream(0))
        later, *_ = batches(snapshot.stream(0, 1501))
        self.assertEqual(addresses(later, "KafkaOffset")[1], addresses(oldest, "KafkaOffset")[1] + 8)


class BlinkTable(Case):
    def test_every_row_is_shown_in_one_cycle_only(self):
        # Y2, Y4
        consumer = self.table(rows_options(karrow.BLINK))
        came = {name: [[] for _ in COUNTS] for name in READERS}
        left = sum(COUNTS)
        while left > 0:
            rows, snapshot = consumer.poll(30_000)
            self.assertGreater(rows, 0)
            left -= rows
            with snapshot, without_receive_time(snapshot) as view:
                for name, reader in READERS.items():
                    for partition, shown in enumerate(came[name]):
                        self.assertEqual(snapshot.rows(partition)[0], len(shown))
                        shown.extend(reader(view.stream(partition)))
        for name, shown in came.items():
            with self.subTest(reader=name):
                self.assertEqual(shown, expected)

    def test_a_cycle_without_rows_is_empty_for_every_reader(self):
        # Y2, Y8
        consumer = self.table(rows_options(karrow.BLINK))
        self.keep(read(consumer, sum(COUNTS)))
        rows, snapshot = consumer.poll(0)
        self.keep(snapshot)
        self.assertEqual((rows, snapshot.rows(0)), (0, (2500, 2500)))
        self.check([], snapshot.stream, 0)
        self.check([], snapshot.merged)
        with self.assertRaises(karrow.KarrowError) as caught:
            snapshot.stream(0, 2499)
        self.assertEqual(caught.exception.status, "OUT_OF_RANGE")
        self.assertEqual(
            caught.exception.message,
            "from_row: row 2499 of partition 0 is not in this snapshot, whose first row is 2500",
        )


class DeadLetters(Case):
    def test_dead_letters_are_a_stream_like_any_other(self):
        # R2
        leg = pyarrow.struct([("Symbol", pyarrow.utf8()), ("Open", pyarrow.bool_()), ("Price", pyarrow.decimal128(10, 2))])
        legs = pyarrow.list_(pyarrow.field("leg", leg, nullable=False))
        columns = pyarrow.schema([("Numbers", pyarrow.list_(pyarrow.int64())), ("Legs", legs)])
        cluster.create_topic("letters", 1)
        for value in (b'{"Numbers": [1]}', b'{"Legs": [{}, null]}', b'{"Numbers": [1, "x"]}', b'{"Numbers": [2]}'):
            cluster.produce("letters", 0, b"k", value, FIRST_MS)
        policy = {"karrow.bad.record.policy": "dead_letter"}
        consumer = self.table(karrow.Options(cluster, "letters", None, columns, karrow.APPEND, 0, policy))
        rows = 0
        while rows < 2:
            # A dead letter ends a poll as well.
            came, snapshot = consumer.poll(30_000)
            snapshot.free()
            rows += came
        table = pyarrow.RecordBatchReader.from_stream(consumer.dead_letters()).read_all()
        table.validate(full=True)
        told = ("offset", "key", "value", "side", "column", "path", "reason")
        struct_type = "struct<Symbol: utf8, Open: bool, Price: decimal128(10, 2)>"
        self.assertEqual(
            [tuple(row[name] for name in told) for row in table.to_pylist()],
            [
                (1, b"k", b'{"Legs": [{}, null]}', "value", "Legs", "Legs[1]", f"expected {struct_type}, found null"),
                (2, b"k", b'{"Numbers": [1, "x"]}', "value", "Numbers", "Numbers[1]",
                 "expected int64, found a string that is not a number"),
            ],
        )
        for name, reader in READERS.items():
            with self.subTest(reader=name):
                self.assertEqual(reader(consumer.dead_letters()), [], "each is taken once")


class Lifetime(Case):
    def test_what_was_exported_outlives_every_handle(self):
        cluster = karrow.Cluster()
        cluster.create_topic("short", 1)
        rows = [(f"key {number}", number) for number in range(50)]
        for key, value in rows:
            cluster.produce("short", 0, key.encode(), struct.pack(">q", value))
        options = karrow.Options(cluster, "short", "utf8", "int64", karrow.RING, 40)
        consumer = karrow.Consumer(options)
        snapshot = read(consumer, len(rows))
        view = snapshot.view("KafkaKey", "KafkaValue")
        array = pyarrow.record_batch(view.array(0))
        unread, begun = view.stream(0), pyarrow.RecordBatchReader.from_stream(view.stream(0, 20))
        first = begun.read_next_batch()
        for handle in (view, snapshot, consumer, options, cluster):
            handle.free()
        gc.collect()
        self.assertEqual([tuple(row.values()) for row in array.to_pylist()], rows[10:])
        self.assertEqual(with_pyarrow(unread), rows[10:])
        rest = [row for batch in [first, *begun] for row in batch.to_pylist()]
        self.assertEqual([tuple(row.values()) for row in rest], rows[20:])

    def test_earlier_snapshots_stay_as_they_were(self):
        # Y3
        cluster.create_topic("growing", 1)
        options = karrow.Options(cluster, "growing", "utf8", "int64", karrow.APPEND)
        consumer = self.table(options)
        rows, snapshots = [], []
        for number in range(20):
            cluster.produce("growing", 0, b"k" * number, struct.pack(">q", number))
            rows.append(("k" * number, number))
            snapshots.append(self.keep(self.keep(read(consumer, 1)).view("KafkaKey", "KafkaValue")))
        for count, snapshot in enumerate(snapshots, start=1):
            self.check(rows[:count], snapshot.stream, 0)


if __name__ == "__main__":
    unittest.main()
