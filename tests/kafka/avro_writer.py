"""Writes orders with Confluent's serializer of Avro; `confluent_writer.py` says how it is used."""

import json
from decimal import Decimal

from confluent_kafka.schema_registry import Schema, SchemaReference, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer

import confluent_writer
from confluent_writer import country_in, number_in

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


class Writer(confluent_writer.Writer):
    def __init__(self, servers, registry, topic):
        super().__init__(servers, registry, topic)
        self.key = self.serializer(KEY, [])
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

    def register(self, name, schema, references):
        self.client.register_schema(f"{self.topic}-{name}", Schema(json.dumps(schema), "AVRO", references))

    def reference(self, name, subject, version):
        return SchemaReference(f"shop.{name}", f"{self.topic}-{subject}", version)

    def serializer(self, schema, references):
        conf = {"auto.register.schemas": True, "subject.name.strategy": topic_subject_name_strategy}
        return AvroSerializer(self.client, Schema(json.dumps(schema), "AVRO", references), conf=conf)

    def key_of(self, number):
        return {"id": f"order {number}"}

    def row_of(self, number, version):
        """An order as it is said in a version."""
        said = {
            "number": number_in(version, number),
            "ticker" if version == 3 else "symbol": f"S{number % 5}ß",
            "price": Decimal(number * 7 - 1000).scaleb(-2),
            "tags": [f"tag {tag}" for tag in range(number % 4)],
            "customer": {"name": f"customer {number % 11}", "country": country_in(version, number)},
        }
        if version > 1:
            said["note"] = None if number % 10 == 0 else f"note {number}"
        if version == 3:
            said["customer"]["vip"] = number % 2 == 0
        return said


Writer.run()
