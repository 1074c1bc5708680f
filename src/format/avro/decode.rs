//! One pass over a datum, step by step as its plan says, straight into columns.

use std::collections::{HashMap, HashSet};
use std::slice;

use super::datum::{Datum, Malformed};
use super::plan::{Blocks, Branch, NOWHERE, Op, Plan, ProgramId};
use super::value::{self, Misfit};
use crate::column::ColumnBuffer;
use crate::format::{BadValue, varint};

/// What the items of all lists and the entries of all maps of one record may take, before any text or bytes. An item of a
/// few bytes can be a struct of a thousand members.
const MAX_ITEM_BYTES: usize = 256 * 1024 * 1024;

/// The most items of one record that take no bytes, all arrays together: their number is all that the datum says of them, and
/// any number can be claimed.
const MAX_NOTHINGS: usize = 64 * 1024;

/// How deeply values may be inside one another that nobody wants. What is wanted is no deeper than types are.
const MAX_SKIP_DEPTH: usize = 1000;

/// Maps of up to this many entries are looked through for a key that comes twice; larger ones are hashed.
const FEW_KEYS: usize = 16;

/// What is found where the items of one record take more than a row may.
const TOO_MANY_ITEMS: Misfit = "expected fewer items, found more than a row may hold";

/// Why a value has not been written.
#[derive(Debug)]
struct Fault {
    /// Which of the columns that are filled together.
    column: Option<usize>,
    /// Where inside that column.
    path: String,
    reason: String,
}

impl Fault {
    /// The same, seen from around the item of this index.
    #[cold]
    fn inside_item(mut self: Box<Fault>, index: usize) -> Box<Fault> {
        self.path.insert_str(0, &format!("[{index}]"));
        self
    }

    /// The same, seen from around the member of this name.
    #[cold]
    fn inside_member(mut self: Box<Fault>, name: &str) -> Box<Fault> {
        self.path.insert_str(0, &format!(".{name}"));
        self
    }

    /// The same, seen from around the members of these names.
    #[cold]
    fn inside_members(self: Box<Fault>, names: &[String]) -> Box<Fault> {
        match self.column.and_then(|column| names.get(column)) {
            Some(name) => self.inside_member(name),
            None => self,
        }
    }
}

/// What ended a step.
enum Cause {
    Malformed(Malformed),
    /// The same of a step for several columns, at the one that is so many behind the first.
    At(usize, Malformed),
    Misfit(Misfit),
    /// The step itself, or one inside it, has said what.
    Fault(Box<Fault>),
}

impl From<Malformed> for Cause {
    #[inline(always)]
    fn from(malformed: Malformed) -> Cause {
        Cause::Malformed(malformed)
    }
}

impl From<Misfit> for Cause {
    #[inline(always)]
    fn from(misfit: Misfit) -> Cause {
        Cause::Misfit(misfit)
    }
}

impl From<Box<Fault>> for Cause {
    #[inline(always)]
    fn from(fault: Box<Fault>) -> Cause {
        Cause::Fault(fault)
    }
}

type Step = std::result::Result<(), Cause>;
type Outcome = std::result::Result<(), Box<Fault>>;

/// Writes a datum into columns, as the plan says. Returns what the row takes beside what its columns always take and the
/// bytes of the payload.
#[inline]
pub fn decode(plan: &Plan, datum: &[u8], columns: &mut [ColumnBuffer]) -> std::result::Result<usize, BadValue> {
    let mut pass = Pass {
        plan,
        datum: Datum::new(datum),
        length: datum.len(),
        room: MAX_ITEM_BYTES,
        nothings: 0,
        depth: 0,
        maps_are_odd: false,
    };
    match pass.run(plan.root, columns) {
        Ok(()) => Ok(MAX_ITEM_BYTES - pass.room + plan.extra_bytes),
        Err(fault) => Err(BadValue { column: fault.column, path: fault.path, reason: fault.reason }),
    }
}

/// One datum on its way into columns.
struct Pass<'a> {
    plan: &'a Plan,
    datum: Datum<'a>,
    /// How many bytes the datum has as a whole.
    length: usize,
    /// What further items of lists and entries of maps may take.
    room: usize,
    /// How many items there were that take no bytes.
    nothings: usize,
    /// How many values are being skipped, each inside the one before.
    depth: usize,
    /// Whether a map was read whose keys are not all different. Then all that follow are looked through before, or a map of
    /// maps of maps would be read twice as often at each level.
    maps_are_odd: bool,
}

/// A block of an array or a map.
struct Block {
    count: usize,
    /// How many bytes are left of the datum behind it, if it says so.
    left_behind: Option<usize>,
}

impl<'a> Pass<'a> {
    /// Runs a program, which writes one value into each of its columns, or ends with what is wrong.
    fn run(&mut self, program: ProgramId, columns: &mut [ColumnBuffer]) -> Outcome {
        let ops = self.plan.ops(program);
        // Of its own, so that it can stay in registers from one step to the next.
        let mut datum = self.datum;
        let mut next = 0;
        while let Some(op) = ops.get(next) {
            next += 1;
            if let Err(cause) = self.step(op, &mut datum, columns, &mut next) {
                self.datum = datum;
                return Err(self.fault(*op, cause));
            }
        }
        self.datum = datum;
        Ok(())
    }

    #[inline(always)]
    fn step(&mut self, op: &Op, datum: &mut Datum<'a>, columns: &mut [ColumnBuffer], next: &mut usize) -> Step {
        match *op {
            Op::Long { column } => columns[column as usize].push_i64(datum.long()?),
            Op::Longs { column, count } => {
                let columns = &mut columns[column as usize..][..count as usize];
                for (place, column) in columns.iter_mut().enumerate() {
                    match datum.long() {
                        Ok(value) => column.push_i64(value),
                        Err(malformed) => return Err(Cause::At(place, malformed)),
                    }
                }
            }
            Op::SomeLongs { first, count } => {
                let targets = &self.plan.targets[first as usize..][..count as usize];
                for (place, target) in targets.iter().enumerate() {
                    match (datum.varint(), columns.get_mut(*target as usize)) {
                        (Ok(value), Some(column)) => column.push_i64(varint::signed(value)),
                        (Ok(_), None) => {}
                        (Err(malformed), _) => return Err(Cause::At(place, malformed)),
                    }
                }
            }
            Op::Double { column } => columns[column as usize].push_f64(f64::from_le_bytes(datum.array()?)),
            Op::Doubles { column, count } => {
                let columns = &mut columns[column as usize..][..count as usize];
                for (place, column) in columns.iter_mut().enumerate() {
                    match datum.array() {
                        Ok(bytes) => column.push_f64(f64::from_le_bytes(bytes)),
                        Err(malformed) => return Err(Cause::At(place, malformed)),
                    }
                }
            }
            Op::Utf8 { column } => {
                let (text, length) = datum.bytes_and_more()?;
                columns[column as usize].push_text(text, length).map_err(|_| Malformed::Utf8)?;
            }
            Op::Nullable { column, null, skip } => {
                if is_null(datum, null)? {
                    columns[column as usize].push_null();
                    *next += skip as usize;
                }
            }
            Op::Null { column } => columns[column as usize].push_null(),
            Op::Boolean { column } => columns[column as usize].push_bool(datum.boolean()?),
            Op::Int { column } => columns[column as usize].push_i32(datum.int()?),
            Op::IntToLong { column } => columns[column as usize].push_i64(datum.int()?.into()),
            // Rounded to the nearest, as the specification has it.
            Op::IntToFloat { column } => columns[column as usize].push_f32(datum.int()? as f32),
            Op::IntToDouble { column } => columns[column as usize].push_f64(datum.int()?.into()),
            Op::LongToFloat { column } => columns[column as usize].push_f32(datum.long()? as f32),
            Op::LongToDouble { column } => columns[column as usize].push_f64(datum.long()? as f64),
            Op::Float { column } => columns[column as usize].push_f32(f32::from_le_bytes(datum.array()?)),
            Op::FloatToDouble { column } => {
                columns[column as usize].push_f64(f32::from_le_bytes(datum.array()?).into());
            }
            Op::Binary { column } => columns[column as usize].push_bytes(datum.bytes()?),
            Op::Fixed { column, size } => columns[column as usize].push_fixed(datum.take(size as usize)?),
            Op::Enum { column, table } => {
                let symbol = self.symbol(datum, table)?;
                columns[column as usize].push_str(&symbol.name);
            }
            Op::Symbol { column, table } => {
                let symbol = self.symbol(datum, table)?;
                columns[column as usize].push_symbol(symbol.number);
            }
            Op::Uuid { column } => value::write_uuid(datum.bytes()?, &mut columns[column as usize])?,
            Op::UuidOfBytes { column } => {
                let uuid = apache_avro::Uuid::from_bytes(datum.array()?);
                value::push_uuid(uuid, &mut columns[column as usize]);
            }
            Op::Decimal { column, decimal } => {
                let decimal = &self.plan.decimals[decimal as usize];
                let bytes = match decimal.size {
                    Some(size) => datum.take(size)?,
                    None => datum.bytes()?,
                };
                decimal.write(bytes, &mut columns[column as usize])?;
            }
            Op::BigDecimal { column } => {
                value::write_big_decimal(datum.bytes()?, &mut columns[column as usize])?;
            }
            Op::SkipNumbers { count: 1 } => datum.skip_number()?,
            Op::SkipNumbers { count } => datum.skip_numbers(count)?,
            Op::SkipBytes => datum.bytes().map(drop)?,
            Op::SkipBooleans { count: 1 } => datum.boolean().map(drop)?,
            Op::SkipBooleans { count } => datum.skip_booleans(count)?,
            Op::Skip { size } => skip_bytes(datum, size)?,
            Op::SkipEnum { symbols } => skip_enum(datum, symbols)?,
            Op::SkipNullable { null, skip } => {
                if is_null(datum, null)? {
                    *next += skip as usize;
                }
            }
            _ => {
                self.datum = *datum;
                let outcome = self.step_inside(*op, columns);
                *datum = self.datum;
                outcome?;
            }
        }
        Ok(())
    }

    /// A step that runs others.
    #[inline(never)]
    fn step_inside(&mut self, op: Op, columns: &mut [ColumnBuffer]) -> Step {
        match op {
            Op::Union { branches, .. } => {
                let branch = self.branch(branches)?;
                self.run(branch, columns)?;
            }
            Op::List { column, blocks } => {
                self.list(&self.plan.blocks[blocks as usize], &mut columns[column as usize])?
            }
            Op::Map { column, blocks } => {
                self.map(&self.plan.blocks[blocks as usize], &mut columns[column as usize])?
            }
            Op::Struct { column, members } => {
                let members = &self.plan.structs[members as usize];
                let column = &mut columns[column as usize];
                self.run(members.program, column.struct_members()).map_err(|f| f.inside_members(&members.names))?;
                column.end_struct();
            }
            Op::Member { column, branch } => {
                let branch = &self.plan.branches[branch as usize];
                let column = &mut columns[column as usize];
                for (place, member) in column.struct_members().iter_mut().enumerate() {
                    if place == branch.place {
                        self.branch_value(branch, member)?;
                    } else {
                        member.push_null();
                    }
                }
                column.end_struct();
            }
            Op::Child { column, branch } => {
                let branch = &self.plan.branches[branch as usize];
                let column = &mut columns[column as usize];
                self.branch_value(branch, &mut column.union_children()[branch.place])?;
                column.end_union(branch.place);
            }
            Op::Default { default } => {
                let default = &self.plan.defaults[default as usize];
                let datum = std::mem::replace(&mut self.datum, Datum::new(&default.datum));
                self.run(default.program, columns)?;
                self.datum = datum;
            }
            Op::Refuse { refusal } => {
                let refusal = &self.plan.refusals[refusal as usize];
                let (column, reason) = (refusal.column, refusal.reason.clone());
                return Err(Box::new(Fault { column, path: String::new(), reason }).into());
            }
            _ => self.skip_inside(op)?,
        }
        Ok(())
    }

    /// What a step ended with, and which column is without its value for that.
    #[cold]
    #[inline(never)]
    fn fault(&self, op: Op, cause: Cause) -> Box<Fault> {
        let path = String::new();
        let column = match (&cause, op) {
            (Cause::At(place, _), Op::Longs { column, .. } | Op::Doubles { column, .. }) => {
                Some(column as usize + place)
            }
            (Cause::At(place, _), Op::SomeLongs { first, .. }) => {
                let target = self.plan.targets[first as usize + place];
                (target != NOWHERE).then_some(target as usize)
            }
            _ => op.column(),
        };
        match cause {
            Cause::Malformed(malformed) | Cause::At(_, malformed) => {
                let at = self.length.saturating_sub(self.datum.left());
                let reason = format!("malformed avro at byte {at}: {}", malformed.told());
                Box::new(Fault { column, path, reason })
            }
            Cause::Misfit(misfit) => Box::new(Fault { column, path, reason: misfit.to_owned() }),
            Cause::Fault(fault) => match (op, column) {
                // What was read into the same columns has told which of them is bad.
                (Op::Union { .. }, _) | (_, None) => fault,
                (_, Some(_)) => Box::new(Fault { column, ..*fault }),
            },
        }
    }

    /// Writes the value of a reader's branch.
    fn branch_value(&mut self, branch: &Branch, column: &mut ColumnBuffer) -> Outcome {
        self.run(branch.program, slice::from_mut(column)).map_err(|fault| fault.inside_member(&branch.name))
    }

    /// Which branch of a writer's union comes next.
    fn branch(&mut self, union: u32) -> std::result::Result<ProgramId, Malformed> {
        let branches = &self.plan.unions[union as usize];
        let number = usize::try_from(self.datum.long()?).ok();
        number.and_then(|number| branches.get(number)).copied().ok_or(Malformed::Branch)
    }

    #[inline(always)]
    fn symbol(&self, datum: &mut Datum<'a>, table: u32) -> std::result::Result<&'a super::plan::Symbol, Cause> {
        let symbols = &self.plan.enums[table as usize].0;
        let number = usize::try_from(datum.int()?).ok();
        let symbol = number.and_then(|number| symbols.get(number)).ok_or(Malformed::Symbol)?;
        Ok(symbol.as_ref().ok_or("expected a symbol of the reader's, found another, and the reader has no default")?)
    }

    /// The next block of an array or a map; `None`: there is none.
    #[inline]
    fn block(&mut self, blocks: &Blocks) -> std::result::Result<Option<Block>, Cause> {
        let count = self.datum.long()?;
        if count == 0 {
            return Ok(None);
        }
        let mut left_behind = None;
        if count < 0 {
            let size = usize::try_from(self.datum.long()?).map_err(|_| Malformed::Negative)?;
            left_behind = Some(self.datum.left().checked_sub(size).ok_or(Malformed::Length)?);
        }
        let count = usize::try_from(count.unsigned_abs()).map_err(|_| Malformed::Count)?;
        if blocks.is_nothing {
            self.nothings = self.nothings.saturating_add(count);
            if self.nothings > MAX_NOTHINGS {
                return Err(Malformed::Nothings.into());
            }
        } else if count > self.datum.left() {
            return Err(Malformed::Count.into());
        }
        // What items take is taken for the whole block, before any of them is there.
        let bytes = count.checked_mul(blocks.item_bytes).and_then(|bytes| self.room.checked_sub(bytes));
        self.room = bytes.ok_or(TOO_MANY_ITEMS)?;
        Ok(Some(Block { count, left_behind }))
    }

    /// Checks that a block has taken the bytes that it said.
    #[inline(always)]
    fn end_block(&self, block: &Block) -> std::result::Result<(), Malformed> {
        match block.left_behind {
            Some(left) if left != self.datum.left() => Err(Malformed::BlockSize),
            _ => Ok(()),
        }
    }

    fn list(&mut self, blocks: &Blocks, column: &mut ColumnBuffer) -> Step {
        let items = slice::from_mut(column.list_items());
        let first = items[0].rows();
        while let Some(block) = self.block(blocks)? {
            self.items(blocks, &block, items, first)?;
            self.end_block(&block)?;
        }
        column.end_list();
        Ok(())
    }

    /// The items of a block, of which those of the simplest kind need no program.
    #[inline]
    fn items(&mut self, blocks: &Blocks, block: &Block, items: &mut [ColumnBuffer], first: usize) -> Step {
        let plan = self.plan;
        if let ([op @ Op::Long { .. }], [column]) = (plan.ops(blocks.program), &mut *items) {
            let mut datum = self.datum;
            for _ in 0..block.count {
                match datum.long() {
                    Ok(value) => column.push_i64(value),
                    Err(malformed) => {
                        self.datum = datum;
                        return Err(self.fault(*op, malformed.into()).inside_item(column.rows() - first).into());
                    }
                }
            }
            self.datum = datum;
            return Ok(());
        }
        for _ in 0..block.count {
            if let Err(fault) = self.run(blocks.program, items) {
                // Of the item itself nothing has been written, or only a part.
                return Err(fault.inside_item(items[0].rows() - first).into());
            }
        }
        Ok(())
    }

    fn map(&mut self, blocks: &Blocks, column: &mut ColumnBuffer) -> Step {
        if !self.maps_are_odd {
            let (rows, datum, room, nothings) = (column.rows(), self.datum, self.room, self.nothings);
            if self.map_of_different_keys(blocks, column)? {
                column.end_list();
                return Ok(());
            }
            column.truncate(rows);
            (self.datum, self.room, self.nothings) = (datum, room, nothings);
            self.maps_are_odd = true;
        }
        self.map_of_last_keys(blocks, column)
    }

    /// Writes the entries of a map. Returns false if a key comes twice, which is seldom.
    #[inline(never)]
    fn map_of_different_keys(
        &mut self,
        blocks: &Blocks,
        column: &mut ColumnBuffer,
    ) -> std::result::Result<bool, Cause> {
        let entries = column.list_items();
        let first = entries.rows();
        let (mut few, mut count) = ([(0, &[] as &[u8]); FEW_KEYS], 0);
        let mut hashed = HashSet::new();
        while let Some(block) = self.block(blocks)? {
            for _ in 0..block.count {
                let (text, length) = self.datum.bytes_and_more()?;
                let key = &text[..length];
                let is_known = match few.get_mut(count) {
                    Some(place) => {
                        let start = start_of(text, length);
                        *place = (start, key);
                        few[..count].iter().any(|(other, known)| *other == start && *known == key)
                    }
                    None => {
                        if count == FEW_KEYS {
                            hashed.extend(few.map(|(_, key)| key));
                        }
                        !hashed.insert(key)
                    }
                };
                if is_known {
                    return Ok(false);
                }
                count += 1;
                self.entry(blocks, (text, length), entries, first)?;
            }
            self.end_block(&block)?;
        }
        Ok(true)
    }

    /// The same for any map: of keys that come twice the last one wins.
    #[cold]
    fn map_of_last_keys(&mut self, blocks: &Blocks, column: &mut ColumnBuffer) -> Step {
        let mut found: Vec<(&[u8], Datum<'a>)> = Vec::new();
        while let Some(block) = self.block(blocks)? {
            for _ in 0..block.count {
                found.push((self.datum.bytes()?, self.datum));
                self.skip(blocks.skip)?;
            }
            self.end_block(&block)?;
        }
        let end = self.datum;
        let last: HashMap<&[u8], usize> = found.iter().enumerate().map(|(place, (key, _))| (*key, place)).collect();
        let entries = column.list_items();
        let first = entries.rows();
        for (place, (key, datum)) in found.iter().enumerate() {
            if last[key] == place {
                self.datum = *datum;
                self.entry(blocks, (key, key.len()), entries, first)?;
            }
        }
        self.datum = end;
        column.end_list();
        Ok(())
    }

    /// Writes an entry, whose key begins some bytes and is so long, and whose value comes next.
    #[inline]
    fn entry(&mut self, blocks: &Blocks, key: (&[u8], usize), entries: &mut ColumnBuffer, first: usize) -> Step {
        let place = entries.rows() - first;
        let [keys, values] = entries.struct_members() else { unreachable!("an entry has a key and a value") };
        keys.push_text(key.0, key.1).map_err(|_| Malformed::Utf8)?;
        self.run(blocks.program, slice::from_mut(values)).map_err(|fault| fault.inside_item(place))?;
        entries.end_struct();
        Ok(())
    }

    /// Steps over a value that nobody wants, which may be inside itself: the fewer variables, the less stack that takes.
    #[inline(never)]
    fn skip(&mut self, program: ProgramId) -> Step {
        if self.depth == MAX_SKIP_DEPTH {
            return Err(Malformed::Depth.into());
        }
        self.depth += 1;
        let ops = self.plan.ops(program);
        let mut next = 0;
        while let Some(op) = ops.get(next) {
            next += 1;
            match *op {
                Op::SkipNumbers { count: 1 } => self.datum.skip_number()?,
                Op::SkipNumbers { count } => self.datum.skip_numbers(count)?,
                Op::SkipBytes => self.datum.bytes().map(drop)?,
                Op::SkipBooleans { count } => self.datum.skip_booleans(count)?,
                Op::Skip { size } => skip_bytes(&mut self.datum, size)?,
                Op::SkipEnum { symbols } => skip_enum(&mut self.datum, symbols)?,
                Op::SkipNullable { null, skip } => {
                    if is_null(&mut self.datum, null)? {
                        next += skip as usize;
                    }
                }
                other => self.skip_inside(other)?,
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Steps over a value that holds others.
    fn skip_inside(&mut self, op: Op) -> Step {
        match op {
            Op::SkipUnion { branches } => {
                let branch = self.branch(branches)?;
                self.skip(branch)
            }
            Op::SkipArray { blocks } => self.skip_blocks(&self.plan.blocks[blocks as usize], false),
            Op::SkipMap { blocks } => self.skip_blocks(&self.plan.blocks[blocks as usize], true),
            Op::SkipRecord { program } => self.skip(program),
            _ => unreachable!("every other step has been taken"),
        }
    }

    /// Steps over items one by one, also where their block says how many bytes they take: what is in it is checked.
    #[inline(never)]
    fn skip_blocks(&mut self, blocks: &Blocks, is_map: bool) -> Step {
        while let Some(block) = self.block(blocks)? {
            // An item that takes no bytes is over before it begins.
            let count = if blocks.is_nothing { 0 } else { block.count };
            for _ in 0..count {
                if is_map {
                    self.datum.bytes()?;
                }
                self.skip(blocks.skip)?;
            }
            self.end_block(&block)?;
        }
        Ok(())
    }
}

/// The first bytes of a key, eight at most: keys that differ in them are different.
#[inline(always)]
fn start_of(text: &[u8], length: usize) -> u64 {
    let Some(bytes) = text.first_chunk() else { return start_of_last(&text[..length]) };
    let behind = u64::MAX.unbounded_shl(8 * length.min(8) as u32);
    u64::from_le_bytes(*bytes) & !behind
}

/// The same of a key near the end of a datum.
fn start_of_last(key: &[u8]) -> u64 {
    key.iter().take(8).rev().fold(0, |start, byte| start << 8 | u64::from(*byte))
}

#[inline(always)]
fn skip_bytes(datum: &mut Datum<'_>, size: u64) -> std::result::Result<(), Malformed> {
    datum.take(usize::try_from(size).map_err(|_| Malformed::End)?).map(drop)
}

#[inline(always)]
fn skip_enum(datum: &mut Datum<'_>, symbols: u32) -> std::result::Result<(), Malformed> {
    let number = datum.int()?;
    if u32::try_from(number).is_ok_and(|number| number < symbols) { Ok(()) } else { Err(Malformed::Symbol) }
}

/// Whether a union of two has its null, which is the branch of this number.
#[inline(always)]
fn is_null(datum: &mut Datum<'_>, null: u8) -> std::result::Result<bool, Malformed> {
    match datum.peek() {
        Some(0) => {
            datum.byte()?;
            Ok(null == 0)
        }
        Some(2) => {
            datum.byte()?;
            Ok(null == 1)
        }
        _ => is_null_number(datum.long()?, null),
    }
}

/// The same for a number that is out of range, or longer than it has to be.
#[cold]
fn is_null_number(number: i64, null: u8) -> std::result::Result<bool, Malformed> {
    match number {
        0 => Ok(null == 0),
        1 => Ok(null == 1),
        _ => Err(Malformed::Branch),
    }
}
