//! The log of one test.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing_subscriber::EnvFilter;

/// Captures the lines of the test's own thread until the value is dropped.
pub struct CapturedLog {
    lines: Lines,
    _listening: DefaultGuard,
    _second_subscriber: Dispatch,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    pub fn start() -> Self {
        // The most detailed filter that template.yaml accepts.
        Self::with_filter("info,alimi=trace")
    }

    pub fn with_filter(filter: &str) -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(move || writer.clone())
            .with_ansi(false)
            // The digits of a time could look like those of a phone number.
            .without_time()
            .finish();
        let listening = tracing::subscriber::set_default(subscriber);
        // While a process has only one subscriber, tracing asks the thread that first reaches a log
        // statement whether to enable it for all threads. A test on another thread would disable
        // it. With a second subscriber, tracing asks both.
        let second_subscriber = Dispatch::new(NoSubscriber::default());
        Self { lines, _listening: listening, _second_subscriber: second_subscriber }
    }

    pub fn text(&self) -> String {
        let lines = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(lines.clone()).expect("text")
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
