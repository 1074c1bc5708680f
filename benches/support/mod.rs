//! What benchmarks share: rounds of work that take turns, and the figures that come out of them.

// Each benchmark compiles this module for itself and uses only a part of it.
#![allow(dead_code)]

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a piece of work took.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Time on the clock.
    pub wall: Duration,
    /// User and system time of this process, all threads together.
    pub cpu: Duration,
}

/// Does the work and tells what it took.
pub fn measure(work: impl FnOnce()) -> Cost {
    let (start, cpu) = (Instant::now(), cpu_time());
    work();
    Cost { wall: start.elapsed(), cpu: cpu_time() - cpu }
}

/// Whether the command line asks for what is called this: by its name, or by what the name begins with. Without any it
/// asks for everything.
pub fn is_wanted(name: &str) -> bool {
    let mut wanted = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    wanted.peek().is_none() || wanted.any(|prefix| name.starts_with(&prefix))
}

/// Prints the median of a figure over all rounds, with its spread, and keeps it for the summary.
pub fn print_figure<R>(name: &str, unit: &'static str, rounds: &[R], figure: impl Fn(&R) -> f64) {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let (median, least, most) = (figures[figures.len() / 2], figures[0], figures[figures.len() - 1]);
    let places = places(median);
    println!("{name}: {median:.places$} {unit} (from {least:.places$} to {most:.places$} in {} rounds)", figures.len());
    let summary = Figure { name: name.to_owned(), unit, median, least, most };
    FIGURES.lock().unwrap_or_else(PoisonError::into_inner).push(summary);
}

/// The same for nanoseconds of CPU time per unit of work, of which a round has as many. Where the clock says something
/// else, it is printed beside.
pub fn print_cpu_figure<R>(name: &str, unit: &'static str, rounds: &[R], units: f64, cost: impl Fn(&R) -> Cost) {
    print_figure(name, unit, rounds, |round| cost(round).cpu.as_nanos() as f64 / units);
    let (wall, cpu) = (rounds.iter().map(|round| cost(round).wall), rounds.iter().map(|round| cost(round).cpu));
    let (wall, cpu) = (median(wall), median(cpu));
    if wall.abs_diff(cpu) > cpu / 20 {
        let wall = wall.as_nanos() as f64 / units;
        println!("{name}: {wall:.*} {unit} on the clock", places(wall));
    }
}

/// What a benchmark ends with: all its figures as a table, and as lines for scripts.
///
/// Where `KARROW_FIGURES` names a directory, they are also written there, to a file with the name of the benchmark.
pub fn print_summary(benchmark: &str) {
    let figures = FIGURES.lock().unwrap_or_else(PoisonError::into_inner);
    let width = figures.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
    let mut summary = format!("\n{:width$} {:>12} {:6} {:>12} {:>12}\n", benchmark, "median", "", "from", "to");
    for Figure { name, unit, median, least, most } in figures.iter() {
        let places = places(*median);
        summary += &format!("{name:width$} {median:>12.places$} {unit:6} {least:>12.places$} {most:>12.places$}\n");
    }
    summary += "\n";
    for Figure { name, unit, median, .. } in figures.iter() {
        summary += &format!("figure {name} {median:.4} {unit}\n");
    }
    print!("{summary}");
    if let Some(directory) = std::env::var_os("KARROW_FIGURES") {
        std::fs::write(Path::new(&directory).join(format!("{benchmark}.txt")), summary).unwrap();
    }
}

struct Figure {
    name: String,
    unit: &'static str,
    median: f64,
    least: f64,
    most: f64,
}

/// How many decimal places tell two values of this size apart.
fn places(value: f64) -> usize {
    if value < 1.0 { 4 } else { 2 }
}

/// What has been printed so far.
static FIGURES: Mutex<Vec<Figure>> = Mutex::new(Vec::new());

fn median(durations: impl Iterator<Item = Duration>) -> Duration {
    let mut durations: Vec<Duration> = durations.collect();
    durations.sort();
    durations[durations.len() / 2]
}

fn cpu_time() -> Duration {
    // SAFETY: `getrusage` fills the structure it is given.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &mut usage), 0);
        usage
    };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}
