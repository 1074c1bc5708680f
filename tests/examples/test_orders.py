"""The example in C++ as a tool: following a topic, ending by a signal, refusing what makes no sense."""

import base64
import fcntl
import http.server
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import termios
import threading
import unittest

from karrow import Cluster
from running import SECONDS, Running

PROGRAM = os.environ["KARROW_ORDERS"]


class Registry(http.server.ThreadingHTTPServer):
    """As much of a schema registry as the tool asks for: a subject's latest schema, and schemas by id, for one user."""

    USER = "alice:wonderland"

    def __init__(self, subject, latest, schemas):
        super().__init__(("127.0.0.1", 0), Answer)
        known = {id: {"id": id, "version": id, **schema} for id, schema in schemas.items()}
        self.answers = {f"/schemas/ids/{id}": answer for id, answer in known.items()}
        self.answers[f"/subjects/{subject}/versions/latest"] = {"subject": subject, **known[latest]}
        threading.Thread(target=self.serve_forever).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def end(self):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        user = "Basic " + base64.b64encode(Registry.USER.encode()).decode()
        if self.headers["Authorization"] != user:
            self.answer(401, {"error_code": 401, "message": "Unauthorized"})
        elif self.path not in self.server.answers:
            self.answer(404, {"error_code": 40401, "message": "Subject not found."})
        else:
            self.answer(200, self.server.answers[self.path])

    def answer(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Orders(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.free)
        self.cluster.create_topic("topic", 2)

    def produce(self, partition, value):
        self.cluster.produce("topic", partition, None, value)

    def running(self, *arguments):
        return Running(PROGRAM, "--bootstrap-servers", self.cluster.servers(), "--topic", "topic", *arguments)

    def ended(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, text=True, timeout=SECONDS)

    def refused(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], stderr=subprocess.PIPE, text=True, timeout=SECONDS)

    def test_signals_end_the_demo_with_a_summary(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            # More orders than come in the time there is.
            with self.subTest(number), Running(PROGRAM, "--orders", "1000000000", "--seconds", "600") as demo:
                demo.line_with("[1-9][0-9,]* rows")
                code, rest = demo.end_by(number)
                self.assertEqual(code, 0)
                self.assertRegex(rest, "stopped after [0-9,]+ orders, each one equal to what was produced")

    def test_orders_that_do_not_come_in_time_are_missing(self):
        # A second is enough for some of a billion, and for no more than some.
        ended = self.ended("--orders", "1000000000", "--seconds", "1")
        self.assertEqual(ended.returncode, 1)
        self.assertRegex(ended.stdout, r"\n[0-9,]+ of 1,000,000,000 orders are missing after [0-9.]+ s\n")

    def test_its_last_lines_say_how_to_follow_a_topic_and_where_the_library_is(self):
        # Whatever came of the demo.
        for arguments, code in ((("--orders", "100"), 0), (("--orders", "1000000000", "--seconds", "1"), 1)):
            ended = self.ended(*arguments)
            self.assertEqual(ended.returncode, code)
            advice, command, library = ended.stdout.splitlines()[-3:]
            self.assertEqual(advice, "your own topic, until Ctrl-C (any Kafka property with -X key=value):")
            found = re.fullmatch(r"karrow .+ is (/.*)", library)
            self.assertIsNotNone(found, library)
            self.assertTrue(os.path.samefile(found[1], os.environ["KARROW_LIBRARY"]), library)

        for written in ("avro", "protobuf"):
            ended = self.ended("--format", written, "--orders", "100")
            self.assertEqual(ended.stdout.splitlines()[-2], command + f" --format {written} --schema-registry URL")
        processed = self.ended("--format", "processor", "--orders", "100")
        self.assertEqual(processed.stdout.splitlines()[-2], command + " --format processor")

        # The command works as it stands there, with the names filled in and a property added.
        self.produce(0, b'{"jsymbol": "AAPL"}')
        command = command.replace("HOST:PORT", self.cluster.servers()).replace("NAME", "topic")
        with Running(*shlex.split(command), "-X", "client.id=somebody") as tool:
            tool.line_with(" 1 rows")
            self.assertEqual(tool.end_by(signal.SIGINT)[0], 0)

    def test_a_read_to_the_end_shows_how_far_it_is_and_ends_by_itself(self):
        for partition, orders in enumerate((300, 1)):
            for _ in range(orders):
                self.produce(partition, b'{"jsymbol": "AAPL"}')
        with self.running("--to", "end") as tool:
            code, rest = tool.end()
            self.assertEqual(code, 0)
            self.assertRegex(rest, r"\n\[#{40}\] 100 %\n")
            self.assertRegex(rest, r"\n +0 +300 +[0-9,]+ +0\n")
            self.assertIn("\n301 rows from 2 partitions, 0 of which failed\n", rest)

    def test_a_topic_is_shown_from_its_beginning_or_its_end_until_a_signal(self):
        self.produce(0, b'{"jsymbol": "AAPL", "jside": "buy", "jprice": 189.5, "jqty": 1200}')
        self.produce(1, b'{"jts": "2026-01-02T09:30:00.123456Z"}')
        with self.running() as tool:
            tool.line_with(" 2 rows")
            code, rest = tool.end_by(signal.SIGINT)
            self.assertEqual(code, 0)
            self.assertRegex(rest, r"\n +0 +0 +null +AAPL +buy +189\.50 +1,200\n")
            self.assertRegex(rest, r"\n +1 +0 +2026-01-02T09:30:00\.123456Z( +null){4}\n")
            self.assertIn("\n2 rows from 2 partitions, 0 of which failed\n", rest)
        with self.running("--from", "end") as tool:
            # Said once the end is known.
            tool.line_with("^topic on ")
            self.produce(1, b"{}")
            tool.line_with(" 1 rows")
            self.assertEqual(tool.end_by(signal.SIGTERM)[0], 0)

    # Times are in microseconds, a price may be null, and nobody here asks for the account.
    LATEST = {"type": "record", "name": "Order", "fields": [
        {"name": "account", "type": "string"},
        {"name": "jsymbol", "type": "string"},
        {"name": "jside", "type": "string", "default": "buy"},
        {"name": "jprice", "type": ["null", "double"]},
        {"name": "jqty", "type": "long"},
        {"name": "jts", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    ]}
    FIRST = {**LATEST, "fields": [field for field in LATEST["fields"] if field["name"] != "jside"]}

    def test_a_topic_in_avro_is_read_as_the_latest_schema_that_the_registry_has(self):
        schemas = {1: self.FIRST, 2: self.LATEST}
        registry = Registry("topic-value", 2, {id: {"schema": json.dumps(schemas[id])} for id in schemas})
        self.addCleanup(registry.end)
        time = bytes.fromhex("80e1a0a78bd9a306")
        price = struct.pack("<d", 189.5)
        self.produce(0, b"\0\0\0\0\2" + b"\4me" + b"\x08AAPL" + b"\x08sell" + b"\2" + price + b"\x54" + time)
        self.produce(1, b"\0\0\0\0\1" + b"\0" + b"\x08NVDA" + b"\0" + b"\1" + time)
        in_avro = ("--to", "end", "--format", "avro", "--schema-registry", registry.url())
        with self.running(*in_avro, "-X", "schema.registry.basic.auth.user.info=" + Registry.USER) as tool:
            code, rest = tool.end()
            self.assertEqual(code, 0)
            self.assertRegex(rest, r"\n +0 +0 +2026-01-02T09:30:00\.123456Z +AAPL +sell +189\.50 +42\n")
            self.assertRegex(rest, r"\n +1 +0 +2026-01-02T09:30:00\.123456Z +NVDA +buy +null +-1\n")
            self.assertIn("\n2 rows from 2 partitions, 0 of which failed\n", rest)
        refused = self.refused("--bootstrap-servers", self.cluster.servers(), "--topic", "topic", *in_avro)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"the schema registry at {registry.url()} wants to know who asks", refused.stderr)

    # The same in Protobuf.
    LATEST_FILE = """
        syntax = "proto3";
        import "google/protobuf/timestamp.proto";
        message Other {}
        message Order {
            string account = 6; string jsymbol = 1; string jside = 2; optional double jprice = 3; int64 jqty = 4;
            google.protobuf.Timestamp jts = 5;
        }
    """

    def test_a_topic_in_protobuf_is_read_as_the_first_message_of_the_latest_schema_that_the_registry_has(self):
        latest = self.LATEST_FILE.replace("message Other {}", "")
        schemas = {1: self.LATEST_FILE, 2: latest}
        schemas = {id: {"schema": text, "schemaType": "PROTOBUF"} for id, text in schemas.items()}
        registry = Registry("topic-value", 2, schemas)
        self.addCleanup(registry.end)
        time = bytes.fromhex("2a0b0898a0deca06108094ef3a")
        price = struct.pack("<d", 189.5)
        self.produce(0, b"\0\0\0\0\2\0" + b"\x0a\4AAPL\x12\4sell\x19" + price + b"\x20\x2a" + time + b"\x32\2me")
        # The second message of an older file.
        self.produce(1, b"\0\0\0\0\1\2\2" + b"\x0a\4NVDA\x20\7" + time)
        in_protobuf = ("--to", "end", "--format", "protobuf", "--schema-registry", registry.url())
        with self.running(*in_protobuf, "-X", "schema.registry.basic.auth.user.info=" + Registry.USER) as tool:
            code, rest = tool.end()
            self.assertEqual(code, 0)
            self.assertRegex(rest, r"\n +0 +0 +2026-01-02T09:30:00\.123456Z +AAPL +sell +189\.50 +42\n")
            self.assertRegex(rest, r"\n +1 +0 +2026-01-02T09:30:00\.123456Z +NVDA +null +7\n")
            self.assertIn("\n2 rows from 2 partitions, 0 of which failed\n", rest)

    def test_a_partition_that_fails_is_shown_and_the_others_go_on(self):
        self.produce(0, b'{"jqty": "many"}')
        with self.running() as tool:
            message = r"column Qty: expected int64, .*, at topic\[0\]@0 \(value\)"
            tool.line_with(message)
            self.produce(1, b"{}")
            tool.line_with(" 1 rows")
            code, rest = tool.end_by(signal.SIGINT)
            self.assertEqual(code, 1)
            self.assertRegex(rest, message)
            self.assertIn("\n1 rows from 2 partitions, 1 of which failed\n", rest)

    def test_commands_to_the_terminal_in_a_text_are_not_passed_on(self):
        self.produce(0, '{"jsymbol": "\\u001b[2J", "jside": "\\u009b2J"}'.encode())
        with self.running() as tool:
            tool.line_with(" 1 rows")
            rest = tool.end_by(signal.SIGINT)[1]
            self.assertRegex(rest, r" \?\[2J +\?2J ")
            self.assertNotIn("\x1b", rest)

    def test_a_terminal_is_drawn_on_in_place_within_its_width_and_height(self):
        rows, columns = 16, 60
        screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm"}
        process = subprocess.Popen([PROGRAM, "--orders", "20000"], stdout=terminal, env=environment)
        os.close(terminal)
        text = b""
        try:
            while piece := os.read(screen, 65536):
                text += piece
        except OSError:
            pass  # how a terminal ends
        os.close(screen)
        self.assertEqual(process.wait(SECONDS), 0)
        # Each drawing begins by going back to the first line of the one before.
        drawings = re.split(r"\x1b\[(\d+)F", text.decode())
        self.assertGreater(len(drawings), 1)
        for height, drawing in zip(drawings[1::2], drawings[2::2]):
            self.assertLess(int(height), rows)
            for line in drawing.split("\x1b[J")[0].split("\x1b[K\r\n"):
                self.assertLessEqual(len(line), columns)
        self.assertIn("all 20,000 orders came", drawings[-1])

    def test_what_makes_no_sense_is_said(self):
        for arguments, code, message in (
            (["--from", "nowhere"], 2, "--from: 'nowhere' is neither 'beginning' nor 'end'"),
            (["--to", "tomorrow"], 2, "--to: 'tomorrow' is not 'end'"),
            (["--to", "end"], 2, "--to: goes with --bootstrap-servers"),
            (["--format", "xml"], 2, "--format: 'xml' is not 'json', 'avro', 'protobuf' or 'processor'"),
            (["--schema-registry", "http://nobody"], 2,
             "--schema-registry: goes with --format avro or --format protobuf"),
            (["--schema-registry", "http://nobody", "--format", "avro"], 2,
             "--schema-registry: goes with --bootstrap-servers"),
            (["--format", "avro", "--bootstrap-servers", "nobody:9"], 2,
             "--format: avro with --bootstrap-servers goes with --schema-registry"),
            (["--format", "protobuf", "--bootstrap-servers", "nobody:9"], 2,
             "--format: protobuf with --bootstrap-servers goes with --schema-registry"),
            (["--orders", "many"], 2, "--orders: 'many' is not a number of orders"),
            (["--seconds", "soon"], 2, "--seconds: 'soon' is not a number of seconds"),
            (["--seconds", "0"], 2, "--seconds: '0' is not a number of seconds"),
            (["-X", "security.protocol"], 2, "-X: 'security.protocol' is not KEY=VALUE"),
            (["orders"], 2, "'orders' is more than there should be"),
            (["--bootstrap-servers", "nobody:9", "--orders", "5"], 2, "--orders: goes without --bootstrap-servers"),
            (["--bootstrap-servers", "nobody:9", "--seconds", "5"], 2, "--seconds: goes without --bootstrap-servers"),
            (["-X", "security.protocoll=SSL"], 1, "security.protocol"),
        ):
            with self.subTest(arguments):
                refused = self.refused(*arguments)
                self.assertEqual(refused.returncode, code)
                self.assertIn(message, refused.stderr)


if __name__ == "__main__":
    unittest.main()
