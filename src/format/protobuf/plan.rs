//! What becomes of the fields of a message: tables that are made once and run through for each record.
//!
//! A message is read into columns that are filled together: those of the table, the members of a struct, or the one column
//! of a list's items. Fields name columns by their place among these. A message inside a message may be read into the same
//! columns as the one around it, or into the members of one of them.

use std::collections::HashMap;

use arrow_schema::{DataType, Field as ArrowField};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind as FieldKind};

use super::columns::{Goal, Kind, Wanted, WantedField};
use super::json::Shape;
use super::time;
use super::wire::{Key, Tag, WireType};
use crate::column;

/// Everything that is done with a message.
#[derive(Debug, Default)]
pub struct Plan {
    pub messages: Vec<Message>,
    pub lists: Vec<List>,
    pub maps: Vec<Map>,
    pub enums: Vec<Names>,
    /// The place of each enum among them, by its name.
    enum_places: HashMap<String, u32>,
    /// The message that a payload is.
    pub root: MessageId,
}

/// Which message of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageId(u32);

/// A message, and which of its fields are wanted.
#[derive(Debug, Default)]
pub struct Message {
    /// By ascending number, which is the order in which serializers write them.
    pub fields: Vec<Field>,
    /// By number, one more than the place among them; 0: nobody wants it. Not of all numbers, if they are large.
    places: Vec<u32>,
    /// Places of the fields that are not written before the message has ended.
    pub ends: Vec<u32>,
    /// How many things have to be remembered while it is read.
    pub slots: usize,
    /// The columns that it is read into.
    pub columns: Vec<u32>,
    /// What a value takes in them, before any text, bytes and items.
    pub bytes: usize,
    /// The names of the columns, if they are the members of a struct.
    pub names: Vec<String>,
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// What a serializer writes in front of it.
    pub key: Key,
    /// The same as bytes, if it can be guessed that they come.
    pub tag: Tag,
    pub op: Op,
    pub absent: Absent,
    /// The column that it goes to; of a message that has the same columns, none.
    pub column: Option<u32>,
    /// Where what is to be remembered of it is.
    pub slot: u32,
    /// Where it is remembered which member a oneof has that it belongs to.
    pub oneof: Option<u32>,
    /// How many fields from this one on are of the same op, one of the usual ones, the same if they are not there, and for
    /// columns that follow each other. 0 if these and others of the usual ops that follow are few.
    pub run: u32,
}

/// What is read, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// int32, and an enum as its number.
    Int32,
    Uint32,
    Sint32,
    /// int64 and uint64.
    Varint64,
    Sint64,
    Bool,
    /// fixed32, sfixed32, float.
    Bits32,
    /// fixed64, sfixed64, double.
    Bits64,
    Text,
    Bytes,
    /// An enum as its name, by [`Plan::enums`].
    Name(u32),
    /// A message that is read into the same columns.
    Message(MessageId),
    /// A message that is read into the members of a struct.
    Struct(MessageId),
    /// A time, as nanoseconds.
    Time(time::Kind),
    /// JSON text.
    Json(Shape),
    /// By [`Plan::lists`].
    List(u32),
    /// By [`Plan::maps`].
    Map(u32),
    /// Nothing: nobody wants it, but it clears other members of its oneof.
    Unwanted,
}

impl Op {
    /// Whether it is one value, of which the last one holds.
    #[inline(always)]
    pub fn is_scalar(self) -> bool {
        matches!(
            self,
            Op::Int32
                | Op::Uint32
                | Op::Sint32
                | Op::Varint64
                | Op::Sint64
                | Op::Bool
                | Op::Bits32
                | Op::Bits64
                | Op::Text
                | Op::Bytes
                | Op::Name(_)
        )
    }

    /// Whether it is one value, which is written as soon as it is read, rather than when its message has ended.
    #[inline(always)]
    pub fn is_value(self) -> bool {
        self.is_scalar() || matches!(self, Op::Time(_))
    }
}

/// What is written for a field that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// What [`Message::ends`] does with a field of which nothing is remembered: lists and maps are empty, messages null.
    Later,
    /// The same, but a message is there and empty.
    Empty,
    Null,
    False,
    Bits32(u32),
    Zero64,
    NoText,
    NoBytes,
    /// The name of an enum's first value, by [`Plan::enums`].
    Name(u32),
}

/// What the items of a list are.
#[derive(Debug)]
pub struct List {
    pub op: Op,
    /// The wire type of an item that stands alone.
    pub wire_type: WireType,
    /// Whether items may stand together behind one tag.
    pub is_packable: bool,
    /// What an item takes in its columns, before any text or bytes that the payload pays for.
    pub item_bytes: usize,
}

/// What the entries of a map are.
#[derive(Debug)]
pub struct Map {
    /// The entry, whose columns are the key and the value.
    pub entry: MessageId,
    /// The key's tag, and what it is.
    pub key: Key,
    pub key_op: Op,
    /// What an entry takes in its columns, before any text or bytes that the payload pays for.
    pub entry_bytes: usize,
}

/// The names of an enum's values.
#[derive(Debug)]
pub struct Names {
    /// By number, as far as these are small.
    dense: Vec<Option<Box<str>>>,
    sparse: HashMap<i32, Box<str>>,
    /// The one of the first value, which is what a field is that is not there.
    pub first: Box<str>,
}

/// Numbers up to this one are looked up in tables, whatever the others are.
const FEW: u32 = 64;
/// Fewer fields of the usual ops than this, one behind the other, are read like others.
const FEW_USUAL: usize = 4;

impl Names {
    fn new(of: &EnumDescriptor) -> Names {
        let (mut dense, mut sparse) = (Vec::new(), HashMap::new());
        let proto = of.enum_descriptor_proto();
        for value in &proto.value {
            let name: Box<str> = value.name().into();
            match usize::try_from(value.number()) {
                Ok(number) if value.number().unsigned_abs() < FEW + 4 * count(&proto.value) => {
                    if dense.len() <= number {
                        dense.resize(number + 1, None);
                    }
                    // Of several names for a number, the first one is the name.
                    dense[number].get_or_insert(name);
                }
                _ => drop(sparse.entry(value.number()).or_insert(name)),
            }
        }
        Names { dense, sparse, first: of.default_value().name().into() }
    }

    /// The name of a number, if it has one.
    #[inline]
    pub fn get(&self, number: i32) -> Option<&str> {
        let name = match usize::try_from(number) {
            Ok(place) if place < self.dense.len() => self.dense[place].as_deref(),
            _ => None,
        };
        name.or_else(|| self.sparse.get(&number).map(|name| &**name))
    }
}

impl Message {
    /// The place of the field of this number.
    #[inline(always)]
    pub fn place(&self, number: u32) -> Option<usize> {
        match self.places.get(number as usize) {
            Some(0) => None,
            Some(place) => Some(*place as usize - 1),
            None => self.fields.binary_search_by_key(&number, |field| field.key.number()).ok(),
        }
    }

    fn set_fields(&mut self, mut fields: Vec<Field>) {
        fields.sort_by_key(|field| field.key.number());
        let most = FEW + 8 * count(&fields);
        for (place, field) in fields.iter().enumerate() {
            let number = field.key.number();
            if number < most {
                self.places.resize(number as usize + 1, 0);
                self.places[number as usize] = index(place + 1);
            }
        }
        for place in (0..fields.len()).rev() {
            let next = fields.get(place + 1).map(|next| (next.op, next.absent, next.column, next.run));
            let field = &mut fields[place];
            // Groups are none of the usual: nothing tells where they end.
            if let (op @ (Op::Varint64 | Op::Bits64 | Op::Text | Op::Time(_)), Some(column)) = (field.op, field.column)
                && field.key.wire_type() != Ok(WireType::Group)
                && field.tag != Tag::NEVER
            {
                let same = (op, field.absent, Some(column + 1));
                let next = next.filter(|(op, absent, column, _)| (*op, *absent, *column) == same);
                field.run = 1 + next.map_or(0, |(.., run)| run);
            }
        }
        // Going over to them and back costs as much as they gain, if they are few.
        let alike = |one: &Field, next: &Field| (one.run > 0) == (next.run > 0);
        for few in fields.chunk_by_mut(alike).filter(|fields| fields.len() < FEW_USUAL) {
            few.iter_mut().for_each(|field| field.run = 0);
        }
        let ends = fields.iter().enumerate();
        let ends = ends.filter(|(_, field)| !field.op.is_value() && field.op != Op::Unwanted);
        self.ends = ends.map(|(place, _)| index(place)).collect();
        self.fields = fields;
    }
}

impl Plan {
    /// The plan for a message that is read into columns of these types.
    pub fn new(wanted: &Wanted, fields: &[ArrowField]) -> Plan {
        let mut plan = Plan::default();
        plan.root = plan.message(wanted, &fields.iter().collect::<Vec<_>>());
        plan
    }

    #[inline(always)]
    pub fn message_of(&self, id: MessageId) -> &Message {
        &self.messages[id.0 as usize]
    }

    fn add_message(&mut self, message: Message) -> MessageId {
        MessageId(add(&mut self.messages, message))
    }

    fn message(&mut self, wanted: &Wanted, types: &[&ArrowField]) -> MessageId {
        let mut builder = Builder::default();
        for wanted in &wanted.fields {
            builder.field(self, wanted, types);
        }
        builder.add_unwanted(wanted);
        builder.finish(self, types)
    }

    /// The members of a struct, which is of this type.
    fn members(&mut self, wanted: &Wanted, data_type: &DataType) -> MessageId {
        let members = members_of(data_type);
        let message = self.message(wanted, &members);
        self.messages[message.0 as usize].names = members.iter().map(|member| member.name().clone()).collect();
        message
    }

    /// What is done with a value of this kind, which goes into one of the columns of these types.
    fn op(&mut self, kind: &Kind, field: &FieldDescriptor, column: usize, types: &[&ArrowField]) -> Op {
        let data_type = types[column].data_type();
        match kind {
            Kind::Scalar => scalar(field),
            Kind::EnumName(of) => Op::Name(self.names(of)),
            Kind::EnumNumber => Op::Int32,
            Kind::Timestamp => Op::Time(time::Kind::Timestamp),
            Kind::Duration => Op::Time(time::Kind::Duration),
            Kind::Wrapper(value) => {
                let field = Field::new(scalar(value), wire_type(value), value.number(), Some(column));
                Op::Message(self.well_known(vec![field], &[column], types))
            }
            Kind::FieldMask => {
                let DataType::List(item) = data_type else { unreachable!("paths are a list") };
                let item_bytes = column::fixed_bytes(item.data_type());
                let list = List { op: Op::Text, wire_type: WireType::Length, is_packable: false, item_bytes };
                let list = Op::List(add(&mut self.lists, list));
                let paths = Field::new(list, WireType::Length, 1, Some(column));
                Op::Message(self.well_known(vec![paths], &[column], types))
            }
            Kind::Any => {
                let members = members_of(data_type);
                let type_url = Field::new(Op::Text, WireType::Length, 1, Some(0));
                let value = Field::new(Op::Bytes, WireType::Length, 2, Some(1));
                let message = self.well_known(vec![type_url, value], &[0, 1], &members);
                self.messages[message.0 as usize].names = members.iter().map(|member| member.name().clone()).collect();
                Op::Struct(message)
            }
            Kind::Json(message) => Op::Json(Shape::of(message)),
            Kind::Struct(wanted) => Op::Struct(self.members(wanted, data_type)),
            Kind::List(items) => {
                let DataType::List(item) = data_type else { unreachable!("a repeated field is a list") };
                let op = self.op(items, field, 0, &[item]);
                let wire_type = wire_type(field);
                let is_packable = !matches!(wire_type, WireType::Length | WireType::Group);
                let item_bytes = column::fixed_bytes(item.data_type());
                Op::List(add(&mut self.lists, List { op, wire_type, is_packable, item_bytes }))
            }
            Kind::Map { key, value_field, value } => {
                let DataType::Map(entries, _) = data_type else { unreachable!("a map field is a map") };
                let members = members_of(entries.data_type());
                let key_op = scalar(key);
                let mut keys = Field::new(key_op, wire_type(key), key.number(), Some(0));
                let mut values = Field::of(value_field, self.op(value, value_field, 1, &members), Some(1));
                // In an entry everything is there, whether it is written or not.
                (keys.absent, values.absent) =
                    (self.when_absent(key, key_op), self.when_absent(value_field, values.op));
                let key = keys.key;
                let entry = self.well_known(vec![keys, values], &[0, 1], &members);
                let entry_bytes = self.message_of(entry).bytes;
                Op::Map(add(&mut self.maps, Map { entry, key, key_op, entry_bytes }))
            }
        }
    }

    /// The place of an enum's names, which all its fields share.
    fn names(&mut self, of: &EnumDescriptor) -> u32 {
        let place = self.enum_places.entry(of.full_name().to_owned());
        *place.or_insert_with(|| add(&mut self.enums, Names::new(of)))
    }

    /// A message of these fields, whoever wants them.
    fn well_known(&mut self, fields: Vec<Field>, columns: &[usize], types: &[&ArrowField]) -> MessageId {
        let mut builder = Builder { columns: columns.to_vec(), ..Builder::default() };
        for field in fields {
            builder.add(field);
        }
        builder.finish(self, types)
    }

    /// What is written for a field that is not there, if that is a value.
    fn when_absent(&self, field: &FieldDescriptor, op: Op) -> Absent {
        let first = match field.kind() {
            FieldKind::Enum(of) => of.default_value().number(),
            _ => 0,
        };
        match op {
            Op::Name(table) => Absent::Name(table),
            Op::Int32 => Absent::Bits32(first.cast_unsigned()),
            op if op.is_value() => zero(op),
            _ => Absent::Empty,
        }
    }
}

/// Makes a message of its fields.
#[derive(Default)]
struct Builder {
    fields: Vec<Field>,
    columns: Vec<usize>,
    slots: u32,
    /// By the name of a oneof, which has several members, where it is remembered which of them it has.
    oneofs: HashMap<String, u32>,
}

impl Builder {
    fn add(&mut self, mut field: Field) {
        if matches!(field.op, Op::Unwanted | Op::List(_)) || field.op.is_value() {
            self.fields.push(field);
            return;
        }
        field.slot = self.slot();
        self.fields.push(field);
    }

    fn slot(&mut self) -> u32 {
        self.slots += 1;
        self.slots - 1
    }

    fn field(&mut self, plan: &mut Plan, wanted: &WantedField, types: &[&ArrowField]) {
        let descriptor = &wanted.field;
        let mut field = match &wanted.goal {
            Goal::Flat(inside) => {
                let message = plan.message(inside, types);
                self.columns.extend(plan.message_of(message).columns.iter().map(|column| *column as usize));
                Field::of(descriptor, Op::Message(message), None)
            }
            Goal::Column { column, kind } => {
                self.columns.push(*column);
                let op = plan.op(kind, descriptor, *column, types);
                let absent = plan.when_absent(descriptor, op);
                let mut field = Field::of(descriptor, op, Some(*column));
                if op.is_value() {
                    field.absent = if descriptor.supports_presence() { Absent::Null } else { absent };
                }
                field
            }
        };
        if let Some(oneof) = descriptor.containing_oneof().filter(|oneof| oneof.fields().len() > 1) {
            let slot = match self.oneofs.get(oneof.full_name()) {
                Some(slot) => *slot,
                None => self.slot(),
            };
            self.oneofs.insert(oneof.full_name().to_owned(), slot);
            field.oneof = Some(slot);
            // That others of its oneof are not there has to be seen to first.
            field.tag = Tag::NEVER;
        }
        self.add(field);
    }

    /// Adds the members that nobody wants of oneofs that have others.
    fn add_unwanted(&mut self, wanted: &Wanted) {
        for oneof in wanted.message.oneofs() {
            let Some(slot) = self.oneofs.get(oneof.full_name()).copied() else { continue };
            for member in oneof.fields() {
                if !self.fields.iter().any(|field| field.key.number() == member.number()) {
                    let mut field = Field::of(&member, Op::Unwanted, None);
                    (field.oneof, field.tag) = (Some(slot), Tag::NEVER);
                    self.add(field);
                }
            }
        }
    }

    fn finish(mut self, plan: &mut Plan, types: &[&ArrowField]) -> MessageId {
        self.columns.sort_unstable();
        let bytes = self.columns.iter().map(|column| column::fixed_bytes(types[*column].data_type())).sum();
        let columns = self.columns.iter().map(|column| index(*column)).collect();
        let mut message = Message { columns, bytes, slots: self.slots as usize, ..Message::default() };
        message.set_fields(self.fields);
        plan.add_message(message)
    }
}

impl Field {
    /// A field that has no presence, or is no value.
    fn new(op: Op, wire_type: WireType, number: u32, column: Option<usize>) -> Field {
        let key = Key::new(number, wire_type);
        let absent = if op.is_value() { zero(op) } else { Absent::Later };
        Field { key, tag: key.tag(), op, absent, column: column.map(index), slot: 0, oneof: None, run: 0 }
    }

    fn of(descriptor: &FieldDescriptor, op: Op, column: Option<usize>) -> Field {
        let wire_type = if descriptor.is_packed() { WireType::Length } else { wire_type(descriptor) };
        Field::new(op, wire_type, descriptor.number(), column)
    }
}

/// What a value is that is not there.
fn zero(op: Op) -> Absent {
    match op {
        Op::Bool => Absent::False,
        Op::Varint64 | Op::Sint64 | Op::Bits64 | Op::Time(_) => Absent::Zero64,
        Op::Text => Absent::NoText,
        Op::Bytes => Absent::NoBytes,
        Op::Name(table) => Absent::Name(table),
        _ => Absent::Bits32(0),
    }
}

fn scalar(field: &FieldDescriptor) -> Op {
    match field.kind() {
        FieldKind::Int32 | FieldKind::Enum(_) => Op::Int32,
        FieldKind::Int64 | FieldKind::Uint64 => Op::Varint64,
        FieldKind::Uint32 => Op::Uint32,
        FieldKind::Sint32 => Op::Sint32,
        FieldKind::Sint64 => Op::Sint64,
        FieldKind::Fixed32 | FieldKind::Sfixed32 | FieldKind::Float => Op::Bits32,
        FieldKind::Fixed64 | FieldKind::Sfixed64 | FieldKind::Double => Op::Bits64,
        FieldKind::Bool => Op::Bool,
        FieldKind::String => Op::Text,
        FieldKind::Bytes => Op::Bytes,
        FieldKind::Message(_) => unreachable!("a message is no scalar"),
    }
}

/// The wire type of one value of a field.
fn wire_type(field: &FieldDescriptor) -> WireType {
    match field.kind() {
        FieldKind::Double | FieldKind::Fixed64 | FieldKind::Sfixed64 => WireType::Bits64,
        FieldKind::Float | FieldKind::Fixed32 | FieldKind::Sfixed32 => WireType::Bits32,
        FieldKind::Message(_) if field.is_group() => WireType::Group,
        FieldKind::String | FieldKind::Bytes | FieldKind::Message(_) => WireType::Length,
        _ => WireType::Varint,
    }
}

fn members_of(data_type: &DataType) -> Vec<&ArrowField> {
    let DataType::Struct(members) = data_type else { unreachable!("a message is a struct") };
    members.iter().map(|member| &**member).collect()
}

/// Adds to one of a plan's tables, and tells the place.
fn add<T>(table: &mut Vec<T>, entry: T) -> u32 {
    table.push(entry);
    index(table.len() - 1)
}

fn index(index: usize) -> u32 {
    u32::try_from(index).expect("a plan has fewer fields than 2^32")
}

fn count<T>(of: &[T]) -> u32 {
    index(of.len())
}
