//! What benchmarks share: rounds of work that take turns, and the figures that come out of them.

// Each benchmark compiles this module for itself, and not all use both times.
#![allow(dead_code)]

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

/// Prints the median of a figure over all rounds, with its spread, and as a line for scripts.
pub fn print_figure<R>(name: &str, unit: &str, rounds: &[R], figure: impl Fn(&R) -> f64) {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    let (median, least, most) = (figures[figures.len() / 2], figures[0], figures[figures.len() - 1]);
    println!("{name}: {median:.2} {unit} (from {least:.2} to {most:.2} in {} rounds)", figures.len());
    println!("figure {name} {median:.3} {unit}");
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
