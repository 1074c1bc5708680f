"""The program of the README, built against an installed karrow: prints the orders that come, until one is bad."""

import os
import unittest

from karrow import Cluster
from running import Running


class FollowOrders(unittest.TestCase):
    def test_orders_are_printed_as_they_come_and_a_bad_one_ends_it(self):
        with Cluster() as cluster:
            cluster.create_topic("orders", 2)
            cluster.produce("orders", 0, None, b'{"jsymbol": "too early"}')
            with Running(os.environ["KARROW_FOLLOW_ORDERS"], cluster.servers()) as program:
                program.line_with("^waiting for orders$")
                cluster.produce("orders", 1, None, b'{"jsymbol": "AAPL", "jprice": 189.5, "jqty": 300}')
                program.line_with("^AAPL 300 at 189.5$")
                cluster.produce("orders", 0, None, b'{"jqty": "many"}')
                self.assertEqual((program.process.stdout.read(), program.process.wait()), ("", 1))


if __name__ == "__main__":
    unittest.main()
