//! How far the demo is: a bar on a terminal, and lines elsewhere, such as in a log of CI.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// How often the bar moves, so that one sees that the demo runs.
const TICK: Duration = Duration::from_millis(100);
/// The time between two lines of one stage.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Progress {
    bar: ProgressBar,
    /// Where lines go; `None` on a terminal.
    lines: Option<Mutex<Lines>>,
}

struct Lines {
    out: Box<dyn Write + Send>,
    stage: &'static str,
    total: usize,
    next_at: Instant,
}

impl Progress {
    /// Shows the first stage at once, on standard error.
    pub(super) fn start(stage: &'static str) -> Self {
        let stderr = std::io::stderr();
        let out: Option<Box<dyn Write + Send>> =
            if stderr.is_terminal() { None } else { Some(Box::new(stderr)) };
        Self::starting(stage, out)
    }

    fn starting(stage: &'static str, out: Option<Box<dyn Write + Send>>) -> Self {
        let bar = if out.is_some() { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let lines =
            out.map(|out| Mutex::new(Lines { out, stage, total: 0, next_at: Instant::now() }));
        let progress = Self { bar, lines };
        progress.bar.enable_steady_tick(TICK);
        progress.stage(stage, 0);
        progress
    }

    /// Begins a stage. With a total of 0 it has no bar.
    pub(super) fn stage(&self, stage: &'static str, total: usize) {
        let template = match total {
            0 => "{prefix:11} {spinner} {elapsed}",
            _ => "{prefix:11} {bar:40.cyan} {pos:>4}/{len} {elapsed}",
        };
        let style = ProgressStyle::with_template(template);
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_prefix(stage);
        self.bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
        self.bar.set_position(0);
        self.bar.reset_elapsed();
        self.with_lines(|lines| {
            (lines.stage, lines.total) = (stage, total);
            lines.write(0);
        });
    }

    /// So many of the stage's total are done.
    pub(super) fn done(&self, count: usize) {
        self.bar.set_position(u64::try_from(count).unwrap_or(u64::MAX));
        self.with_lines(|lines| {
            if Instant::now() >= lines.next_at {
                lines.write(count);
            }
        });
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn with_lines(&self, write: impl FnOnce(&mut Lines)) {
        if let Some(lines) = &self.lines {
            write(&mut lines.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Lines {
    fn write(&mut self, done: usize) {
        self.next_at = Instant::now() + LINE_EVERY;
        let Self { out, stage, total, .. } = self;
        // Nobody reads the lines any more when they cannot be written.
        let _closed = match *total {
            0 => writeln!(out, "{stage} …"),
            total => writeln!(out, "{stage} {done} of {total}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_terminal_there_is_a_line_at_once_and_every_five_seconds() {
        let written = Written::default();
        let progress = Progress::starting("starting", Some(Box::new(written.clone())));
        progress.stage("posting", 300);
        for done in 1..=11 {
            tokio::time::advance(Duration::from_secs(1)).await;
            progress.done(done);
        }
        let text = String::from_utf8(written.0.lock().expect("no panic").clone()).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        let expected = ["starting …", "posting 0 of 300", "posting 5 of 300", "posting 10 of 300"];
        assert_eq!(lines, expected);
    }
}
