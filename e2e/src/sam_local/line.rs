//! The lines of the closing table.

use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

/// The table shows this many characters of an answer or an error.
const ANSWER_CHARS_MAX: usize = 300;

/// One event, or one route.
pub(super) struct Line {
    pub(super) name: String,
    /// The events that were handled first.
    pub(super) after: String,
    /// The answer, or why the test failed.
    pub(super) result: Result<String, String>,
    pub(super) took: Duration,
}

impl Line {
    /// Prints one line while the others still run.
    pub(super) fn print(&self) {
        let result = if self.result.is_ok() { "passed" } else { "FAILED" };
        println!("{result} in {:.1} s: {}", self.took.as_secs_f64(), self.name);
    }
}

pub(super) fn table(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["function or route", "after the events", "result", "seconds", "answer"]);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(120);
    for line in lines {
        let (result, answer) = match &line.result {
            Ok(answer) => ("passed", answer),
            Err(error) => ("FAILED", error),
        };
        let answer: String = answer.chars().take(ANSWER_CHARS_MAX).collect();
        let seconds = format!("{:.1}", line.took.as_secs_f64());
        table.add_row([line.name.as_str(), &line.after, result, &seconds, &answer]);
    }
    table.to_string()
}
