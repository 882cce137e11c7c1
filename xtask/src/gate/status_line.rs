//! Shows which steps are running.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::worker::Worker;

/// The interval between two lines when the output is not a terminal.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// On a terminal, overwrites one line. Elsewhere, prints a line every minute.
pub struct StatusLine {
    is_terminal: bool,
    start: Instant,
    shown_at: Option<Instant>,
}

impl StatusLine {
    pub fn new(start: Instant) -> Self {
        Self { is_terminal: io::stdout().is_terminal(), start, shown_at: None }
    }

    #[expect(clippy::disallowed_methods, reason = "no test waits for this time to pass")]
    pub fn show(&mut self, working: &[Worker]) {
        let pause = if self.is_terminal { Duration::ZERO } else { HEARTBEAT };
        if self.shown_at.is_some_and(|at| at.elapsed() < pause) || working.is_empty() {
            return;
        }
        self.shown_at = Some(Instant::now());
        let seconds = self.start.elapsed().as_secs();
        let steps: Vec<String> = working.iter().map(Worker::status).collect();
        let line = format!("[{:>2}:{:02}] {}", seconds / 60, seconds % 60, steps.join("   "));
        if self.is_terminal {
            let line: String = line.chars().take(110).collect();
            print!("\r\x1b[2K{line}");
            // If the terminal is gone, the next `print!` fails.
            let _flushed = io::stdout().flush();
        } else {
            println!("{line}");
        }
    }

    pub fn clear(&self) {
        if self.is_terminal {
            print!("\r\x1b[2K");
        }
    }

    pub fn say(&self, words: &str) {
        self.clear();
        println!("{words}");
    }
}
