//! The last lines that the application wrote: what a person wants to see when it died.
use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, PipeReader},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

const KEPT: usize = 20;

/// Follows both of the application's outputs.
pub(crate) struct LastLines {
    lines: Arc<Mutex<VecDeque<String>>>,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

impl LastLines {
    pub fn follow(output: Option<intercept::Output>, show: bool) -> Self {
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let pipes = output.into_iter().flat_map(|output| [output.stdout, output.stderr]);
        let read = |pipe| {
            let lines = lines.clone();
            std::thread::spawn(move || read(pipe, &lines, show))
        };
        let readers = pipes.map(read).collect();
        Self { lines, readers: Mutex::new(readers) }
    }

    /// The lines, indented; nothing when it said nothing. Waits for what is still in the pipes: the application has
    /// ended, and everything of it is gone.
    pub fn said(&self) -> String {
        for reader in lock(&self.readers).drain(..) {
            // A reader that panicked has said what it had.
            let _ = reader.join();
        }
        let lines = lock(&self.lines);
        if lines.is_empty() {
            return String::new();
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        format!("; its last lines:\n    {}", lines.join("\n    "))
    }
}

fn read(pipe: PipeReader, lines: &Mutex<VecDeque<String>>, show: bool) {
    for line in BufReader::new(pipe).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if show {
            eprintln!("{line}");
        }
        let mut lines = lock(lines);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
