//! A writer's schema against the reader's: which steps read a datum of the one into the columns of the other (rule A3).
//!
//! What the specification says about resolution is followed, and where it leaves a choice, Avro's Java library, which most
//! other readers of a topic use:
//!
//! * Names of records do not matter outside of unions. Enums and fixed types have the same name without their namespace,
//!   or an alias of the reader's.
//! * Of a reader's union that branch is taken which has the type of the writer: by its full name, by its name, by what is
//!   in it; only then one that the value can be promoted to.
//! * A logical type is taken for a plain type, and a plain type for a logical one; two different ones do not fit, as nothing
//!   would convert between them. Decimals may differ in precision, because every value is checked against the column's.
//! * What no column wants is not resolved but skipped.
//!
//! A writer's union may have branches that the reader does not take. Those of its values are bad, the others are not.

use std::collections::HashMap;

use arrow_schema::{DataType, Field as ArrowField};

use super::columns::Place;
use super::plan::{self, Blocks, Branch, Members, Op, Plan, ProgramId, Refusal, Symbol};
use super::schema::{Field, Logical, Named, Schema, Symbols, TypeId, Wire};
use super::value::{self, Decimal};
use crate::column::fixed_bytes;

/// The most steps of a plan, and the most pairs of types that are looked at to make one.
const MAX_STEPS: usize = 250_000;

/// Why two schemas do not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the reader's schema, as `.a.b`.
    path: String,
    reason: String,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.strip_prefix('.') {
            Some(path) => write!(f, "{path}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl Mismatch {
    fn new(reason: impl Into<String>) -> Mismatch {
        Mismatch { path: String::new(), reason: reason.into() }
    }

    fn inside(self, part: &str) -> Mismatch {
        Mismatch { path: format!("{part}{}", self.path), ..self }
    }
}

type Outcome<T> = std::result::Result<T, Mismatch>;

/// Steps, and what they may write beyond what the columns always take and the payload pays for, in bytes.
#[derive(Debug, Default)]
struct Code {
    ops: Vec<Op>,
    extra: usize,
}

impl Code {
    fn one(op: Op) -> Code {
        Code { ops: vec![op], extra: 0 }
    }

    fn append(&mut self, mut other: Code) {
        self.ops.append(&mut other.ops);
        self.extra = self.extra.saturating_add(other.extra);
    }
}

/// The plan that reads data of a writer's schema into columns.
pub fn resolve(writer: &Schema, reader: &Schema, place: &Place, columns: &[&ArrowField]) -> Outcome<Plan> {
    let mut plan = Plan::default();
    let mut work = 0;
    let mut resolver = Resolver { writer, reader, plan: &mut plan, skips: Skips::default(), work: &mut work };
    let code = resolver.value(writer.root(), reader.root(), place, columns)?;
    resolver.finish_skips()?;
    plan.root = plan.add(code.ops);
    plan.extra_bytes = code.extra;
    Ok(plan)
}

/// Programs that step over records.
#[derive(Debug, Default)]
struct Skips {
    programs: HashMap<TypeId, ProgramId>,
    /// Those whose steps are still to be written.
    pending: Vec<TypeId>,
}

struct Resolver<'s, 'p> {
    writer: &'s Schema,
    reader: &'s Schema,
    plan: &'p mut Plan,
    /// The programs that skip records of the writer's, also those that are not written yet.
    skips: Skips,
    work: &'p mut usize,
}

impl<'s> Resolver<'s, '_> {
    /// A value of the writer's type as one of the reader's.
    fn value(&mut self, written: TypeId, read: TypeId, place: &Place, columns: &[&ArrowField]) -> Outcome<Code> {
        self.count()?;
        let mut is_wanted = false;
        place.for_each(&mut |_| is_wanted = true);
        if !is_wanted {
            return self.skip(written);
        }
        if let Wire::Union(branches) = &self.writer.get(written).wire {
            return self.written_union(branches, read, place, columns);
        }
        if let Some(some) = self.reader.nullable(read) {
            if matches!(self.writer.get(written).wire, Wire::Null) {
                return Ok(nulls(place));
            }
            return self.value(written, some, place, columns);
        }
        match (&self.reader.get(read).wire, place) {
            (Wire::Union(branches), Place::Column(column)) => self.read_union(written, branches, *column, columns),
            (Wire::Record(_, fields), Place::Fields(places)) => match &self.writer.get(written).wire {
                Wire::Record(_, written) => self.fields(written, fields, places, columns),
                _ => Err(self.mismatch(written, read)),
            },
            (_, Place::Column(column)) => self.column(written, read, *column, columns),
            _ => Err(Mismatch::new("only a record has more columns than one")),
        }
    }

    /// Resolution costs at most so much, whatever the schemas are.
    fn count(&mut self) -> Outcome<()> {
        *self.work += 1;
        if *self.work > MAX_STEPS || self.plan.len() > MAX_STEPS {
            return Err(Mismatch::new(format!("resolving the schemas takes more than {MAX_STEPS} steps")));
        }
        Ok(())
    }

    fn mismatch(&self, written: TypeId, read: TypeId) -> Mismatch {
        let (read, written) = (self.reader.type_name(read), self.writer.type_name(written));
        Mismatch::new(format!("expected {read}, found {written}"))
    }

    /// Each branch of a writer's union on its own.
    fn written_union(
        &mut self,
        branches: &[TypeId],
        read: TypeId,
        place: &Place,
        columns: &[&ArrowField],
    ) -> Outcome<Code> {
        let codes: Vec<Outcome<Code>> =
            branches.iter().map(|branch| self.value(*branch, read, place, columns)).collect();
        if codes.iter().all(Result::is_err) {
            let first = codes.into_iter().find_map(Result::err);
            return Err(first.unwrap_or_else(|| Mismatch::new("expected a value, found a union of no types")));
        }
        let mut column = None;
        place.for_each(&mut |first| column = column.or(Some(first)));
        let mut extra = 0;
        let mut all = Vec::with_capacity(codes.len());
        for code in codes {
            let code = code.or_else(|mismatch| {
                let reason = format!("{mismatch}, in a value that the reader's schema does not take");
                let refusal = plan::add(&mut self.plan.refusals, Refusal { column, reason });
                Ok(Code::one(Op::Refuse { refusal }))
            })?;
            extra = extra.max(code.extra);
            all.push(code.ops);
        }
        let ops = match <[Vec<Op>; 2]>::try_from(all) {
            Ok([null, some]) if is_null(&null) => optional(0, &null, some),
            Ok([some, null]) if is_null(&null) => optional(1, &null, some),
            Ok(two) => self.union(column, two.into()),
            Err(all) => self.union(column, all),
        };
        Ok(Code { ops, extra })
    }

    fn union(&mut self, column: Option<usize>, branches: Vec<Vec<Op>>) -> Vec<Op> {
        let programs = branches.into_iter().map(|ops| self.plan.add(ops)).collect();
        let column = number(column.unwrap_or_default());
        vec![Op::Union { column, branches: plan::add(&mut self.plan.unions, programs) }]
    }

    /// A value as one of a reader's union, which is one column.
    fn read_union(
        &mut self,
        written: TypeId,
        branches: &[TypeId],
        column: usize,
        columns: &[&ArrowField],
    ) -> Outcome<Code> {
        let (reader, writer) = (self.reader, self.writer);
        let is_null = |id: TypeId, schema: &Schema| matches!(schema.get(id).wire, Wire::Null);
        if is_null(written, writer) && branches.iter().any(|branch| is_null(*branch, reader)) {
            return Ok(nulls(&Place::Column(column)));
        }
        // The members of a struct are the branches without null.
        let fields: Vec<&ArrowField> = match columns[column].data_type() {
            DataType::Struct(members) => members.iter().map(AsRef::as_ref).collect(),
            DataType::Union(children, _) => children.iter().map(|(_, child)| child.as_ref()).collect(),
            _ => Vec::new(),
        };
        let is_struct = matches!(columns[column].data_type(), DataType::Struct(_));
        let with_fields = branches.iter().filter(|branch| !is_struct || !is_null(**branch, reader)).zip(fields);
        let with_fields: Vec<(TypeId, &ArrowField)> = with_fields.map(|(branch, field)| (*branch, field)).collect();
        let mut places: Vec<usize> = (0..with_fields.len()).collect();
        places.sort_by_key(|place| self.distance(written, with_fields[*place].0));
        for place in places {
            let (branch, field) = with_fields[place];
            if let Ok(code) = self.value(written, branch, &Place::Column(0), &[field]) {
                let branch = Branch { place, name: field.name().clone(), program: self.plan.add(code.ops) };
                let (column, branch) = (number(column), plan::add(&mut self.plan.branches, branch));
                let op = if is_struct { Op::Member { column, branch } } else { Op::Child { column, branch } };
                return Ok(Code { ops: vec![op], extra: code.extra });
            }
            self.count()?;
        }
        let written = writer.type_name(written);
        Err(Mismatch::new(format!("expected a value of the reader's union, found {written}")))
    }

    /// How far a branch of the reader's is from a type of the writer's: 0 is the same.
    fn distance(&self, written: TypeId, branch: TypeId) -> u8 {
        let (written, read) = (&self.writer.get(written).wire, &self.reader.get(branch).wire);
        if std::mem::discriminant(written) != std::mem::discriminant(read) {
            return 3;
        }
        match (written, read) {
            (Wire::Record(written, _), Wire::Record(read, _))
            | (Wire::Enum(written, _), Wire::Enum(read, _))
            | (Wire::Fixed(written, _), Wire::Fixed(read, _)) => match () {
                () if read.is_exactly(written) => 0,
                () if read.is(written) => 1,
                () => 2,
            },
            _ => 0,
        }
    }

    /// A value that is in one column; neither type is a union.
    fn column(&mut self, written: TypeId, read: TypeId, column: usize, columns: &[&ArrowField]) -> Outcome<Code> {
        let (writer, reader) = (self.writer, self.reader);
        let (from, to) = (writer.get(written), reader.get(read));
        if !logical_types_fit(from.logical, to.logical) {
            return Err(Mismatch::new("expected the logical type of the reader's schema, found another"));
        }
        let field = columns[column];
        let place = number(column);
        Ok(match (&from.wire, &to.wire) {
            (Wire::Array(from), Wire::Array(to)) => {
                let DataType::List(item) = field.data_type() else { return Err(self.mismatch(written, read)) };
                let code = self.value(*from, *to, &Place::Column(0), &[item]).map_err(|m| m.inside("[]"))?;
                let blocks = self.blocks(*from, code, self.writer.is_nothing(*from), fixed_bytes(item.data_type()))?;
                Code::one(Op::List { column: place, blocks })
            }
            (Wire::Map(from), Wire::Map(to)) => {
                let DataType::Map(entries, _) = field.data_type() else { return Err(self.mismatch(written, read)) };
                let DataType::Struct(entry) = entries.data_type() else { return Err(self.mismatch(written, read)) };
                let code = self.value(*from, *to, &Place::Column(0), &[&entry[1]]).map_err(|m| m.inside("{}"))?;
                // A key has a length at least.
                let blocks = self.blocks(*from, code, false, fixed_bytes(entries.data_type()))?;
                Code::one(Op::Map { column: place, blocks })
            }
            (Wire::Record(_, from), Wire::Record(_, to)) => {
                let DataType::Struct(members) = field.data_type() else { return Err(self.mismatch(written, read)) };
                let places: Vec<Place> = (0..members.len()).map(Place::Column).collect();
                let fields: Vec<&ArrowField> = members.iter().map(AsRef::as_ref).collect();
                let code = self.fields(from, to, &places, &fields)?;
                let names = members.iter().map(|member| member.name().clone()).collect();
                let members = Members { program: self.plan.add(code.ops), names };
                let members = plan::add(&mut self.plan.structs, members);
                Code { ops: vec![Op::Struct { column: place, members }], extra: code.extra }
            }
            (Wire::Enum(from_name, from), Wire::Enum(to_name, to)) if to_name.is(from_name) => {
                self.symbols(from, to, place, field)?
            }
            (Wire::Fixed(from, size), Wire::Fixed(to, wanted)) => {
                self.fixed((from, *size), (to, *wanted), read, place)?
            }
            _ => self.scalar(written, read, place, field)?,
        })
    }

    /// A number, text or bytes.
    fn scalar(&mut self, written: TypeId, read: TypeId, column: u32, field: &ArrowField) -> Outcome<Code> {
        let (from, to) = (self.writer.get(written), self.reader.get(read));
        let op = match (&from.wire, &to.wire, to.logical) {
            (Wire::Null, Wire::Null, _) => Op::Null { column },
            (Wire::Boolean, Wire::Boolean, _) => Op::Boolean { column },
            (Wire::Int, Wire::Int, _) => Op::Int { column },
            (Wire::Int, Wire::Long, _) => Op::IntToLong { column },
            (Wire::Int, Wire::Float, _) => Op::IntToFloat { column },
            (Wire::Int, Wire::Double, _) => Op::IntToDouble { column },
            (Wire::Long, Wire::Long, _) => Op::Long { column },
            (Wire::Long, Wire::Float, _) => Op::LongToFloat { column },
            (Wire::Long, Wire::Double, _) => Op::LongToDouble { column },
            (Wire::Float, Wire::Float, _) => Op::Float { column },
            (Wire::Float, Wire::Double, _) => Op::FloatToDouble { column },
            (Wire::Double, Wire::Double, _) => Op::Double { column },
            (Wire::Bytes | Wire::String, Wire::String, Some(Logical::Uuid)) => Op::Uuid { column },
            (Wire::Bytes | Wire::String, Wire::String, _) => Op::Utf8 { column },
            (Wire::Bytes, Wire::Bytes, Some(Logical::Decimal { precision, scale })) => {
                let decimal = Decimal::new(None, precision, scale, field.data_type());
                return Ok(self.decimal(decimal, column));
            }
            (Wire::Bytes, Wire::Bytes, Some(Logical::BigDecimal)) => {
                return Ok(Code { ops: vec![Op::BigDecimal { column }], extra: value::MAX_TEXT });
            }
            (Wire::Bytes | Wire::String, Wire::Bytes, None) => Op::Binary { column },
            _ => return Err(self.mismatch(written, read)),
        };
        Ok(Code::one(op))
    }

    fn fixed(
        &mut self,
        (from, size): (&Named, usize),
        (to, wanted): (&Named, usize),
        read: TypeId,
        column: u32,
    ) -> Outcome<Code> {
        if size != wanted || !to.is(from) {
            let reason = format!("expected {} of {wanted} bytes, found {} of {size}", to.short(), from.short());
            return Err(Mismatch::new(reason));
        }
        Ok(match self.reader.get(read).logical {
            Some(Logical::Decimal { precision, scale }) => {
                let data_type = super::columns::decimal(precision, scale);
                self.decimal(Decimal::new(Some(size), precision, scale, &data_type), column)
            }
            Some(Logical::Uuid) => Code { ops: vec![Op::UuidOfBytes { column }], extra: value::UUID_LETTERS },
            _ => {
                let size = u32::try_from(size).map_err(|_| Mismatch::new("expected fewer bytes"))?;
                Code::one(Op::Fixed { column, size })
            }
        })
    }

    fn decimal(&mut self, decimal: Decimal, column: u32) -> Code {
        let op = Op::Decimal { column, decimal: plan::add(&mut self.plan.decimals, decimal) };
        Code { ops: vec![op], extra: decimal.extra_bytes() }
    }

    /// Symbols of the writer's as those of the reader's, by name.
    fn symbols(&mut self, from: &Symbols, to: &Symbols, column: u32, field: &ArrowField) -> Outcome<Code> {
        let places: HashMap<&str, usize> =
            to.names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let known = |name: &String| {
            let place = places.get(name.as_str()).copied().or(to.default)?;
            Some(Symbol { number: number(place), name: to.names.get(place)?.clone() })
        };
        let symbols: Vec<Option<Symbol>> = from.names.iter().map(known).collect();
        if symbols.iter().all(Option::is_none) {
            return Err(Mismatch::new("expected an enum that has symbols of the reader's, found one that has none"));
        }
        let longest = symbols.iter().flatten().map(|symbol| symbol.name.len()).max();
        let table = plan::add(&mut self.plan.enums, plan::Symbols(symbols));
        Ok(match field.data_type() {
            DataType::Dictionary(..) => Code::one(Op::Symbol { column, table }),
            _ => Code { ops: vec![Op::Enum { column, table }], extra: longest.unwrap_or(0) },
        })
    }

    /// What is done with the items of an array or the values of a map.
    fn blocks(&mut self, written: TypeId, code: Code, is_nothing: bool, bytes: usize) -> Outcome<u32> {
        let skip = self.skip(written)?;
        let (program, skip) = (self.plan.add(code.ops), self.plan.add(skip.ops));
        let item_bytes = bytes.saturating_add(code.extra);
        Ok(plan::add(&mut self.plan.blocks, Blocks { program, skip, is_nothing, item_bytes }))
    }

    /// The fields of a record, in the order of the writer's, then those that it does not have.
    fn fields(
        &mut self,
        written: &[Field],
        read: &[Field],
        places: &[Place],
        columns: &[&ArrowField],
    ) -> Outcome<Code> {
        let mut readers: Vec<Option<usize>> = vec![None; written.len()];
        let mut missing = Vec::new();
        let names: HashMap<&str, usize> =
            written.iter().enumerate().map(|(place, field)| (field.name.as_str(), place)).collect();
        for (index, field) in read.iter().enumerate() {
            let names_of = std::iter::once(&field.name).chain(&field.aliases);
            let mut found = names_of.filter_map(|name| names.get(name.as_str()));
            match found.find(|place| readers[**place].is_none()) {
                Some(place) => readers[*place] = Some(index),
                None => missing.push(index),
            }
        }
        let mut code = Code::default();
        for (field, reader) in written.iter().zip(readers) {
            let field_code = match reader {
                Some(index) => self.value(field.ty, read[index].ty, &places[index], columns),
                None => self.skip(field.ty),
            };
            code.append(field_code.map_err(|mismatch| mismatch.inside(&format!(".{}", field.name)))?);
        }
        for index in missing {
            let field = &read[index];
            let default = self.default(field, &places[index], columns);
            code.append(default.map_err(|mismatch| mismatch.inside(&format!(".{}", field.name)))?);
        }
        Ok(code)
    }

    /// A field that the writer does not have.
    fn default(&mut self, field: &Field, place: &Place, columns: &[&ArrowField]) -> Outcome<Code> {
        let mut is_wanted = false;
        place.for_each(&mut |_| is_wanted = true);
        if !is_wanted {
            return Ok(Code::default());
        }
        let datum = match &field.default {
            None => return Err(Mismatch::new("expected a field, found none, and the reader's schema has no default")),
            Some(Err(reason)) => {
                return Err(Mismatch::new(format!("expected a default of the field's type, found that {reason}")));
            }
            Some(Ok(datum)) => datum.clone(),
        };
        // A default is a datum that the reader has written.
        let (writer, reader) = (self.reader, self.reader);
        let mut inner = Resolver { writer, reader, plan: self.plan, skips: Skips::default(), work: self.work };
        let code = inner.value(field.ty, field.ty, place, columns)?;
        inner.finish_skips()?;
        let extra = code.extra.saturating_add(datum.len());
        let default = plan::Default { program: self.plan.add(code.ops), datum };
        let op = Op::Default { default: plan::add(&mut self.plan.defaults, default) };
        Ok(Code { ops: vec![op], extra })
    }

    /// Steps over a value that nobody wants.
    fn skip(&mut self, written: TypeId) -> Outcome<Code> {
        self.count()?;
        let writer = self.writer;
        let op = match &writer.get(written).wire {
            Wire::Null => return Ok(Code::default()),
            Wire::Boolean => Op::SkipBooleans { count: 1 },
            Wire::Int | Wire::Long => Op::SkipNumbers { count: 1 },
            Wire::Float => Op::Skip { size: 4 },
            Wire::Double => Op::Skip { size: 8 },
            Wire::Bytes | Wire::String => Op::SkipBytes,
            Wire::Fixed(_, size) => Op::Skip { size: u64::try_from(*size).unwrap_or(u64::MAX) },
            Wire::Enum(_, symbols) => Op::SkipEnum { symbols: number(symbols.names.len()) },
            Wire::Array(item) => Op::SkipArray { blocks: self.skipped_blocks(*item, writer.is_nothing(*item))? },
            Wire::Map(of) => Op::SkipMap { blocks: self.skipped_blocks(*of, false)? },
            Wire::Union(branches) => {
                let codes = branches.iter().map(|branch| self.skip(*branch).map(|code| code.ops));
                let mut codes: Vec<Vec<Op>> = codes.collect::<Outcome<_>>()?;
                let null = codes.iter().position(Vec::is_empty).filter(|_| codes.len() == 2);
                if let Some(null) = null {
                    let mut ops = vec![Op::SkipNullable { null: u8::from(null == 1), skip: 0 }];
                    ops.append(&mut codes[1 - null]);
                    ops[0] = Op::SkipNullable { null: u8::from(null == 1), skip: number(ops.len() - 1) };
                    return Ok(Code { ops, extra: 0 });
                }
                let programs = codes.into_iter().map(|ops| self.plan.add(ops)).collect();
                Op::SkipUnion { branches: plan::add(&mut self.plan.unions, programs) }
            }
            Wire::Record(..) => {
                // Written later, as the record may be inside itself.
                let plan = &mut *self.plan;
                Op::SkipRecord {
                    program: *self.skips.programs.entry(written).or_insert_with(|| {
                        self.skips.pending.push(written);
                        plan.reserve()
                    }),
                }
            }
        };
        Ok(Code::one(op))
    }

    fn skipped_blocks(&mut self, written: TypeId, is_nothing: bool) -> Outcome<u32> {
        let skip = self.skip(written)?;
        let skip = self.plan.add(skip.ops);
        Ok(plan::add(&mut self.plan.blocks, Blocks { program: skip, skip, is_nothing, item_bytes: 0 }))
    }

    /// Writes the programs that skip records.
    fn finish_skips(&mut self) -> Outcome<()> {
        while let Some(record) = self.skips.pending.pop() {
            let Wire::Record(_, fields) = &self.writer.get(record).wire else { continue };
            let mut code = Code::default();
            for field in fields {
                code.append(self.skip(field.ty)?);
            }
            if let Some(program) = self.skips.programs.get(&record) {
                self.plan.fill(*program, code.ops);
            }
        }
        Ok(())
    }
}

/// A null in every column.
fn nulls(place: &Place) -> Code {
    let mut code = Code::default();
    place.for_each(&mut |column| code.ops.push(Op::Null { column: number(column) }));
    code
}

fn is_null(ops: &[Op]) -> bool {
    matches!(ops, [Op::Null { .. }])
}

/// A null in one column, or other steps.
fn optional(null: u8, ops: &[Op], some: Vec<Op>) -> Vec<Op> {
    let mut all = Vec::with_capacity(some.len() + 1);
    if let [Op::Null { column }] = *ops {
        all.push(Op::Nullable { column, null, skip: number(some.len()) });
    }
    all.extend(some);
    all
}

/// Whether values of one logical type can be read as those of another.
fn logical_types_fit(written: Option<Logical>, read: Option<Logical>) -> bool {
    match (written, read) {
        (Some(Logical::Decimal { scale: written, .. }), Some(Logical::Decimal { scale: read, .. })) => written == read,
        (Some(written), Some(read)) => written == read,
        _ => true,
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("a schema has fewer parts than 2^32")
}
