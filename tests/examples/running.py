"""Programs that run until somebody ends them."""

import re
import subprocess
import threading

# Long enough for any machine: a program that takes longer is killed, and fails by its exit code.
SECONDS = 60


class Running:
    """A program that runs, with its output line by line. At the end of a `with` it is gone."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.watchdog = threading.Timer(SECONDS, self.process.kill)

    def __enter__(self):
        self.watchdog.start()
        return self

    def __exit__(self, *_):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def line_with(self, pattern):
        """Reads on until a line has the pattern."""
        for line in self.process.stdout:
            if re.search(pattern, line):
                return
        raise AssertionError(f"ended without a line with {pattern}")

    def end(self):
        """Waits until it ends by itself; the exit code, and the rest of the output."""
        rest = self.process.stdout.read()
        return self.process.wait(), rest

    def end_by(self, number):
        """Sends a signal; the exit code, and the rest of the output."""
        self.process.send_signal(number)
        return self.end()
