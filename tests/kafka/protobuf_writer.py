"""Writes orders with Confluent's serializer of Protobuf; `confluent_writer.py` says how it is used. Version 0 is no order,
but another message of version 3's file."""

import sys
import tempfile
from importlib import resources
from pathlib import Path

from confluent_kafka.schema_registry import topic_subject_name_strategy
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc

import confluent_writer
from confluent_writer import country_in, number_in

KEY = 'syntax = "proto3"; package shop; message OrderKey { string id = 1; }'

COUNTRY = 'syntax = "proto3"; package geo; enum Country {{ NOWHERE = 0; DE = 1; FR = 2; {more} }}'

CUSTOMER = """
syntax = "proto3";
package shop;
import "geo/country.proto";
message Customer {{ string name = 1; geo.Country country = 2; {more} }}
"""

# The order is the second message inside the second of the file.
ORDER_1 = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "shop/customer.proto";
message Remark { string text = 1; }
message Shop {
  message Empty {}
  message Order {
    int32 number = 1;
    string symbol = 2;
    double price = 3;
    Customer customer = 4;
    repeated string tags = 5;
    google.protobuf.Timestamp at = 6;
    map<string, int64> amounts = 7;
    oneof payment { string card = 8; uint32 cash = 9; }
  }
}
"""
NOTED = ("uint32 cash = 9; }", "uint32 cash = 9; }\n    optional string note = 10;")
# Further in and further back in its file, without a price, and under other names.
ORDER_3 = [
    ("int32 number", "int64 number"),
    ("symbol", "ticker"),
    ("double price = 3;", "reserved 3;"),
    ("uint32 cash = 9;", "uint32 cash = 9; bytes token = 11;"),
    ("message Remark { string text = 1; }\n", ""),
    ("message Empty {}\n", "message Empty {}\n  message Full { message Order {} }\n"),
    ("message Shop", "enum Unused { UNUSED = 0; }\nmessage First {}\nmessage Remark { string text = 1; }\nmessage Shop"),
]


def changed(text, changes):
    for old, new in changes:
        text = text.replace(old, new)
    return text


ORDER_2 = changed(ORDER_1, [NOTED])
ORDER_3 = changed(ORDER_2, ORDER_3)


def compiled(files):
    """A pool with these files."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            path = Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        descriptors = Path(directory, "descriptors")
        well_known = resources.files("grpc_tools") / "_proto"
        options = [f"-I{directory}", f"-I{well_known}", "--include_imports", f"--descriptor_set_out={descriptors}"]
        if protoc.main(["protoc", *options, *files]) != 0:
            sys.exit("the schemas do not compile")
        pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(descriptors.read_bytes()).file:
            pool.Add(file)
        return pool


def messages(order, countries="", customers=""):
    files = {
        "geo/country.proto": COUNTRY.format(more=countries),
        "shop/customer.proto": CUSTOMER.format(more=customers),
        "shop/order.proto": order,
    }
    pool = compiled(files)
    return [GetMessageClass(pool.FindMessageTypeByName(name)) for name in ("shop.Shop.Order", "shop.Remark")]


class Writer(confluent_writer.Writer):
    def __init__(self, servers, registry, topic):
        super().__init__(servers, registry, topic)
        pool = compiled({"shop/key.proto": KEY})
        self.key_class = GetMessageClass(pool.FindMessageTypeByName("shop.OrderKey"))
        self.key = self.serializer(self.key_class)
        self.classes = {
            1: messages(ORDER_1)[0],
            2: messages(ORDER_2)[0],
        }
        self.classes[3], self.classes[0] = messages(ORDER_3, "JP = 3;", "bool vip = 3;")
        for version in (1, 2, 3, 0):
            # Well-known files may be among the references or not.
            self.versions[version] = self.serializer(self.classes[version], skip_known=version != 1)
            self.serialize(0, version)

    def serializer(self, of, skip_known=True):
        conf = {
            "auto.register.schemas": True,
            "subject.name.strategy": topic_subject_name_strategy,
            # The subjects are this topic's alone.
            "reference.subject.name.strategy": lambda context, reference: f"{self.topic}-{reference.name}",
            "skip.known.types": skip_known,
        }
        return ProtobufSerializer(of, self.client, conf)

    def key_of(self, number):
        return self.key_class(id=f"order {number}")

    def row_of(self, number, version):
        """An order as it is said in a version."""
        if version == 0:
            return self.classes[0](text=f"remark {number}")
        order = self.classes[version](
            number=number_in(version, number),
            tags=[f"tag {tag}" for tag in range(number % 4)],
            amounts={f"amount {amount}": amount * number for amount in range(number % 3)},
        )
        setattr(order, "ticker" if version == 3 else "symbol", f"S{number % 5}ß")
        order.customer.name = f"customer {number % 11}"
        country = order.customer.DESCRIPTOR.fields_by_name["country"].enum_type
        order.customer.country = country.values_by_name[country_in(version, number)].number
        if number % 6:
            order.at.seconds, order.at.nanos = 1_600_000_000 + number, number
        if number % 5 == 1:
            order.card = f"card {number}"
        elif number % 5 == 2:
            order.cash = number % 2
        if version < 3:
            order.price = number * 0.25 - 100
        if version > 1 and number % 10:
            order.note = "" if number % 10 == 5 else f"note {number}"
        if version == 3:
            order.customer.vip = number % 2 == 0
            if number % 5 == 3:
                order.token = b"\xff" * (number % 4)
        return order


Writer.run()
