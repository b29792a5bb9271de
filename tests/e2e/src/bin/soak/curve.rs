use std::fs;
use std::io;
use std::path::Path;

use glasslink_e2e::{descriptors, present_memory};

/// Rows that are printed.
const ROWS: usize = 30;

/// A process may hold this much more in the last quarter than in the one before, and this share more.
const MORE_MEMORY: u64 = 2 << 20;
const MORE_MEMORY_PERCENT: u64 = 15;
const MORE_DESCRIPTORS: u64 = 16;

/// What processes hold, second by second.
pub(crate) struct Curve {
    names: [&'static str; 4],
    samples: Vec<Sample>,
}

/// Bytes and descriptors of each process; `None` while it is down.
struct Sample {
    second: u64,
    processes: [Option<(u64, u64)>; 4],
    faults: u32,
}

impl Curve {
    pub(crate) fn new(names: [&'static str; 4]) -> Self {
        Self { names, samples: Vec::new() }
    }

    pub(crate) fn sample(&mut self, second: u64, processes: [Option<u32>; 4], faults: u32) {
        let look = |process: Option<u32>| process.and_then(|id| present_memory(id).zip(descriptors(id)));
        self.samples.push(Sample { second, processes: processes.map(look), faults });
    }

    pub(crate) fn print(&self) {
        println!(
            "{:>8} {:>7}  {}",
            "second",
            "faults",
            self.names.map(|name| format!("{name:>22}")).join(" ")
        );
        for sample in self.samples.iter().step_by(self.samples.len().div_ceil(ROWS).max(1)) {
            let cells = sample.processes.map(|process| match process {
                Some((bytes, open)) => format!("{:>9.1} MB {open:>5} fd", bytes as f64 / 1e6),
                None => format!("{:>21}", "down"),
            });
            println!(
                "{:>8} {:>7}  {}",
                sample.second,
                sample.faults,
                cells.map(|c| format!("{c:>22}")).join(" ")
            );
        }
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let heads = self.names.map(|name| format!("{name} bytes,{name} descriptors")).join(",");
        let mut text = format!("second,faults,{heads}\n");
        for sample in &self.samples {
            let cells = sample.processes.map(|process| match process {
                Some((bytes, open)) => format!("{bytes},{open}"),
                None => ",".into(),
            });
            text.extend([format!("{},{},{}\n", sample.second, sample.faults, cells.join(","))]);
        }
        fs::write(path, text)
    }

    /// What grew from the third quarter to the last.
    pub(crate) fn grown(&self) -> Vec<String> {
        let quarter = self.samples.len() / 4;
        let mut grown = Vec::new();
        // The last of them is this program, which keeps what everybody said.
        for (process, name) in self.names.iter().enumerate().take(3) {
            let mean = |samples: &[Sample]| {
                let seen: Vec<(u64, u64)> =
                    samples.iter().filter_map(|sample| sample.processes[process]).collect();
                let count = (seen.len() as u64).max(1);
                (
                    seen.iter().map(|one| one.0).sum::<u64>() / count,
                    seen.iter().map(|one| one.1).sum::<u64>() / count,
                )
            };
            let (before, after) =
                (mean(&self.samples[2 * quarter..3 * quarter]), mean(&self.samples[3 * quarter..]));
            if after.0 > before.0 + MORE_MEMORY.max(before.0 * MORE_MEMORY_PERCENT / 100) {
                grown.push(format!("{name} grew from {} to {} bytes", before.0, after.0));
            }
            if after.1 > before.1 + MORE_DESCRIPTORS {
                grown.push(format!("{name} grew from {} to {} descriptors", before.1, after.1));
            }
        }
        grown
    }
}
