//! The path without a broker: records lent to the ingest code as librdkafka's callback lends them, polled into tables,
//! read and exported. What it costs beyond decoding, what tables hold, and where it bends as things become more.
//!
//!     cargo bench --bench path [PREFIX...]
//!
//! A prefix selects figures by name. What is compared takes turns in one run, over the same records.

#[path = "support/shapes.rs"]
mod shapes;
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::ffi::FFI_ArrowArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use karrow::batch::Batch;
use karrow::ffi::stream;
use karrow::format::callback::{Call, CallbackSpec};
use karrow::format::{Side, Spec};
use karrow::ingest::memory::Feeder;
use karrow::ingest::{Consumer, Timeout};
use karrow::options::{Options, Plan};
use karrow::rows::{Record, RecordTime, RowBuffer};
use karrow::table::retention::TableType;
use karrow::table::snapshot::Snapshot;
use shapes::Shape;
use support::{Cost, measure, print_figure, print_summary};

const NOW: Timeout = Timeout::Millis(0);
const ROUNDS: usize = 15;
/// Different records; more rows are made of the same ones again.
const RECORDS: usize = 8192;
/// Rows of a round, and of all partitions between two polls.
const ROWS: usize = 256 * 1024;
const POLL_ROWS: usize = 16 * 1024;
/// What a ring keeps of each partition.
const RING_ROWS: i64 = 16 * 1024;

#[global_allocator]
static ALLOCATOR: Counting = Counting(AtomicUsize::new(0));

fn main() {
    let figures = Selected(std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect());
    let shape = shapes::int64(20, RECORDS);
    for (kind, table_type) in
        [("append", TableType::Append), ("blink", TableType::Blink), ("ring", TableType::Ring { capacity: RING_ROWS })]
    {
        for partitions in [1, 4, 64] {
            let name = format!("path.{kind}.{partitions}p.ns_per_row");
            if figures.want(&[&name]) {
                beyond_decode(&name, &shape, table_type, partitions, POLL_ROWS);
            }
        }
    }
    // As a backlog comes: each partition's queue is full when it is served.
    let name = "path.append.64p.backlog.ns_per_row";
    if figures.want(&[name]) {
        beyond_decode(name, &shape, TableType::Append, 64, ROWS);
    }
    let name = "path.callback.identity.ns_per_row";
    if figures.want(&[name]) {
        beyond_payloads(name, &shape);
    }
    if figures.want(&["snapshot.first_ms", "snapshot.unchanged_us", "export.chunk_us", "export.again_us"]) {
        large_table(&shape);
    }
    if figures.want(&["memory.append.ratio"]) {
        memory(&[&shape, &shapes::trades(RECORDS)]);
    }
    let step = |n: usize| (n, format!("scale.partitions.{n}.ns_per_row"));
    let steps: Vec<_> = [1, 4, 16, 64, 256].map(step).into_iter().filter(|(_, name)| figures.want(&[name])).collect();
    many_partitions(&steps, &shape);
    let steps = [0, 1, 2, 4, 8];
    let names: Vec<String> = steps.iter().map(|n| format!("scale.readers.{n}.wall_ratio")).collect();
    if figures.want(&names) {
        readers(&names, &steps, &shape);
    }
    if figures.want(&["ring.1m.after_1m.ns_per_row", "ring.1m.after_100m.ns_per_row", "ring.1m.memory_ratio"]) {
        ring();
    }
    print_summary("path");
}

/// Which figures the command line asks for.
struct Selected(Vec<String>);

impl Selected {
    /// Whether one of these is wanted: all are if none is named.
    fn want<S: AsRef<str>>(&self, names: &[S]) -> bool {
        let begins = |name: &S| self.0.iter().any(|prefix| name.as_ref().starts_with(prefix.as_str()));
        self.0.is_empty() || names.iter().any(begins)
    }
}

/// A table of these values, without columns for anything else.
fn options(value: Spec, table_type: TableType) -> Options {
    let mut options = Options::new("path").unwrap();
    options.set("bootstrap.servers", Some("memory")).unwrap();
    for column in ["partition", "offset", "timestamp"] {
        options.set(&format!("karrow.{column}.column.name"), Some("")).unwrap();
    }
    options.set_spec(Side::Key, Spec::Ignore);
    options.set_spec(Side::Value, value);
    options.set_table_type(table_type).unwrap();
    options
}

/// A record as librdkafka's callback hands it over.
fn record(offset: i64, value: &[u8]) -> Record<'_> {
    Record {
        offset,
        timestamp: RecordTime::Create(1_767_346_200_000 + offset / 1024),
        receive_time_ns: 1_767_346_200_000_000_000,
        leader_epoch: None,
        key: None,
        value: Some(value),
        headers: &[],
    }
}

/// A consumer and what is lent to it.
struct Path<'a> {
    consumer: Arc<Consumer>,
    feeder: Feeder,
    records: &'a [Vec<u8>],
    /// The next offset of each partition.
    next: Vec<usize>,
    /// How many rows all partitions together get between two polls.
    poll_rows: usize,
}

impl<'a> Path<'a> {
    fn new(options: &Options, partitions: usize, records: &'a [Vec<u8>]) -> Path<'a> {
        let beginnings: Vec<(i32, i64)> = (0..partitions).map(|partition| (partition as i32, 0)).collect();
        let (consumer, feeder) = Consumer::in_memory(options, &beginnings).unwrap();
        Path { consumer: Arc::new(consumer), feeder, records, next: vec![0; partitions], poll_rows: POLL_ROWS }
    }

    /// Lends so many rows, partition by partition, without a poll.
    fn lend(&mut self, rows: usize) {
        let share = rows / self.next.len();
        for (partition, next) in self.next.iter_mut().enumerate() {
            let end = *next + share;
            while *next < end {
                let first = *next % self.records.len();
                let run = &self.records[first..self.records.len().min(first + end - *next)];
                let lent = run.iter().enumerate().map(|(index, value)| record((*next + index) as i64, value));
                let taken = self.feeder.lend(partition as i32, lent).unwrap();
                *next += taken;
                if taken < run.len() {
                    // There is no room.
                    self.consumer.poll(NOW).unwrap();
                }
            }
        }
    }

    /// Lends so many rows, and polls now and then.
    fn feed(&mut self, rows: usize) {
        for _ in 0..rows / self.poll_rows {
            self.lend(self.poll_rows);
            self.consumer.poll(NOW).unwrap();
        }
    }

    fn snapshot(&self) -> Snapshot {
        self.consumer.snapshot().unwrap()
    }
}

/// The same records through a row buffer alone, into chunks of the same size, of which as many are kept as the table
/// keeps.
struct Decoding {
    rows: RowBuffer,
    kept_rows: usize,
    seal_rows: usize,
    kept: VecDeque<Batch>,
}

impl Decoding {
    fn new(plan: &Plan) -> Decoding {
        let layout = plan.layout.as_ref().unwrap();
        let (schema, limits, on_seal) =
            (Arc::clone(&layout.schema), plan.retention.chunk_limits(), plan.retention.on_seal());
        let rows = RowBuffer::new(schema, 0, layout.key.clone(), layout.value.clone(), limits, on_seal).unwrap();
        let (kept_rows, seal_rows) = match plan.retention.table_type {
            TableType::Append => (usize::MAX, limits.rows),
            TableType::Blink => (0, POLL_ROWS),
            TableType::Ring { capacity } => (capacity as usize, limits.rows),
        };
        Decoding { rows, kept_rows, seal_rows, kept: VecDeque::new() }
    }

    fn feed(&mut self, records: &[Vec<u8>], rows: usize) {
        let values = records.iter().cycle().take(rows).enumerate();
        for (offset, value) in values {
            self.rows.append(&record(offset as i64, value)).unwrap();
            if (offset + 1) % self.seal_rows == 0 {
                self.kept.extend(self.rows.seal(true).into_iter().map(|sealed| sealed.batch));
                while self.kept.iter().map(Batch::num_rows).sum::<usize>() > self.kept_rows {
                    self.kept.pop_front();
                }
            }
        }
    }
}

fn beyond_decode(name: &str, shape: &Shape, table_type: TableType, partitions: usize, poll_rows: usize) {
    let options = options(shape.spec(), table_type);
    let plan = options.plan().unwrap();
    let mut path = Path { poll_rows, ..Path::new(&options, partitions, &shape.records) };
    let mut decoding = Decoding::new(&plan);
    // Both go on from round to round. The first one warms caches and branch predictors, and is not counted.
    let round = |_| (measure(|| path.feed(ROWS)), measure(|| decoding.feed(&shape.records, ROWS)));
    let rounds: Vec<(Cost, Cost)> = (0..=ROUNDS).map(round).skip(1).collect();
    let per_row = |cost: &Cost| cost.cpu.as_nanos() as f64 / ROWS as f64;
    let stem = name.trim_end_matches(".ns_per_row");
    print_figure(name, "ns", &rounds, |(whole, decode)| per_row(whole) - per_row(decode));
    print_figure(&format!("{stem}.whole.ns_per_row"), "ns", &rounds, |(whole, _)| per_row(whole));
    print_figure(&format!("{stem}.decode.ns_per_row"), "ns", &rounds, |(_, decode)| per_row(decode));
}

/// What a function that gives payloads back as they are costs beyond a column of payloads.
fn beyond_payloads(name: &str, shape: &Shape) {
    let columns = Arc::new(Schema::new(vec![Field::new("V", DataType::Binary, true)]));
    let declared = Arc::clone(&columns);
    let identity = move |call: &mut Call| {
        let input = call.take_input().unwrap();
        let output = RecordBatch::try_new(Arc::clone(&declared), vec![Arc::clone(input.column(0))]).unwrap();
        call.set_output(&output).map_err(|error| error.to_string())
    };
    let callback = Spec::Callback(CallbackSpec::new(&columns, Arc::new(identity)).unwrap());
    let payloads = Spec::Simple { column: Some("V".to_owned()), type_name: Some("binary".to_owned()) };
    let [mut callback, mut payloads] =
        [callback, payloads].map(|spec| Path::new(&options(spec, TableType::Blink), 1, &shape.records));
    // The first round warms caches and branch predictors, and is not counted.
    let round = |_| (measure(|| callback.feed(ROWS)), measure(|| payloads.feed(ROWS)));
    let rounds: Vec<(Cost, Cost)> = (0..=ROUNDS).map(round).skip(1).collect();
    let per_row = |cost: &Cost| cost.cpu.as_nanos() as f64 / ROWS as f64;
    print_figure(name, "ns", &rounds, |(callback, payloads)| per_row(callback) - per_row(payloads));
    print_figure("path.callback.payloads.ns_per_row", "ns", &rounds, |(_, payloads)| per_row(payloads));
}

/// Snapshots of ten million rows, and their batches through the C stream.
fn large_table(shape: &Shape) {
    const LARGE_ROWS: usize = 10_000_000;
    const CHANGES: usize = 50;
    let options = options(shape.spec(), TableType::Append);
    let mut path = Path::new(&options, 1, &shape.records);
    path.feed(LARGE_ROWS.next_multiple_of(POLL_ROWS));
    let rows = path.snapshot().partitions()[0].rows().end_row();
    println!("snapshots of {rows} rows in {} chunks", path.snapshot().partitions()[0].rows().chunks().len());

    // Everything from decoded rows to a snapshot that shows them.
    let mut first = Vec::with_capacity(CHANGES);
    let mut unchanged = Vec::with_capacity(CHANGES);
    for _ in 0..CHANGES {
        path.lend(1000);
        first.push(time(|| {
            path.consumer.poll(NOW).unwrap();
            path.snapshot()
        }));
        unchanged.push(time(|| path.snapshot()));
    }
    print_figure("snapshot.first_ms", "ms", &first, |(passed, _)| passed.as_secs_f64() * 1e3);
    print_figure("snapshot.unchanged_us", "us", &unchanged, |(passed, _)| passed.as_secs_f64() * 1e6);

    let snapshot = path.snapshot();
    let first = export(&snapshot);
    let again: Vec<_> = (0..ROUNDS).flat_map(|_| export(&snapshot)).collect();
    println!("exports of chunks of {} rows x 20 columns", first[0].1);
    print_figure("export.chunk_us", "us", &first, |(passed, _)| passed.as_secs_f64() * 1e6);
    print_figure("export.again_us", "us", &again, |(passed, _)| passed.as_secs_f64() * 1e6);
}

/// Takes every whole chunk out of the C stream: how long `get_next` took and how many rows it gave.
fn export(snapshot: &Snapshot) -> Vec<(Duration, usize)> {
    let rows = snapshot.partitions()[0].rows();
    let end = rows.chunks()[rows.chunks().len() - 1].first_row();
    let mut exported = stream::export(snapshot.stream(0, 0, Some(end)).unwrap()).unwrap();
    // SAFETY: both are the C Stream Interface's structure, and this takes it over.
    let mut stream = unsafe { FFI_ArrowArrayStream::from_raw((&raw mut exported).cast()) };
    let get_next = stream.get_next().unwrap();
    let mut taken = Vec::new();
    loop {
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: the stream is not released, and the array is memory to write to.
        let (passed, status) = time(|| unsafe { get_next(&raw mut stream, &raw mut array) });
        assert_eq!(status, 0);
        if array.is_released() {
            return taken;
        }
        taken.push((passed, array.len()));
    }
}

fn time<R>(work: impl FnOnce() -> R) -> (Duration, R) {
    let start = Instant::now();
    let result = black_box(work());
    (start.elapsed(), result)
}

/// What a table and its consumer hold for a million rows, in parts of what Arrow needs for them: the worst of the shapes.
fn memory(shapes: &[&Shape]) {
    const MANY: usize = 1_000_000;
    let mut worst = 0_f64;
    for shape in shapes {
        let options = options(shape.spec(), TableType::Append);
        let before = ALLOCATOR.live();
        let mut path = Path::new(&options, 1, &shape.records);
        path.feed(MANY.next_multiple_of(POLL_ROWS));
        let held = ALLOCATOR.live() - before;
        let bytes = |batch: RecordBatch| batch.columns().iter().map(|column| needed(&**column)).sum::<usize>();
        let needed: usize = path.snapshot().stream(0, 0, None).unwrap().map(bytes).sum();
        println!("{}: {held} bytes held, {needed} needed", shape.name);
        let ratio = held as f64 / needed as f64;
        print_figure(&format!("memory.append.{}.ratio", shape.name), "x", &[ratio], |ratio| *ratio);
        worst = worst.max(ratio);
    }
    print_figure("memory.append.ratio", "x", &[worst], |ratio| *ratio);
}

/// The lengths of an array's buffers.
fn needed(array: &dyn Array) -> usize {
    let data = array.to_data();
    let nulls = data.nulls().map_or(0, |nulls| nulls.len().div_ceil(8));
    nulls + data.buffers().iter().map(|buffer| buffer.len()).sum::<usize>()
}

/// The whole path at different numbers of partitions.
fn many_partitions(steps: &[(usize, String)], shape: &Shape) {
    let options = options(shape.spec(), TableType::Append);
    let path = |(partitions, _): &(usize, String)| Path::new(&options, *partitions, &shape.records);
    let mut paths: Vec<Path<'_>> = steps.iter().map(path).collect();
    let round = |_| paths.iter_mut().map(|path| measure(|| path.feed(ROWS))).collect();
    // Fewer rounds, because the tables hold all that is fed to them.
    let rounds: Vec<Vec<Cost>> = (0..=ROUNDS / 2).map(round).skip(1).collect();
    for (step, (_, name)) in steps.iter().enumerate() {
        print_figure(name, "ns", &rounds, |costs| costs[step].cpu.as_nanos() as f64 / ROWS as f64);
    }
}

/// The poll loop while threads take snapshots and walk through their batches, a thousand times a second each.
fn readers(names: &[String], steps: &[usize], shape: &Shape) {
    let options = options(shape.spec(), TableType::Append);
    let round = |_| {
        let step = |readers: &usize| beside_readers(&mut Path::new(&options, 4, &shape.records), *readers);
        steps.iter().map(step).collect()
    };
    let rounds: Vec<Vec<Polling>> = (0..=ROUNDS).map(round).skip(1).collect();
    for (step, name) in names.iter().enumerate() {
        let wall = |costs: &Vec<Polling>| costs[step].wall.as_secs_f64() / costs[0].wall.as_secs_f64();
        print_figure(name, "x", &rounds, wall);
        let name = name.trim_end_matches(".wall_ratio");
        let cpu = |costs: &Vec<Polling>| costs[step].cpu.as_secs_f64() / costs[0].cpu.as_secs_f64();
        print_figure(&format!("{name}.cpu_ratio"), "x", &rounds, cpu);
        let walks = |costs: &Vec<Polling>| costs[step].walks as f64;
        print_figure(&format!("{name}.walks"), "count", &rounds, walks);
    }
}

/// What the polling thread took, and how many snapshots others have walked through meanwhile.
struct Polling {
    wall: Duration,
    /// Its own, so that it does not depend on how many cores there are for the others.
    cpu: Duration,
    walks: usize,
}

fn beside_readers(path: &mut Path<'_>, readers: usize) -> Polling {
    let (stop, walks) = (AtomicBool::new(false), AtomicUsize::new(0));
    let consumer = Arc::clone(&path.consumer);
    let walk = || {
        while !stop.load(Ordering::Relaxed) {
            let batches = consumer.snapshot().unwrap().merged(&[]).unwrap();
            black_box(batches.map(|batch| batch.num_rows()).sum::<usize>());
            walks.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(1));
        }
    };
    let (wall, cpu) = thread::scope(|scope| {
        (0..readers).for_each(|_| drop(scope.spawn(walk)));
        let (start, cpu) = (Instant::now(), thread_cpu_time());
        path.feed(ROWS);
        let passed = (start.elapsed(), thread_cpu_time() - cpu);
        stop.store(true, Ordering::Relaxed);
        passed
    });
    Polling { wall, cpu, walks: walks.load(Ordering::Relaxed) }
}

fn thread_cpu_time() -> Duration {
    // SAFETY: `clock_gettime` fills the structure it is given.
    let time = unsafe {
        let mut time = std::mem::zeroed::<libc::timespec>();
        assert_eq!(libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time), 0);
        time
    };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A ring that has turned over a hundred times, beside one that is full for the first time.
fn ring() {
    const CAPACITY: usize = 1_000_000;
    const WINDOW: usize = 64 * POLL_ROWS;
    let value = Spec::Simple { column: Some("value".to_owned()), type_name: Some("int64".to_owned()) };
    let options = options(value, TableType::Ring { capacity: CAPACITY as i64 });
    let records: Vec<Vec<u8>> = (0..RECORDS as i64).map(|value| value.to_be_bytes().to_vec()).collect();
    let mut old = Path::new(&options, 1, &records);
    let before = ALLOCATOR.live();
    old.feed((100 * CAPACITY).next_multiple_of(POLL_ROWS));

    let chunk_rows = options.plan().unwrap().retention.chunk_limits().rows;
    let mut most = 0;
    for _ in 0..2 * CAPACITY / POLL_ROWS {
        old.feed(POLL_ROWS);
        most = most.max(ALLOCATOR.live() - before);
    }
    let bound = (CAPACITY + chunk_rows) * size_of::<i64>();
    print_figure("ring.1m.memory_ratio", "x", &[most as f64 / bound as f64], |ratio| *ratio);

    let round = |_| {
        let mut new = Path::new(&options, 1, &records);
        new.feed(CAPACITY.next_multiple_of(POLL_ROWS));
        (measure(|| new.feed(WINDOW)), measure(|| old.feed(WINDOW)))
    };
    let rounds: Vec<(Cost, Cost)> = (0..=ROUNDS).map(round).skip(1).collect();
    let per_row = |cost: &Cost| cost.cpu.as_nanos() as f64 / WINDOW as f64;
    print_figure("ring.1m.after_1m.ns_per_row", "ns", &rounds, |(new, _)| per_row(new));
    print_figure("ring.1m.after_100m.ns_per_row", "ns", &rounds, |(_, old)| per_row(old));
    print_figure("ring.1m.ratio.100m_to_1m", "x", &rounds, |(new, old)| per_row(old) / per_row(new));
}

/// The system's allocator, counting the bytes that are in use.
struct Counting(AtomicUsize);

impl Counting {
    fn live(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

// SAFETY: the system's allocator does all of it; the count changes nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller says.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.0.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller says.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.0.fetch_add(size.wrapping_sub(layout.size()), Ordering::Relaxed);
        // SAFETY: as the caller says.
        unsafe { System.realloc(memory, layout, size) }
    }
}
