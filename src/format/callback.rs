//! Columns that a function of the caller's makes of payloads (rule V4).
//!
//! Decoding would be too early to ask it: threads of karrow's own decode, a record at a time. So payloads wait as they
//! are in a binary column, and the cycle hands them over, one [`Call`] for each partition. What comes back is foreign:
//! nothing of it is believed before it has been looked at ([`Call::set_output`]), and what is only complete when the
//! function has returned is judged then ([`Call::end`]).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StructArray, make_array};
use arrow_buffer::NullBuffer;
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::unknown_setting;
use crate::error::{Error, Result, Status};
use crate::schema::FormatColumn;
use crate::types;

/// A function that makes columns of payloads. Polls of several consumers may run it at once.
pub trait Processor: Send + Sync {
    /// Looks at the input of a call and sets its output; or fails, with a reason. What it says on the call counts only
    /// if it does not fail.
    fn process(&self, call: &mut Call) -> std::result::Result<(), String>;
}

impl<F: Fn(&mut Call) -> std::result::Result<(), String> + Send + Sync> Processor for F {
    fn process(&self, call: &mut Call) -> std::result::Result<(), String> {
        self(call)
    }
}

/// Which columns a function makes, and what it wants to see beside payloads.
#[derive(Clone)]
pub struct CallbackSpec {
    columns: SchemaRef,
    processor: Arc<dyn Processor>,
    offset: bool,
    timestamp: bool,
}

/// The settings of a spec, with their values.
const SETTINGS: [(&str, &str); 2] = [("offset", "true or false"), ("timestamp", "true or false")];

impl CallbackSpec {
    /// A function that makes these columns. Column, member and item that are not nullable there may not be null in what
    /// it makes, although the table's columns are nullable (rule Y7).
    pub fn new(columns: &Schema, processor: Arc<dyn Processor>) -> Result<CallbackSpec> {
        if columns.fields().is_empty() {
            return Err(Error::argument("columns", "there are none; a processor makes at least one"));
        }
        for (index, column) in columns.fields().iter().enumerate() {
            let name = column.name();
            if name.is_empty() {
                return Err(Error::argument("columns", "one of them has no name; a column needs a name"));
            }
            if columns.fields()[..index].iter().any(|earlier| earlier.name() == name) {
                let message = format!("there is a column {name} already; a spec has each column once");
                return Err(Error::argument("columns", message).with_detail("column", name));
            }
            if types::check_depth(column.data_type()).is_err() {
                let message = format!("column {name} is nested more than {} levels deep", types::MAX_DEPTH);
                return Err(Error::argument("columns", message).with_detail("column", name));
            }
            check_type(column.data_type()).map_err(|error| {
                let message = format!("columns: column {name} cannot be {}; {error}", types::name(column.data_type()));
                let error = Error::new(error.status(), message).with_detail("argument", "columns");
                error.with_detail("column", name)
            })?;
        }
        Ok(CallbackSpec { columns: Arc::new(columns.clone()), processor, offset: false, timestamp: false })
    }

    /// Asks for offsets or timestamps beside payloads.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let wanted = match value {
            "true" => true,
            "false" => false,
            _ => return Err(unknown_setting("a callback spec", &SETTINGS, key, value)),
        };
        match key {
            "offset" => self.offset = wanted,
            "timestamp" => self.timestamp = wanted,
            _ => return Err(unknown_setting("a callback spec", &SETTINGS, key, value)),
        }
        Ok(())
    }

    /// The columns of the table.
    pub(super) fn columns(&self) -> Vec<FormatColumn> {
        let columns = self.columns.fields().iter();
        columns.map(|field| FormatColumn { field: Field::clone(field), source: String::new() }).collect()
    }

    /// The function.
    pub fn processor(&self) -> &Arc<dyn Processor> {
        &self.processor
    }

    /// Asks the function what becomes of payloads of a partition, and judges what it answers: the columns, and why single
    /// rows are refused; or why nothing comes of them.
    pub fn call(&self, partition: i32, batch: &Payloads<'_>) -> std::result::Result<Made, String> {
        let input = self.input(batch);
        let mut call = Call {
            partition,
            rows: input.num_rows(),
            input: Some(input),
            columns: Arc::clone(&self.columns),
            output: None,
            rejected: None,
            refusals: BTreeMap::new(),
            failure: None,
        };
        let outcome = self.processor.process(&mut call);
        call.end(outcome)
    }

    fn input(&self, batch: &Payloads<'_>) -> RecordBatch {
        let mut fields = vec![Field::new("payload", DataType::Binary, true)];
        let mut columns = vec![Arc::clone(batch.payloads)];
        if self.offset {
            fields.push(Field::new("offset", DataType::Int64, false));
            columns.push(Arc::clone(batch.offsets));
        }
        if self.timestamp {
            let data_type = types::timestamp(TimeUnit::Millisecond, Some("UTC"));
            columns.push(with_type(batch.times, &data_type));
            fields.push(Field::new("timestamp", data_type, true));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .expect("columns of one batch, of the types of these fields")
    }
}

/// The same numbers, as what they mean.
fn with_type(array: &ArrayRef, data_type: &DataType) -> ArrayRef {
    let builder = array.to_data().into_builder().data_type(data_type.clone());
    make_array(builder.build().expect("a timestamp is an int64"))
}

impl fmt::Debug for CallbackSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.columns.fields().iter().map(|column| column.name().as_str()).collect();
        formatter
            .debug_struct("CallbackSpec")
            .field("columns", &names)
            .field("offset", &self.offset)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

impl PartialEq for CallbackSpec {
    /// Functions are equal if they are the same one.
    fn eq(&self, other: &CallbackSpec) -> bool {
        self.columns == other.columns
            && Arc::ptr_eq(&self.processor, &other.processor)
            && (self.offset, self.timestamp) == (other.offset, other.timestamp)
    }
}

impl Eq for CallbackSpec {}

/// Types that can be taken from others: what is in them can be checked to the last byte, and cut, joined and handed on.
fn check_type(data_type: &DataType) -> Result<()> {
    let mut inside = vec![data_type];
    while let Some(data_type) = inside.pop() {
        let instead = match data_type {
            DataType::List(item) | DataType::LargeList(item) => {
                inside.push(item.data_type());
                continue;
            }
            DataType::FixedSizeList(item, length) if *length > 0 => {
                inside.push(item.data_type());
                continue;
            }
            DataType::Struct(members) => {
                inside.extend(members.iter().map(|member| member.data_type()));
                continue;
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(members) if members.len() == 2 => {
                    inside.extend(members.iter().map(|member| member.data_type()));
                    continue;
                }
                _ => {
                    let message = "a map's entries have to be a struct of key and value";
                    return Err(Error::new(Status::InvalidArgument, message));
                }
            },
            DataType::FixedSizeBinary(width) if *width > 0 => continue,
            DataType::Boolean
            | DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::Null => continue,
            DataType::Utf8View => "; use utf8",
            DataType::BinaryView => "; use binary",
            DataType::ListView(_) | DataType::LargeListView(_) | DataType::FixedSizeList(..) => "; use a list",
            DataType::Dictionary(..) | DataType::RunEndEncoded(..) => "; use the type of its values",
            DataType::Union(..) => "; use a struct with a member for each branch",
            other if other.primitive_width().is_some() => continue,
            _ => "",
        };
        let message = format!("a processor does not make {}{instead}", types::name(data_type));
        return Err(Error::new(Status::Unsupported, message));
    }
    Ok(())
}

/// What there is to see of a partition's records: columns of one batch.
pub struct Payloads<'a> {
    /// Keys or values, binary.
    pub payloads: &'a ArrayRef,
    /// Their offsets, int64.
    pub offsets: &'a ArrayRef,
    /// Their timestamps in ms, int64.
    pub times: &'a ArrayRef,
}

/// What a function has made.
#[derive(Debug)]
pub struct Made {
    /// Its columns, of the declared types, with as many rows as there were payloads. They may have offsets.
    pub columns: Vec<ArrayRef>,
    /// Why rows are refused, by row; the values of these are not to be used.
    pub refusals: BTreeMap<usize, String>,
}

/// What a function is asked, and what it answers.
pub struct Call {
    partition: i32,
    rows: usize,
    input: Option<RecordBatch>,
    columns: SchemaRef,
    output: Option<Vec<ArrayRef>>,
    /// Why the last output has not been taken.
    rejected: Option<String>,
    refusals: BTreeMap<usize, String>,
    failure: Option<String>,
}

impl Call {
    /// The records' partition.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// How many records there are: at least one.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The payloads, and what was asked for beside them: `payload` binary, null for Kafka's null, then `offset` int64,
    /// then `timestamp` timestamp[ms, UTC], null if the record has none. Once.
    pub fn take_input(&mut self) -> Result<RecordBatch> {
        self.input.take().ok_or_else(|| {
            Error::new(Status::InvalidState, "the input has been taken already; a call has one, which the taker keeps")
        })
    }

    /// The type of the output: a struct of the columns, which may be null in rows that are refused.
    pub fn output_type(&self) -> DataType {
        let fields = self.columns.fields().iter().map(|field| Arc::new(Field::clone(field).with_nullable(true)));
        DataType::Struct(fields.collect::<Fields>())
    }

    /// Whether a schema says the same as the declared one, as far as values can tell.
    pub fn check_type(&mut self, schema: &Schema) -> Result<()> {
        let outcome = same_columns(self.columns.fields(), schema.fields());
        self.noted(outcome)
    }

    /// The columns: of the declared types, and with as many rows as there are payloads. A later output replaces an
    /// earlier one.
    pub fn set_output(&mut self, output: &RecordBatch) -> Result<()> {
        self.check_type(output.schema_ref())?;
        let data = StructArray::from(output.clone()).into_data().into_builder().data_type(self.output_type());
        let data = self.noted(data.build().map_err(|error| error.to_string()))?;
        self.set_output_data(data)
    }

    /// The same as data of [`Call::output_type`], which nobody has looked at.
    pub fn set_output_data(&mut self, data: ArrayData) -> Result<()> {
        let outcome = self.check(&data);
        self.noted(outcome)?;
        // Made of data that have been checked, so that no constructor finds anything to panic about.
        self.output = Some(StructArray::from(data).columns().to_vec());
        self.rejected = None;
        Ok(())
    }

    /// Notes that an output has not been taken, for who ignores it.
    pub fn noted<T>(&mut self, outcome: std::result::Result<T, String>) -> Result<T> {
        outcome.map_err(|why| {
            self.output = None;
            self.rejected = Some(why.clone());
            Error::argument("output", why)
        })
    }

    fn check(&self, data: &ArrayData) -> std::result::Result<(), String> {
        if data.len() != self.rows {
            return Err(format!(
                "expected {} rows, as many as there are in the input, found {}",
                self.rows,
                data.len()
            ));
        }
        data.validate_full().map_err(|error| format!("it is no valid Arrow data: {error}"))?;
        if let Some(row) = data.nulls().and_then(first_null) {
            return Err(format!("row {row} is null as a whole; make its columns null, or refuse it"));
        }
        Ok(())
    }

    /// Makes a row a bad record (rules R1, R2), for this reason, which must hold nothing of the payload.
    pub fn refuse(&mut self, row: i64, reason: &str) -> Result<()> {
        let row = usize::try_from(row).ok().filter(|row| *row < self.rows).ok_or_else(|| {
            let message = format!("row: there is no row {row}; the batch has rows 0 to {}", self.rows - 1);
            Error::new(Status::OutOfRange, message).with_detail("argument", "row")
        })?;
        self.refusals.insert(row, reason.to_owned());
        Ok(())
    }

    /// Lets the whole batch fail, for this reason.
    pub fn fail(&mut self, message: &str) {
        self.failure = Some(message.to_owned());
    }

    /// What has come of the call, once the function has returned.
    fn end(self, outcome: std::result::Result<(), String>) -> std::result::Result<Made, String> {
        if let Some(failure) = self.failure {
            return Err(format!("the processor failed: {failure}"));
        }
        outcome.map_err(|why| format!("the processor failed: {why}"))?;
        let Some(columns) = self.output else {
            return Err(match self.rejected {
                Some(why) => format!("the output of the processor has not been taken: {why}"),
                None => "the processor has set no output".to_owned(),
            });
        };
        for (field, column) in self.columns.fields().iter().zip(&columns) {
            let Some(nulls) = column.nulls().filter(|_| !field.is_nullable()) else { continue };
            let null = (0..self.rows).find(|row| nulls.is_null(*row) && !self.refusals.contains_key(row));
            if let Some(row) = null {
                let name = field.name();
                return Err(format!(
                    "the output of the processor is null in row {row} of column {name}, which its schema does not allow"
                ));
            }
        }
        Ok(Made { columns, refusals: self.refusals })
    }
}

fn first_null(nulls: &NullBuffer) -> Option<usize> {
    (nulls.null_count() > 0).then(|| (0..nulls.len()).find(|row| nulls.is_null(*row)))?
}

/// Whether columns have the names and types that were declared.
fn same_columns(declared: &Fields, found: &Fields) -> std::result::Result<(), String> {
    if declared.len() != found.len() {
        return Err(format!("expected {} columns, found {}", declared.len(), found.len()));
    }
    for (index, (declared, found)) in declared.iter().zip(found).enumerate() {
        if declared.name() != found.name() {
            let (declared, found) = (declared.name(), found.name());
            return Err(format!("expected {declared} as column {index}, found {found}"));
        }
        if !same_type(declared.data_type(), found.data_type()) {
            let (name, expected) = (declared.name(), types::name(declared.data_type()));
            return Err(format!("column {name}: expected {expected}, found {}", types::name(found.data_type())));
        }
    }
    Ok(())
}

/// Whether types are the same but for the names of items and entries, and what may be null in them.
fn same_type(declared: &DataType, found: &DataType) -> bool {
    match (declared, found) {
        (DataType::List(declared), DataType::List(found))
        | (DataType::LargeList(declared), DataType::LargeList(found)) => {
            same_type(declared.data_type(), found.data_type())
        }
        (DataType::FixedSizeList(declared, length), DataType::FixedSizeList(found, found_length)) => {
            length == found_length && same_type(declared.data_type(), found.data_type())
        }
        (DataType::Struct(declared), DataType::Struct(found)) => same_columns(declared, found).is_ok(),
        (DataType::Map(declared, sorted), DataType::Map(found, found_sorted)) => {
            match (declared.data_type(), found.data_type()) {
                (DataType::Struct(declared), DataType::Struct(found)) => {
                    let pairs = declared.iter().zip(found);
                    sorted == found_sorted
                        && declared.len() == found.len()
                        && pairs.into_iter().all(|(declared, found)| same_type(declared.data_type(), found.data_type()))
                }
                _ => false,
            }
        }
        (declared, found) => declared == found,
    }
}
