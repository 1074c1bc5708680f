"""Writes orders as Confluent's own clients do: with their serializer of Avro, which registers what it writes with.

    avro_writer.py BOOTSTRAP_SERVERS REGISTRY_URL TOPIC

First it registers the schemas of keys and of three versions of an order, and prints the ids of the versions. From then
on it asks the registry for nothing. Each line of its input, as in "0 100 200 1,3", has it write orders: to partition 0,
numbers 100 to 199, in versions 1 and 3 in turn. When all of them are acknowledged, it prints how many. What an order
says, `avro.rs` knows as well.
"""

import json
import struct
import sys
from decimal import Decimal

from confluent_kafka import Producer
from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    topic_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

KEY = {"type": "record", "name": "OrderKey", "fields": [{"name": "id", "type": "string"}]}


def country(symbols):
    return {"type": "enum", "namespace": "shop", "name": "Country", "symbols": symbols}


def customer(*more):
    fields = [{"name": "name", "type": "string"}, {"name": "country", "type": "shop.Country"}, *more]
    return {"type": "record", "namespace": "shop", "name": "Customer", "fields": fields}


def order(number, ticker, *more):
    price = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
    fields = [
        {"name": "number", "type": number},
        ticker,
        *more,
        {"name": "price", "type": price},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "customer", "type": "shop.Customer"},
    ]
    return {"type": "record", "namespace": "shop", "name": "Order", "fields": fields}


SYMBOL = {"name": "symbol", "type": "string"}
TICKER = {"name": "ticker", "type": "string", "aliases": ["symbol"]}
NOTE = {"name": "note", "type": ["string", "null"], "default": "no note"}
VIP = {"name": "vip", "type": "boolean", "default": False}


def row(number, version):
    """An order as it is said in a version."""
    countries = ["DE", "FR", "JP"] if version == 3 else ["DE", "FR"]
    said = {
        # More than an int holds, where it may be.
        "number": -(number << 33) if version == 3 else -number,
        "ticker" if version == 3 else "symbol": f"S{number % 5}ß",
        "price": Decimal(number * 7 - 1000).scaleb(-2),
        "tags": [f"tag {tag}" for tag in range(number % 4)],
        "customer": {"name": f"customer {number % 11}", "country": countries[number // 3 % len(countries)]},
    }
    if version > 1:
        said["note"] = None if number % 10 == 0 else f"note {number}"
    if version == 3:
        said["customer"]["vip"] = number % 2 == 0
    return said


class Writer:
    def __init__(self, servers, registry, topic):
        self.topic = topic
        self.producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 5})
        self.client = SchemaRegistryClient({"url": registry})
        self.key = self.serializer(KEY, [])
        self.versions = {}
        # The subjects are this topic's alone, so the versions in them count from 1.
        for version, symbols, more in [(1, ["DE", "FR"], []), (2, ["DE", "FR", "JP"], [VIP])]:
            self.register("country", country(symbols), [])
            self.register("customer", customer(*more), [self.reference("Country", "country", version)])
        for version, schema, customers in [
            (1, order("int", SYMBOL), 1),
            (2, order("int", SYMBOL, NOTE), 1),
            (3, order("long", TICKER, NOTE), 2),
        ]:
            self.versions[version] = self.serializer(schema, [self.reference("Customer", "customer", customers)])
        self.serialize_key(0)

    def register(self, name, schema, references):
        self.client.register_schema(f"{self.topic}-{name}", Schema(json.dumps(schema), "AVRO", references))

    def reference(self, name, subject, version):
        return SchemaReference(f"shop.{name}", f"{self.topic}-{subject}", version)

    def serializer(self, schema, references):
        conf = {"auto.register.schemas": True, "subject.name.strategy": topic_subject_name_strategy}
        return AvroSerializer(self.client, Schema(json.dumps(schema), "AVRO", references), conf=conf)

    def serialize_key(self, number):
        return self.key({"id": f"order {number}"}, SerializationContext(self.topic, MessageField.KEY))

    def serialize(self, number, version):
        context = SerializationContext(self.topic, MessageField.VALUE)
        return self.versions[version](row(number, version), context)

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


def main():
    writer = Writer(*sys.argv[1:])
    print(*(writer.id(version) for version in (1, 2, 3)), flush=True)
    for line in sys.stdin:
        partition, start, end, versions = line.split()
        versions = [int(version) for version in versions.split(",")]
        print(writer.write(int(partition), int(start), int(end), versions), flush=True)


main()
