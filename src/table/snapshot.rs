//! Snapshots: one state of the table, perhaps with chosen and renamed columns, held for as long as somebody reads it.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::ffi::FFI_ArrowArray;
use arrow_schema::{Field, Schema, SchemaRef};

use super::TableState;
use super::partition::Partition;
use crate::batch::Batch;
use crate::error::{Error, Result, Status};

/// An immutable view of all partitions as of one cycle. Cloning it is a reference count.
#[derive(Clone)]
pub struct Snapshot {
    state: Arc<TableState>,
    /// Which of the table's columns are shown, under the names of `schema`.
    columns: Arc<[usize]>,
    schema: SchemaRef,
}

impl Snapshot {
    /// The whole state.
    pub fn new(state: Arc<TableState>) -> Snapshot {
        let schema = Arc::clone(state.schema().arrow());
        Snapshot { columns: (0..schema.fields().len()).collect(), schema, state }
    }

    /// What it shows, all columns of it.
    pub fn state(&self) -> &Arc<TableState> {
        &self.state
    }

    /// The cycle it shows.
    pub fn cycle(&self) -> i64 {
        self.state.cycle()
    }

    /// The schema of every partition.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The partitions, in ascending order.
    pub fn partitions(&self) -> &[Arc<Partition>] {
        self.state.partitions()
    }

    /// The partition of this number.
    pub fn partition(&self, id: i32) -> Result<&Arc<Partition>> {
        let partitions = self.partitions();
        match partitions.binary_search_by_key(&id, |partition| partition.id()) {
            Ok(index) => Ok(&partitions[index]),
            Err(_) => Err(Error::new(
                Status::NotFound,
                format!("partition: {id} is not among the partitions read ({})", self.partition_list()),
            )
            .with_detail("argument", "partition")),
        }
    }

    /// The same state with other columns: `Name` keeps a column, `New=Old` renames one (rule Y12).
    pub fn view<S: AsRef<str>>(&self, columns: &[S]) -> Result<Snapshot> {
        if columns.is_empty() {
            return Err(Error::argument("columns", "a view needs at least one column"));
        }
        let mut indexes = Vec::with_capacity(columns.len());
        let mut fields: Vec<Arc<Field>> = Vec::with_capacity(columns.len());
        for column in columns {
            let (name, source) = match column.as_ref().split_once('=') {
                Some((name, source)) => (name.trim(), source.trim()),
                None => (column.as_ref().trim(), column.as_ref().trim()),
            };
            if name.is_empty() || source.is_empty() {
                let message = format!("'{}' is neither a column name nor New=Old", column.as_ref());
                return Err(Error::argument("columns", message));
            }
            let index = self.schema.index_of(source).map_err(|_| {
                let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
                Error::new(
                    Status::NotFound,
                    format!("columns: there is no column '{source}'; the table has {}", names.join(", ")),
                )
                .with_detail("argument", "columns")
                .with_detail("column", source)
            })?;
            if fields.iter().any(|field| field.name() == name) {
                let message = format!("'{name}' appears twice; every column of a view needs a name of its own");
                return Err(Error::argument("columns", message).with_detail("column", name));
            }
            indexes.push(self.columns[index]);
            fields.push(Arc::new(self.schema.field(index).clone().with_name(name)));
        }
        let schema = Schema::new_with_metadata(fields, self.schema.metadata().clone());
        Ok(Snapshot { state: Arc::clone(&self.state), columns: indexes.into(), schema: Arc::new(schema) })
    }

    /// The rows of a partition from `from_row` to `end_row` (`None`: all there are), without copying.
    ///
    /// Rows that are no longer kept, or not there yet, are `OUT_OF_RANGE`; from the end on the stream is empty (Y4).
    pub fn stream(&self, partition: i32, from_row: i64, end_row: Option<i64>) -> Result<Batches> {
        Ok(self.batches(self.range(partition, from_row, end_row)?))
    }

    fn range(
        &self,
        partition: i32,
        from_row: i64,
        end_row: Option<i64>,
    ) -> Result<impl Iterator<Item = Arc<Batch>> + use<>> {
        let found = self.partition(partition)?;
        let (first, last) = (found.rows().first_row(), found.rows().end_row());
        let end = end_row.unwrap_or(last);
        let outside = |argument: &'static str, row: i64, range: String| {
            let message = format!("{argument}: row {row} of partition {partition} is not in this snapshot, {range}");
            Err(Error::new(Status::OutOfRange, message).with_detail("argument", argument))
        };
        if from_row < first {
            return outside("from_row", from_row, format!("whose first row is {first}"));
        }
        if from_row > last {
            return outside("from_row", from_row, format!("which ends at row {last}"));
        }
        if end < from_row || end > last {
            return outside("end_row", end, format!("which has rows {from_row} to {last} from from_row on"));
        }
        Ok(found.batches(from_row, end))
    }

    /// The rows of all partitions, one partition after the other (rule Y6). `from_rows` has a row number for each
    /// partition, in ascending order of partitions; empty means everything.
    pub fn merged(&self, from_rows: &[i64]) -> Result<Batches> {
        let partitions = self.partitions();
        if !from_rows.is_empty() && from_rows.len() != partitions.len() {
            let message = format!("there are {} row numbers for {} partitions", from_rows.len(), partitions.len());
            return Err(Error::argument("from_rows", message));
        }
        let mut all = Vec::with_capacity(partitions.len());
        for (index, partition) in partitions.iter().enumerate() {
            let from_row = from_rows.get(index).copied().unwrap_or(partition.rows().first_row());
            all.push(self.range(partition.id(), from_row, None)?);
        }
        Ok(self.batches(all.into_iter().flatten()))
    }

    /// All rows of a partition as one batch; copied when first asked for, then kept with the snapshot.
    pub fn whole(&self, partition: i32) -> Result<RecordBatch> {
        self.partition(partition)?.whole(&self.columns, &self.schema)
    }

    fn batches(&self, batches: impl Iterator<Item = Arc<Batch>> + Send + 'static) -> Batches {
        let (columns, schema) = (Arc::clone(&self.columns), Arc::clone(&self.schema));
        Batches { schema, columns, batches: Box::new(batches) }
    }

    fn partition_list(&self) -> String {
        let ids: Vec<String> = self.partitions().iter().take(20).map(|partition| partition.id().to_string()).collect();
        let more = if self.partitions().len() > 20 { ", …" } else { "" };
        format!("{}{more}", ids.join(", "))
    }
}

/// Batches of one schema, each sharing the table's memory.
pub struct Batches {
    schema: SchemaRef,
    /// Which of the columns are shown, under the names of `schema`.
    columns: Arc<[usize]>,
    batches: Box<dyn Iterator<Item = Arc<Batch>> + Send>,
}

impl Batches {
    /// A stream of one batch.
    pub fn one(batch: RecordBatch) -> Batches {
        Batches::new(batch.schema(), vec![batch.into()])
    }

    /// A stream of these batches, which have this schema.
    pub fn new(schema: SchemaRef, batches: Vec<Batch>) -> Batches {
        let columns = (0..schema.fields().len()).collect();
        Batches { schema, columns, batches: Box::new(batches.into_iter().map(Arc::new)) }
    }

    /// The schema of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch, as a struct array of the C Data Interface.
    pub fn next_exported(&mut self) -> Option<FFI_ArrowArray> {
        Some(self.batches.next()?.export(&self.columns))
    }
}

impl Iterator for Batches {
    type Item = RecordBatch;

    fn next(&mut self) -> Option<RecordBatch> {
        let batch = self.batches.next()?;
        let arrays = self.columns.iter().map(|&column| Arc::clone(batch.arrays().column(column))).collect();
        let shown = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        Some(shown.expect("a view's schema is made of the columns it shows"))
    }
}
