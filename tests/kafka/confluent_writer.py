"""What the programs have in common that write orders as Confluent's own clients do, each with their serializer of one
format, which registers what it writes with.

    PROGRAM BOOTSTRAP_SERVERS REGISTRY_URL TOPIC

First it registers the schemas of keys and of three versions of an order, and prints the ids of the versions. From then
on it asks the registry for nothing. Each line of its input, as in "0 100 200 1,3", has it write orders: to partition 0,
numbers 100 to 199, in versions 1 and 3 in turn. When all of them are acknowledged, it prints how many. What an order
says, `confluent.rs` knows as well.
"""

import struct
import sys

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.serialization import MessageField, SerializationContext


def number_in(version, number):
    """More than 32 bits hold, where it may be."""
    return -(number << 33) if version == 3 else -number


def country_in(version, number):
    countries = ["DE", "FR", "JP"] if version == 3 else ["DE", "FR"]
    return countries[number // 3 % len(countries)]


class Writer:
    """A format has `key` and `versions`, its serializers, and says what they are given."""

    def __init__(self, servers, registry, topic):
        self.topic = topic
        self.producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 5})
        self.client = SchemaRegistryClient({"url": registry})
        self.versions = {}

    def key_of(self, number):
        raise NotImplementedError

    def row_of(self, number, version):
        raise NotImplementedError

    def serialize_key(self, number):
        return self.key(self.key_of(number), SerializationContext(self.topic, MessageField.KEY))

    def serialize(self, number, version):
        context = SerializationContext(self.topic, MessageField.VALUE)
        return self.versions[version](self.row_of(number, version), context)

    def id(self, version):
        """What stands in front of what is written in a version."""
        return struct.unpack_from(">bi", self.serialize(0, version))[1]

    def write(self, partition, start, end, versions):
        written = []
        for number in range(start, end):
            value = self.serialize(number, versions[number % len(versions)])
            self.producer.produce(
                self.topic,
                value,
                self.serialize_key(number),
                partition,
                on_delivery=lambda error, message: written.append(error or message.offset()),
            )
        self.producer.flush()
        # The number of an order is its offset.
        if written != list(range(start, end)):
            sys.exit(f"orders {start} to {end} are not where they should be: {written}")
        return len(written)

    @classmethod
    def run(cls):
        writer = cls(*sys.argv[1:])
        writer.serialize_key(0)
        print(*(writer.id(version) for version in (1, 2, 3)), flush=True)
        for line in sys.stdin:
            partition, start, end, versions = line.split()
            versions = [int(version) for version in versions.split(",")]
            print(writer.write(int(partition), int(start), int(end), versions), flush=True)
