//! Libraries that decode the same Protobuf messages: one in this process, which makes values and no columns, and one that is
//! for Python.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use prost_reflect::DynamicMessage;
use tempfile::TempDir;

use crate::protobuf_shapes::ProtobufShape;
use crate::shapes::BATCH_ROWS;
use crate::support::Cost;

/// Makes a value of each message, and nothing of that.
pub fn dynamic_message(shape: &ProtobufShape) {
    for record in &shape.records {
        std::hint::black_box(DynamicMessage::decode(shape.message.clone(), &record[..]).unwrap());
    }
}

/// ptars in a process of Python, which is there as long as this is.
pub struct Ptars {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _directory: TempDir,
}

impl Ptars {
    /// Starts it with the records of a shape, which it decodes, and compares with what they should be. `None`: no Python is
    /// named that has it.
    pub fn start(shape: &ProtobufShape) -> Option<Ptars> {
        let python = std::env::var_os("KARROW_PYTHON")?;
        let directory = TempDir::new().unwrap();
        let write = |name: &str, parts: &[Vec<u8>]| {
            let mut bytes = Vec::new();
            for part in parts {
                bytes.extend((part.len() as u32).to_le_bytes());
                bytes.extend(part);
            }
            fs::write(directory.path().join(name), bytes).unwrap();
        };
        write("files", &shape.files());
        write("records", &shape.records);
        write("json", &shape.json);
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/decode/ptars_peer.py");
        let mut process = Command::new(python)
            .arg(program)
            .arg(directory.path())
            .arg(BATCH_ROWS.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut ptars = Ptars { process, input, output, _directory: directory };
        let said = ptars.line();
        assert_eq!(said, "ready", "ptars makes other rows of {}", shape.name);
        Some(ptars)
    }

    /// Lets it decode all records once more.
    pub fn decode(&mut self) -> Cost {
        self.input.write_all(b"decode\n").unwrap();
        let line = self.line();
        let (wall, cpu) = line.split_once(' ').expect("it answers with two numbers");
        let time = |nanos: &str| Duration::from_nanos(nanos.parse().unwrap());
        Cost { wall: time(wall), cpu: time(cpu) }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Ptars {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
