//! What a datum of one writer's schema becomes: a flat list of steps, made once for each schema and run for each record.
//!
//! A program is a run of steps that reads one value, or the fields of one record, and writes one value into each of some
//! columns that are filled together: those of the table, the members of a struct, or the one column of a list's items.
//! Steps name columns by their place among these.

use std::ops::Range;

use super::value::Decimal;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Reads nothing, writes a null.
    Null {
        column: u32,
    },
    Boolean {
        column: u32,
    },
    Int {
        column: u32,
    },
    IntToLong {
        column: u32,
    },
    IntToFloat {
        column: u32,
    },
    IntToDouble {
        column: u32,
    },
    Long {
        column: u32,
    },
    /// As many longs, into as many columns beginning with this one.
    Longs {
        column: u32,
        count: u32,
    },
    /// As many ints and longs, each into the column that [`Plan::targets`] has for it from this place on, or into none.
    SomeLongs {
        first: u32,
        count: u32,
    },
    LongToFloat {
        column: u32,
    },
    LongToDouble {
        column: u32,
    },
    Float {
        column: u32,
    },
    FloatToDouble {
        column: u32,
    },
    Double {
        column: u32,
    },
    /// As many doubles, into as many columns beginning with this one.
    Doubles {
        column: u32,
        count: u32,
    },
    /// Text, or bytes that have to be text.
    Utf8 {
        column: u32,
    },
    /// Bytes, or text as bytes.
    Binary {
        column: u32,
    },
    Fixed {
        column: u32,
        size: u32,
    },
    /// A symbol as text, by [`Plan::enums`].
    Enum {
        column: u32,
        table: u32,
    },
    /// A symbol as its number in a dictionary, by [`Plan::enums`].
    Symbol {
        column: u32,
        table: u32,
    },
    /// The text of a UUID.
    Uuid {
        column: u32,
    },
    /// The bytes of a UUID.
    UuidOfBytes {
        column: u32,
    },
    /// By [`Plan::decimals`].
    Decimal {
        column: u32,
        decimal: u32,
    },
    /// A decimal that says its own scale, as text.
    BigDecimal {
        column: u32,
    },
    /// A union of null, which is the branch of this number, and what the next `skip` steps read.
    Nullable {
        column: u32,
        null: u8,
        skip: u32,
    },
    /// A union, by [`Plan::unions`]; every branch writes the same columns, of which this is the first.
    Union {
        column: u32,
        branches: u32,
    },
    /// By [`Plan::blocks`].
    List {
        column: u32,
        blocks: u32,
    },
    /// By [`Plan::blocks`], whose program is of the values.
    Map {
        column: u32,
        blocks: u32,
    },
    /// The members are the columns of the program, which [`Plan::structs`] has.
    Struct {
        column: u32,
        members: u32,
    },
    /// A branch of a union that is a struct, by [`Plan::branches`]: its member has a value, the others are null.
    Member {
        column: u32,
        branch: u32,
    },
    /// A branch of a dense union, by [`Plan::branches`].
    Child {
        column: u32,
        branch: u32,
    },
    /// What the writer does not have, by [`Plan::defaults`].
    Default {
        default: u32,
    },
    /// A value that the reader's schema does not take, by [`Plan::refusals`].
    Refuse {
        refusal: u32,
    },
    /// As many ints and longs.
    SkipNumbers {
        count: u32,
    },
    SkipBytes,
    /// As many booleans.
    SkipBooleans {
        count: u32,
    },
    /// As many bytes, whatever they are.
    Skip {
        size: u64,
    },
    /// An enum of as many symbols.
    SkipEnum {
        symbols: u32,
    },
    /// A union of null, which is the branch of this number, and what the next `skip` steps skip.
    SkipNullable {
        null: u8,
        skip: u32,
    },
    /// A union, by [`Plan::unions`].
    SkipUnion {
        branches: u32,
    },
    /// An array, by [`Plan::blocks`].
    SkipArray {
        blocks: u32,
    },
    /// A map, by [`Plan::blocks`].
    SkipMap {
        blocks: u32,
    },
    /// A record, which may be inside itself.
    SkipRecord {
        program: ProgramId,
    },
}

impl Op {
    /// The column that the step writes, if it is one.
    pub fn column(self) -> Option<usize> {
        match self {
            Op::Null { column }
            | Op::Boolean { column }
            | Op::Int { column }
            | Op::IntToLong { column }
            | Op::IntToFloat { column }
            | Op::IntToDouble { column }
            | Op::Long { column }
            | Op::LongToFloat { column }
            | Op::LongToDouble { column }
            | Op::Float { column }
            | Op::FloatToDouble { column }
            | Op::Double { column }
            | Op::Utf8 { column }
            | Op::Binary { column }
            | Op::Fixed { column, .. }
            | Op::Enum { column, .. }
            | Op::Symbol { column, .. }
            | Op::Uuid { column }
            | Op::UuidOfBytes { column }
            | Op::Decimal { column, .. }
            | Op::BigDecimal { column }
            | Op::Nullable { column, .. }
            | Op::Union { column, .. }
            | Op::List { column, .. }
            | Op::Map { column, .. }
            | Op::Struct { column, .. }
            | Op::Member { column, .. }
            | Op::Child { column, .. } => Some(column as usize),
            // These say themselves how far they came.
            Op::Longs { .. } | Op::SomeLongs { .. } | Op::Doubles { .. } => None,
            Op::Default { .. } | Op::Refuse { .. } => None,
            Op::SkipNumbers { .. }
            | Op::SkipBytes
            | Op::SkipBooleans { .. }
            | Op::Skip { .. }
            | Op::SkipEnum { .. }
            | Op::SkipNullable { .. }
            | Op::SkipUnion { .. }
            | Op::SkipArray { .. }
            | Op::SkipMap { .. }
            | Op::SkipRecord { .. } => None,
        }
    }
}

/// Which program of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProgramId(u32);

/// Everything that is done with a datum.
#[derive(Debug, Default)]
pub struct Plan {
    /// The steps of all programs.
    ops: Vec<Op>,
    /// Where among them those of each program are.
    programs: Vec<Range<usize>>,
    /// The columns of longs, [`NOWHERE`] for those that nobody wants.
    pub targets: Vec<u32>,
    /// Branches, in the order of the writer's schema.
    pub unions: Vec<Vec<ProgramId>>,
    pub blocks: Vec<Blocks>,
    pub structs: Vec<Members>,
    /// Those of the reader's unions.
    pub branches: Vec<Branch>,
    pub enums: Vec<Symbols>,
    pub decimals: Vec<Decimal>,
    pub defaults: Vec<Default>,
    pub refusals: Vec<Refusal>,
    /// The program for a datum.
    pub root: ProgramId,
    /// What a row may take beside what its columns always take and what the payload pays for.
    pub extra_bytes: usize,
}

/// No column.
/// cbindgen:ignore
pub const NOWHERE: u32 = u32::MAX;

/// Items of an array, or entries of a map.
#[derive(Debug)]
pub struct Blocks {
    pub program: ProgramId,
    /// Steps over an item, or over the value of an entry.
    pub skip: ProgramId,
    /// Whether an item takes no bytes in the datum.
    pub is_nothing: bool,
    /// What an item takes in its columns, before any text or bytes that the payload pays for.
    pub item_bytes: usize,
}

/// Members of a struct.
#[derive(Debug)]
pub struct Members {
    pub program: ProgramId,
    pub names: Vec<String>,
}

/// A branch of a union as a member of a struct, or as a child of a dense union.
#[derive(Debug)]
pub struct Branch {
    /// Which member or child.
    pub place: usize,
    pub name: String,
    /// For its one column.
    pub program: ProgramId,
}

/// What the symbols of a writer's enum are to the reader.
#[derive(Debug)]
pub struct Symbols(pub Vec<Option<Symbol>>);

/// A symbol that the reader knows.
#[derive(Debug, Clone)]
pub struct Symbol {
    pub number: u32,
    pub name: String,
}

/// What a field is that the writer does not have.
#[derive(Debug)]
pub struct Default {
    pub program: ProgramId,
    pub datum: Vec<u8>,
}

/// Why a value is bad, and for which column.
#[derive(Debug)]
pub struct Refusal {
    pub column: Option<usize>,
    pub reason: String,
}

impl Plan {
    /// The steps of a program.
    #[inline(always)]
    pub fn ops(&self, program: ProgramId) -> &[Op] {
        &self.ops[self.programs[program.0 as usize].clone()]
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Adds a program.
    pub fn add(&mut self, ops: Vec<Op>) -> ProgramId {
        let program = self.reserve();
        self.fill(program, ops);
        program
    }

    /// A program whose steps are not known yet, which other programs may run.
    pub fn reserve(&mut self) -> ProgramId {
        self.programs.push(0..0);
        ProgramId(number(self.programs.len() - 1))
    }

    /// Gives a program its steps.
    pub fn fill(&mut self, program: ProgramId, ops: Vec<Op>) {
        let start = self.ops.len();
        self.ops.extend(join(ops, &mut self.targets));
        self.programs[program.0 as usize] = start..self.ops.len();
    }
}

/// Adds to one of a plan's tables, and tells the place.
pub fn add<T>(table: &mut Vec<T>, entry: T) -> u32 {
    table.push(entry);
    number(table.len() - 1)
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("a plan has fewer steps than 2^32")
}

/// The same steps, fewer: skips of sizes that are known are added up, and columns of the same kind that follow each other
/// are written together. Steps that an optional step may jump over stay as they are.
fn join(ops: Vec<Op>, targets: &mut Vec<u32>) -> Vec<Op> {
    // What may be joined with its neighbours, and what not.
    let mut joined: Vec<(Op, bool)> = Vec::with_capacity(ops.len());
    // How many steps to come may be jumped over.
    let mut optional = 0;
    for op in ops {
        let jumps = match op {
            Op::Nullable { skip, .. } | Op::SkipNullable { skip, .. } => Some(skip),
            _ => None,
        };
        if optional > 0 || jumps.is_some() {
            optional = if optional > 0 { optional - 1 } else { jumps.unwrap_or(0) };
            joined.push((op, false));
            continue;
        }
        match joined.last_mut() {
            Some((last, true)) if let Some(both) = together(*last, op) => *last = both,
            _ => joined.push((op, true)),
        }
    }
    let is_long = |step: &(Op, bool)| matches!(step, (Op::Long { .. } | Op::Longs { .. }, true));
    let is_step_of_run = |step: &(Op, bool)| is_long(step) || matches!(step, (Op::SkipNumbers { count: ..=FEW }, true));
    let mut mixed = Vec::with_capacity(joined.len());
    for run in joined.chunk_by(|one, next| is_step_of_run(one) && is_step_of_run(next)) {
        if run.iter().filter(|step| is_long(step)).count() < 2 {
            mixed.extend(run.iter().map(|(op, _)| *op));
            continue;
        }
        let first = number(targets.len());
        for (op, _) in run {
            match *op {
                Op::Long { column } => targets.push(column),
                Op::Longs { column, count } => targets.extend(column..column + count),
                Op::SkipNumbers { count } => targets.extend((0..count).map(|_| NOWHERE)),
                other => unreachable!("{other:?} is no step of a run of longs"),
            }
        }
        mixed.push(Op::SomeLongs { first, count: number(targets.len()) - first });
    }
    mixed
}

/// The most numbers that are passed over one by one among others that are read; more are counted.
const FEW: u32 = 4;

/// One step for two that follow each other, if there is one.
fn together(last: Op, op: Op) -> Option<Op> {
    match (last, op) {
        (Op::Skip { size }, Op::Skip { size: more }) => size.checked_add(more).map(|size| Op::Skip { size }),
        (Op::SkipNumbers { count }, Op::SkipNumbers { count: more }) => {
            count.checked_add(more).map(|count| Op::SkipNumbers { count })
        }
        (Op::SkipBooleans { count }, Op::SkipBooleans { count: more }) => {
            count.checked_add(more).map(|count| Op::SkipBooleans { count })
        }
        (Op::Long { column }, Op::Long { column: next }) if next == column + 1 => Some(Op::Longs { column, count: 2 }),
        (Op::Longs { column, count }, Op::Long { column: next }) if next == column + count => {
            Some(Op::Longs { column, count: count + 1 })
        }
        (Op::Double { column }, Op::Double { column: next }) if next == column + 1 => {
            Some(Op::Doubles { column, count: 2 })
        }
        (Op::Doubles { column, count }, Op::Double { column: next }) if next == column + count => {
            Some(Op::Doubles { column, count: count + 1 })
        }
        _ => None,
    }
}
