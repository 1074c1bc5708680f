"""The example in C++ as a tool: following a topic, ending by a signal, refusing what makes no sense."""

import fcntl
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import termios
import unittest

from karrow import Cluster
from running import SECONDS, Running

PROGRAM = os.environ["KARROW_ORDERS"]


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
                ended = subprocess.run([PROGRAM, *arguments], stderr=subprocess.PIPE, text=True, timeout=SECONDS)
                self.assertEqual(ended.returncode, code)
                self.assertIn(message, ended.stderr)


if __name__ == "__main__":
    unittest.main()
