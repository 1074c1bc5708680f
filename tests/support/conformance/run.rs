//! A case from its options to its last step.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use karrow::error::{Error, Status};
use karrow::format::{Side, Spec};
use karrow::ingest::{Consumer, Timeout};
use karrow::mock::records::JsonRecord;
use karrow::options::Options;
use karrow::table::PartitionState;
use karrow::table::retention::TableType;
use karrow::table::snapshot::Snapshot;

use super::case::{Case, DeadLetter, Expected, Failing, Refused, SpecText, Stage, StartText, Step};
use super::check::{
    check_columns, check_dead_letters, check_letters_schema, check_progress, check_schema, dead_letters,
};
use super::{Outcome, same};

/// Where a case's records go and its consumer reads.
pub trait Place {
    /// The topic's name.
    fn topic(&self) -> &str;

    /// What `bootstrap.servers` is set to.
    fn bootstrap_servers(&self) -> String;

    /// Puts records into the topic, and returns when they can be read.
    fn produce(&mut self, records: &[JsonRecord]);

    /// Makes a consumer and opens it. `read_partitions` is what the options say already.
    fn open(&mut self, options: &Options, read_partitions: &[i32]) -> karrow::error::Result<Consumer>;

    /// How long what has been produced may take to come.
    fn patience(&self) -> Duration;
}

/// Runs a case.
pub fn run(case: &Case, place: &mut dyn Place) -> Outcome {
    let topic = place.topic().to_owned();
    let error = case.error.as_ref();
    // Whether the case ends here, because the call that has to fail has failed.
    let over = |stage: Stage, failure: Option<Error>| match (failure, error) {
        (Some(failure), Some((at, expected))) if *at == stage => expected.check(&failure, &topic).map(|()| true),
        (Some(failure), _) => Err(format!("{stage:?} fails: {failure:?}")),
        (None, Some((at, _))) if *at == stage => Err(format!("{stage:?} should have failed")),
        (None, _) => Ok(false),
    };
    let mut options = Options::new(&topic).map_err(told)?;
    if over(Stage::Spec, set_specs(case, &mut options).err())? {
        return Ok(());
    }
    if over(Stage::Options, set_options(case, &mut options, &place.bootstrap_servers()).err())? {
        return Ok(());
    }
    if error.is_some_and(|(stage, _)| *stage == Stage::New) {
        return over(Stage::New, Consumer::new(&options).err()).map(drop);
    }
    place.produce(&case.log);
    match place.open(&options, &read_partitions(case)) {
        Err(failure) => over(Stage::Open, Some(failure)).map(drop),
        Ok(_) if error.is_some() => over(Stage::Open, None).map(drop),
        Ok(consumer) => run_steps(case, options, consumer, place),
    }
}

/// The partitions that are read.
fn read_partitions(case: &Case) -> Vec<i32> {
    case.read_partitions.clone().unwrap_or_else(|| (0..case.partitions).collect())
}

fn set_specs(case: &Case, options: &mut Options) -> karrow::error::Result<()> {
    options.set_spec(Side::Key, case.key.as_ref().map_or(Ok(Spec::Ignore), SpecText::make)?);
    if let Some(value) = &case.value {
        options.set_spec(Side::Value, value.make()?);
    }
    Ok(())
}

fn set_options(case: &Case, options: &mut Options, bootstrap_servers: &str) -> karrow::error::Result<()> {
    options.set("bootstrap.servers", Some(bootstrap_servers))?;
    case.options.iter().try_for_each(|(key, value)| options.set(key, value.as_deref()))?;
    if let Some(partitions) = &case.read_partitions {
        options.set_partitions(partitions)?;
    }
    set_starts(&case.start, options)?;
    for (partition, stop) in &case.stop {
        options.set_stop(*partition, stop.make()?)?;
    }
    if let Some(table_type) = case.table {
        options.set_table_type(table_type)?;
    }
    Ok(())
}

fn set_starts(starts: &[(Option<i32>, StartText)], options: &mut Options) -> karrow::error::Result<()> {
    starts.iter().try_for_each(|(partition, start)| options.set_start(*partition, start.make()?))
}

/// Whether a ring forgets by bytes or by age too: then only the case itself knows which rows are left.
fn has_other_limits(case: &Case) -> bool {
    case.options.iter().any(|(key, _)| key.starts_with("karrow.ring.max."))
}

fn run_steps(case: &Case, options: Options, consumer: Consumer, place: &mut dyn Place) -> Outcome {
    let mut running = Running::new(case, options, consumer, place)?;
    for (index, step) in case.steps.iter().enumerate() {
        running.step(step).map_err(|reason| format!("step {index} ({}): {reason}", step.name()))?;
    }
    Ok(())
}

/// A case whose consumer is open.
struct Running<'a> {
    case: &'a Case,
    options: Options,
    consumer: Consumer,
    place: &'a mut dyn Place,
    /// How many records there are in each partition.
    produced: BTreeMap<i32, i64>,
    /// Before which row each partition's have been discarded.
    discarded: BTreeMap<i32, i64>,
    /// The cycles of the last poll step, the newest last.
    cycles: Vec<Snapshot>,
}

impl Running<'_> {
    fn new<'a>(case: &'a Case, options: Options, consumer: Consumer, place: &'a mut dyn Place) -> Outcome<Running<'a>> {
        let cycles = vec![consumer.snapshot().map_err(told)?];
        let (produced, discarded) = (BTreeMap::new(), BTreeMap::new());
        let mut running = Running { case, options, consumer, place, produced, discarded, cycles };
        running.count(&case.log);
        if let Some(schema) = &case.schema {
            let snapshot = &running.cycles[0];
            check_schema(schema, snapshot.schema()).map_err(|reason| format!("schema: {reason}"))?;
            let topic = snapshot.schema().metadata().get("karrow.topic").map(String::as_str);
            same("karrow.topic", topic, Some(running.place.topic()))?;
        }
        Ok(running)
    }

    fn count(&mut self, records: &[JsonRecord]) {
        for record in records {
            *self.produced.entry(record.partition).or_default() += 1;
        }
    }

    fn step(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Produce(records) => self.produce(records),
            Step::Poll { rows, failed } => return self.poll(*rows, *failed),
            Step::PollFails(expected) => {
                return self.fails(self.consumer.poll(Timeout::Millis(0)).map(drop), expected);
            }
            Step::Expect { partitions, all, view, cycle } => {
                return self.expect(partitions, all.as_deref(), view.as_deref(), *cycle);
            }
            Step::View { view, error } => return self.fails(self.snapshot()?.view(view).map(drop), error),
            Step::Rows { rows, columns } => {
                let snapshot = self.snapshot()?;
                let batches = snapshot.stream(rows.partition, rows.from_row, rows.end_row).map_err(told)?;
                return check_columns(columns, &joined(snapshot.schema(), batches));
            }
            Step::RowsFail { rows, error } => {
                let snapshot = self.snapshot()?;
                let outcome = snapshot.stream(rows.partition, rows.from_row, rows.end_row).map(drop);
                return self.fails(outcome, error);
            }
            Step::Merged { from_rows, columns } => {
                let snapshot = self.snapshot()?;
                let batches = snapshot.merged(from_rows).map_err(told)?;
                return check_columns(columns, &joined(snapshot.schema(), batches));
            }
            Step::MergedFails { from_rows, error } => {
                return self.fails(self.snapshot()?.merged(from_rows).map(drop), error);
            }
            Step::Refuse { refused, records } => {
                return records.iter().try_for_each(|record| self.refuse(refused, record));
            }
            Step::Resume { partition, offset } => self.consumer.resume(*partition, *offset).map_err(told)?,
            Step::ResumeFails { partition, offset, error } => {
                return self.fails(self.consumer.resume(*partition, *offset), error);
            }
            Step::Discard { partition, before_row } => {
                self.consumer.discard(*partition, *before_row).map_err(told)?;
                let discarded = self.discarded.entry(*partition).or_default();
                *discarded = (*discarded).max(*before_row);
            }
            Step::DiscardFails { partition, before_row, error } => {
                return self.fails(self.consumer.discard(*partition, *before_row), error);
            }
            Step::Commit => self.commit().map_err(told)?,
            Step::CommitFails(error) => return self.fails(self.commit(), error),
            Step::Wait { after_cycle } => {
                let found = self.wait(*after_cycle).map_err(told)?;
                return same("the cycle", found.cycle(), self.snapshot()?.cycle());
            }
            Step::WaitFails { after_cycle, error } => return self.fails(self.wait(*after_cycle).map(drop), error),
            Step::Progress(expected) => return self.progress(expected),
            Step::DeadLetters(expected) => return self.dead_letters(expected),
            Step::Reopen { start } => return self.reopen(start),
        }
        Ok(())
    }

    /// Commits what the last cycle shows.
    fn commit(&self) -> karrow::error::Result<()> {
        let patience = self.place.patience().as_millis() as u64;
        self.consumer.commit(&self.consumer.snapshot()?, Timeout::Millis(patience))
    }

    /// Nobody polls meanwhile, so there is nothing to wait for.
    fn wait(&self, after_cycle: Option<i64>) -> karrow::error::Result<Snapshot> {
        let last = self.consumer.snapshot()?.cycle();
        self.consumer.wait(after_cycle.unwrap_or(last), Timeout::Millis(0))
    }

    /// Looks at the progress until it is as expected: it is live.
    fn progress(&self, expected: &[(i32, Vec<(String, serde_json::Value)>)]) -> Outcome {
        let deadline = Instant::now() + self.place.patience();
        loop {
            let progress = self.consumer.progress().map_err(told)?;
            match check_progress(expected, &progress, self.place.topic()) {
                Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
                outcome => return outcome,
            }
        }
    }

    /// Takes dead letters until as many as expected have come: they are live. No more than those may be there.
    fn dead_letters(&self, expected: &[DeadLetter]) -> Outcome {
        let deadline = Instant::now() + self.place.patience();
        let mut found = Vec::new();
        loop {
            let before = found.len();
            let letters = self.consumer.dead_letters().map_err(told)?;
            check_letters_schema(letters.schema())?;
            for batch in letters {
                found.extend(dead_letters(&batch, self.place.topic())?);
            }
            let enough = found.len() >= expected.len() && found.len() == before;
            if enough || Instant::now() > deadline {
                return check_dead_letters(expected, &found);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Closes the consumer, and opens another one that starts elsewhere.
    fn reopen(&mut self, start: &[(Option<i32>, StartText)]) -> Outcome {
        self.consumer.close(Timeout::Never).map_err(told)?;
        set_starts(start, &mut self.options).map_err(told)?;
        self.consumer = self.place.open(&self.options, &read_partitions(self.case)).map_err(told)?;
        self.discarded.clear();
        self.cycles = vec![self.snapshot()?];
        Ok(())
    }

    fn fails(&self, outcome: karrow::error::Result<()>, expected: &Failing) -> Outcome {
        match outcome {
            Ok(()) => Err("should have failed".to_owned()),
            Err(error) => expected.check(&error, self.place.topic()),
        }
    }

    fn snapshot(&self) -> Outcome<Snapshot> {
        self.consumer.snapshot().map_err(told)
    }

    fn produce(&mut self, records: &[JsonRecord]) {
        self.place.produce(records);
        self.count(records);
    }

    /// Polls until exactly so many rows have come and so many partitions are failed.
    fn poll(&mut self, rows: i64, failed: i32) -> Outcome {
        let deadline = Instant::now() + self.place.patience();
        let (mut seen, mut cycles) = (0, Vec::new());
        let mut before = self.snapshot()?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // What is expected to find nothing does not wait for it.
            let wait = if rows == 0 && failed == 0 { Duration::ZERO } else { left.min(Duration::from_millis(100)) };
            let cycle = self.consumer.poll(Timeout::Millis(wait.as_millis() as u64)).map_err(told)?;
            seen += cycle.rows;
            self.check_cycle(&before, &cycle.snapshot, cycle.rows)?;
            before = cycle.snapshot.clone();
            cycles.push(cycle.snapshot);
            if seen == rows && cycle.failed == failed {
                self.cycles = cycles;
                return Ok(());
            }
            if seen > rows || cycle.failed > failed || left.is_zero() {
                let states = failures(&before);
                return Err(format!("{seen} rows and {} failed, not {rows} and {failed}{states}", cycle.failed));
            }
        }
    }

    /// What holds for every cycle: rows are numbered on from the cycle before, and there are as many new ones as poll
    /// says (rules Y1, Y2, Y4).
    fn check_cycle(&self, before: &Snapshot, after: &Snapshot, rows: i64) -> Outcome {
        same("the cycle", after.cycle(), before.cycle() + 1)?;
        let mut added = 0;
        for (old, new) in before.partitions().iter().zip(after.partitions()) {
            same("the partition", new.id(), old.id())?;
            let discarded = self.discarded.get(&new.id()).copied().unwrap_or(0);
            let (old, new) = (old.rows(), new.rows());
            added += new.end_row() - old.end_row();
            let first_row = match self.case.table.unwrap_or(TableType::Blink) {
                TableType::Blink => old.end_row(),
                TableType::Append => discarded,
                TableType::Ring { capacity } => (new.end_row() - capacity).max(old.first_row()),
            };
            if has_other_limits(self.case) {
                let range = first_row..=new.end_row();
                same("whether first_row of a cycle is in range", range.contains(&new.first_row()), true)?;
            } else {
                same("first_row of a cycle", new.first_row(), first_row)?;
            }
        }
        same("the rows of a cycle", added, rows)
    }

    fn expect(
        &self,
        partitions: &[(i32, Expected)],
        all: Option<&[i32]>,
        view: Option<&[String]>,
        cycle: Option<i64>,
    ) -> Outcome {
        // Asked anew, so that nothing is seen of what has happened since the last poll (rule Y3).
        let last = self.snapshot()?;
        if let Some(all) = all {
            let ids: Vec<i32> = last.partitions().iter().map(|partition| partition.id()).collect();
            same("partitions", &ids[..], all)?;
        }
        if let Some(cycle) = cycle {
            same("cycle", last.cycle(), cycle)?;
        }
        let mut cycles = self.cycles.clone();
        *cycles.last_mut().expect("there is always a cycle") = last;
        if self.case.table.unwrap_or(TableType::Blink) != TableType::Blink {
            cycles.drain(..cycles.len() - 1);
        }
        if let Some(view) = view {
            let viewed = cycles.iter().map(|cycle| cycle.view(view)).collect::<Result<_, _>>();
            cycles = viewed.map_err(told)?;
        }
        partitions.iter().try_for_each(|(partition, expected)| {
            self.expect_partition(*partition, expected, &cycles).map_err(|reason| format!("[{partition}] {reason}"))
        })
    }

    fn expect_partition(&self, id: i32, expected: &Expected, cycles: &[Snapshot]) -> Outcome {
        let last = cycles.last().expect("there is always a cycle");
        let mut batches = Vec::new();
        for cycle in cycles {
            batches.extend(all_rows(cycle, id)?);
        }
        let partition = last.partition(id).map_err(told)?;
        let rows = joined(last.schema(), batches);
        let first_row = cycles[0].partition(id).map_err(told)?.rows().first_row();
        let end_row = partition.rows().end_row();
        same("the number of rows", rows.num_rows() as i64, end_row - first_row)?;
        same("first_row", first_row, expected.first_row.unwrap_or(first_row))?;
        same("end_row", end_row, expected.end_row.unwrap_or(end_row))?;
        check_columns(&expected.columns, &rows)?;
        let next_offset = partition.next_offset();
        same("next_offset", next_offset, expected.next_offset.unwrap_or(next_offset))?;
        let (state, failure) = match partition.state() {
            PartitionState::Reading => ("reading", None),
            PartitionState::Waiting(error) => ("waiting", Some(error)),
            PartitionState::Failed(error) => ("failed", Some(error)),
            PartitionState::Finished => ("finished", None),
        };
        let otherwise = if expected.failure.is_some() { "failed" } else { "reading" };
        let told = failure.map(|error| format!(": {error}")).unwrap_or_default();
        let expected_state = expected.state.as_deref().unwrap_or(otherwise);
        same("state", state, expected_state).map_err(|reason| format!("{reason}{told}"))?;
        match (&expected.failure, failure) {
            (None, _) => Ok(()),
            (Some(_), None) => Err("failure: there is none".to_owned()),
            (Some(expected), Some(failure)) => {
                expected.check(failure, self.place.topic()).map_err(|reason| format!("failure: {reason}"))?;
                same("the place of the failure", failure.position(), Some((id, next_offset)))
            }
        }
    }

    /// Produces a record that has to fail its partition, checks everything that the failure says, and goes on behind it.
    fn refuse(&mut self, refused: &Refused, record: &JsonRecord) -> Outcome {
        let partition = record.partition;
        let offset = self.produced.get(&partition).copied().unwrap_or(0);
        self.produce(std::slice::from_ref(record));
        let context = |outcome: Outcome| outcome.map_err(|told| format!("the record at offset {offset}: {told}"));
        context(self.poll(0, 1))?;
        let last = self.cycles.last().expect("there is always a cycle").partition(partition).map_err(told)?;
        let failure = last.failure().ok_or("another partition has failed")?;
        context(self.check_refusal(failure, refused))?;
        let place = Some((partition, offset));
        context(same("the place of the failure", failure.position(), place))?;
        context(same("next_offset", last.next_offset(), offset))?;
        self.consumer.resume(partition, offset + 1).map_err(told)?;
        context(self.poll(0, 0))
    }

    fn check_refusal(&self, failure: &Error, refused: &Refused) -> Outcome {
        let (topic, side) = (self.place.topic(), refused.side.as_str());
        let (column, path) = (refused.column.as_deref(), refused.path.as_deref());
        same("status", failure.status(), Status::BadRecord).map_err(|reason| format!("{reason}: {failure}"))?;
        let told = failure.detail("reason").ok_or("the failure has no reason")?;
        refused.reason.check("the reason", told, topic)?;
        let named = path.or(column).map(|place| format!("column {place}: ")).unwrap_or_default();
        let (partition, offset) = failure.position().ok_or("the failure has no place")?;
        let whole = format!("{named}{told}, at {topic}[{partition}]@{offset} ({side})");
        same("the message", failure.message(), &whole)?;
        same("column", failure.detail("column"), column)?;
        same("path", failure.detail("path"), path)?;
        same("side", failure.detail("side"), Some(side))?;
        same("topic", failure.detail("topic"), Some(topic))
    }
}

/// Every row of a partition, which is the same in one piece and as a stream (rules Y7, Y8).
fn all_rows(snapshot: &Snapshot, partition: i32) -> Outcome<Vec<RecordBatch>> {
    let first_row = snapshot.partition(partition).map_err(told)?.rows().first_row();
    let batches: Vec<RecordBatch> = snapshot.stream(partition, first_row, None).map_err(told)?.collect();
    for batch in &batches {
        same("the schema of a batch", &batch.schema(), snapshot.schema())?;
        if batch.num_rows() == 0 {
            return Err("a batch without rows".to_owned());
        }
    }
    let whole = snapshot.whole(partition).map_err(told)?;
    for column in whole.columns() {
        column.to_data().validate_full().map_err(|error| format!("an array is not as Arrow has it: {error}"))?;
    }
    same("the schema of the array", &whole.schema(), snapshot.schema())?;
    if whole != joined(snapshot.schema(), batches.iter().cloned()) {
        return Err("the array is not what the stream is".to_owned());
    }
    Ok(batches)
}

fn joined(schema: &SchemaRef, batches: impl IntoIterator<Item = RecordBatch>) -> RecordBatch {
    let batches: Vec<RecordBatch> = batches.into_iter().collect();
    arrow_select::concat::concat_batches(schema, &batches).expect("batches of one schema")
}

fn failures(snapshot: &Snapshot) -> String {
    let failures = snapshot.partitions().iter().filter_map(|partition| partition.failure());
    failures.map(|failure| format!("; {failure}")).collect()
}

fn told(error: Error) -> String {
    format!("{error:?}")
}
