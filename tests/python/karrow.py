"""karrow through ctypes, as far as the tests need it; include/karrow.h says what each call does.

What is exported speaks the Arrow PyCapsule protocol, so that any reader can take it.
"""

import ctypes
import json
import os
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_void_p

library = ctypes.CDLL(os.environ["KARROW_LIBRARY"])
library.karrow_status_name.restype = c_char_p
library.karrow_error_message.restype = c_char_p
library.karrow_mock_cluster_bootstrap_servers.restype = c_char_p
library.karrow_snapshot_cycle.restype = c_int64

SEEK_TO_BEGINNING = -1
ALL_PARTITIONS = -1
KEY, VALUE = 0, 1
BLINK, APPEND, RING = 0, 1, 2


class ArrowSchema(ctypes.Structure):
    pass


class ArrowArray(ctypes.Structure):
    pass


class ArrowArrayStream(ctypes.Structure):
    pass


ArrowSchema._fields_ = [
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_void_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(ArrowSchema))),
    ("dictionary", POINTER(ArrowSchema)),
    ("release", ctypes.CFUNCTYPE(None, POINTER(ArrowSchema))),
    ("private_data", c_void_p),
]
ArrowArray._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(ArrowArray))),
    ("dictionary", POINTER(ArrowArray)),
    ("release", ctypes.CFUNCTYPE(None, POINTER(ArrowArray))),
    ("private_data", c_void_p),
]
ArrowArrayStream._fields_ = [
    ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, POINTER(ArrowArrayStream), POINTER(ArrowSchema))),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, POINTER(ArrowArrayStream), POINTER(ArrowArray))),
    ("get_last_error", ctypes.CFUNCTYPE(c_char_p, POINTER(ArrowArrayStream))),
    ("release", ctypes.CFUNCTYPE(None, POINTER(ArrowArrayStream))),
    ("private_data", c_void_p),
]


def release(struct):
    """Releases an Arrow struct that no reader has taken over."""
    if struct.release:
        struct.release(byref(struct))


def address(struct):
    """Where pyarrow finds a struct, or puts one."""
    return ctypes.addressof(struct)


def every_level(struct):
    """A schema or an array with all that is inside it."""
    yield struct
    for child in struct.children[: struct.n_children]:
        yield from every_level(child.contents)
    if struct.dictionary:
        yield from every_level(struct.dictionary.contents)


# Readers take a struct out of its capsule when they like, so everything handed out stays where it is until the end.
handed_out = []


def capsule(owner, struct, name):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [c_void_p, c_char_p, c_void_p]
    handed_out.append(owner)
    return new(ctypes.addressof(struct), name, None)


class Schema:
    def __init__(self):
        self.struct = ArrowSchema()

    def __del__(self):
        release(self.struct)

    def __arrow_c_schema__(self):
        return capsule(self, self.struct, b"arrow_schema")


class Array:
    def __init__(self):
        self.struct, self.schema = ArrowArray(), Schema()

    def __del__(self):
        release(self.struct)

    def __arrow_c_array__(self, requested_schema=None):
        return self.schema.__arrow_c_schema__(), capsule(self, self.struct, b"arrow_array")


class Stream:
    def __init__(self):
        self.struct = ArrowArrayStream()

    def __del__(self):
        release(self.struct)

    def __arrow_c_stream__(self, requested_schema=None):
        return capsule(self, self.struct, b"arrow_array_stream")

    def schema(self):
        schema = Schema()
        assert self.struct.get_schema(byref(self.struct), byref(schema.struct)) == 0
        return schema

    def arrays(self):
        """The batches as they come, without any reader in between."""
        while True:
            array = Array()
            assert self.struct.get_next(byref(self.struct), byref(array.struct)) == 0
            if not array.struct.release:
                return
            yield array


class KarrowError(Exception):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status, self.message = status, message


def call(name, *arguments):
    """A call that can fail."""
    error = c_void_p()
    status = getattr(library, name)(*arguments, byref(error))
    if status != 0:
        message = library.karrow_error_message(error).decode()
        library.karrow_error_free(error)
        raise KarrowError(library.karrow_status_name(status).decode(), message)


class Handle:
    """A handle of the library's, freed at the end of a `with`."""

    def __init__(self, kind, *arguments, new=None):
        self.kind, self.pointer = kind, c_void_p()
        call(new or f"karrow_{kind}_new", *arguments, byref(self.pointer))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.free()

    def free(self):
        getattr(library, f"karrow_{self.kind}_free")(self.pointer)
        self.pointer = None

    def call(self, name, *arguments):
        call(f"karrow_{self.kind}_{name}", self.pointer, *arguments)


def size(payload):
    return c_int64(-1 if payload is None else len(payload))


class Cluster(Handle):
    def __init__(self):
        super().__init__("mock_cluster", c_int32(1))

    def servers(self):
        return library.karrow_mock_cluster_bootstrap_servers(self.pointer).decode()

    def create_topic(self, topic, partitions):
        self.call("create_topic", topic.encode(), c_int32(partitions))

    def produce(self, topic, partition, key, value, timestamp_ms=0):
        """The offset of the record."""
        offset = c_int64()
        payloads = key, size(key), value, size(value)
        self.call("produce", topic.encode(), c_int32(partition), *payloads, c_int64(timestamp_ms), byref(offset))
        return offset.value

    def produce_records(self, topic, records):
        self.call("produce_records", topic.encode(), json.dumps(records).encode())


class Spec(Handle):
    """A spec that karrow_spec_new_KIND makes of texts."""

    def __init__(self, kind, *texts):
        super().__init__("spec", *(text and text.encode() for text in texts), new=f"karrow_spec_new_{kind}")

    def set(self, key, setting):
        self.call("set", key.encode(), setting.encode())

    def add_column(self, name, type_name):
        self.call("add_column", name.encode(), type_name.encode())


# What the library may call until it lets go of it, by number.
processors = {}


@ctypes.CFUNCTYPE(None, c_void_p)
def let_go(number):
    del processors[number]


class Processor(Handle):
    """A spec with columns of an Arrow schema, which a function makes: of an array of payloads another array."""

    FUNCTION = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p)

    def __init__(self, columns, function):
        def process(_, pointer):
            payloads, call_pointer = Array(), c_void_p(pointer)
            call("karrow_processor_call_take_input", call_pointer, byref(payloads.struct), byref(payloads.schema.struct))
            made = function(payloads)
            call("karrow_processor_call_set_output", call_pointer, byref(made.struct), byref(made.schema.struct))
            return 0

        number = max(processors, default=0) + 1
        processors[number] = callback = self.FUNCTION(process)
        arguments = byref(columns.struct), callback, c_void_p(number), let_go
        super().__init__("spec", *arguments, new="karrow_spec_new_callback")


class Options(Handle):
    """Reads a topic from its beginning, of this cluster or of one that properties name. A side has the type of a simple
    spec, or the schema that pyarrow has for the columns of a json spec, or a spec, which is freed; without any of them it is
    not looked at."""

    def __init__(self, cluster, topic, key=None, value=None, table_type=BLINK, capacity=0, properties=()):
        super().__init__("options", topic.encode())
        self.call("set_start_offset", c_int32(ALL_PARTITIONS), c_int64(SEEK_TO_BEGINNING))
        self.call("set_table_type", c_int32(table_type), c_int64(capacity))
        servers = {"bootstrap.servers": cluster.servers()} if cluster else {}
        for name, setting in {**servers, **dict(properties)}.items():
            self.call("set", name.encode(), setting.encode())
        for side, type_name in ((KEY, key), (VALUE, value)):
            with self.spec(type_name) as spec:
                self.call("set_spec", c_int32(side), spec.pointer)

    def spec(self, type_name):
        if type_name is None:
            return Spec("ignore")
        if isinstance(type_name, Handle):
            return type_name
        if not isinstance(type_name, str):
            columns = Schema()
            type_name._export_to_c(address(columns.struct))
            return Handle("spec", byref(columns.struct), new="karrow_spec_new_json_columns")
        return Spec("simple", None, type_name)

    def schema(self):
        schema = Schema()
        self.call("schema", c_int64(0), byref(schema.struct))
        return schema


class Consumer(Handle):
    def __init__(self, options):
        super().__init__("consumer", options.pointer)
        self.call("open", c_int64(30_000))

    def poll(self, timeout_ms):
        """How many rows have come, and the cycle's snapshot."""
        rows, snapshot = c_int64(), c_void_p()
        self.call("poll", c_int64(timeout_ms), byref(rows), None, byref(snapshot))
        return rows.value, Snapshot(snapshot)

    def dead_letters(self):
        stream = Stream()
        self.call("dead_letters", byref(stream.struct))
        return stream

    def schema(self):
        schema = Schema()
        self.call("schema", byref(schema.struct))
        return schema


class Snapshot(Handle):
    def __init__(self, pointer):
        self.kind, self.pointer = "snapshot", pointer

    def cycle(self):
        return library.karrow_snapshot_cycle(self.pointer)

    def rows(self, partition):
        first_row, end_row = c_int64(), c_int64()
        self.call("rows", c_int32(partition), byref(first_row), byref(end_row))
        return first_row.value, end_row.value

    def schema(self):
        schema = Schema()
        self.call("schema", byref(schema.struct))
        return schema

    def view(self, *columns):
        view = c_void_p()
        texts = (c_char_p * len(columns))(*(column.encode() for column in columns))
        self.call("view", texts, c_size_t(len(columns)), byref(view))
        return Snapshot(view)

    def array(self, partition):
        array = Array()
        self.call("export_array", c_int32(partition), byref(array.struct), byref(array.schema.struct))
        return array

    def stream(self, partition, from_row=None, end_row=-1):
        stream = Stream()
        from_row = self.rows(partition)[0] if from_row is None else from_row
        self.call("export_stream", c_int32(partition), c_int64(from_row), c_int64(end_row), byref(stream.struct))
        return stream

    def merged(self, from_rows=()):
        stream = Stream()
        numbers = (c_int64 * len(from_rows))(*from_rows)
        self.call("export_merged", numbers, c_size_t(len(from_rows)), byref(stream.struct))
        return stream
