//! The report of the stories, on the terminal and in a file.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use tokio::time::Instant;

use crate::result::StoryResult;

/// The table shows this many characters of a remark. The log has all of it.
const REMARK_CHARS_MAX: usize = 160;

/// A story that ran, or could not run.
struct Line {
    name: &'static str,
    result: Result<String, String>,
    took: Duration,
}

pub struct Report {
    log: File,
    lines: Vec<Line>,
    end: Option<End>,
}

/// When all stories must have ended.
struct End {
    at: Instant,
    within: Duration,
    /// The story that was running at that time.
    reached_during: Option<&'static str>,
}

impl Report {
    /// An empty report. An existing file is overwritten.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(log: &Path) -> std::io::Result<Self> {
        Ok(Self { log: File::create(log)?, lines: Vec::new(), end: None })
    }

    /// Sets the time for all later stories together.
    pub fn end_within(&mut self, within: Duration) {
        self.end = Some(End { at: Instant::now() + within, within, reached_during: None });
    }

    /// Prints a text, and writes it to the file.
    pub fn print(&mut self, text: &str) {
        println!("{text}");
        // A full disk must not stop the output on the terminal.
        let _written = writeln!(self.log, "{text}");
    }

    /// Runs a story until it ends or its time is up. Returns whether the story passed.
    pub async fn story(
        &mut self,
        name: &'static str,
        limit: Duration,
        story: impl Future<Output = StoryResult>,
    ) -> bool {
        self.print(&format!("… {name}"));
        let start = Instant::now();
        let result = self.run(name, start, limit, story).await;
        let took = start.elapsed();
        let seconds = took.as_secs_f64();
        match &result {
            Ok(remark) => self.print(&format!("  passed in {seconds:.1} s: {remark}")),
            Err(error) => self.print(&format!("  FAILED after {seconds:.1} s: {error}")),
        }
        let passed = result.is_ok();
        self.lines.push(Line { name, result, took });
        passed
    }

    async fn run(
        &mut self,
        name: &'static str,
        start: Instant,
        limit: Duration,
        story: impl Future<Output = StoryResult>,
    ) -> Result<String, String> {
        if let Some(End { reached_during: Some(last), .. }) = &self.end {
            return Err(format!("did not run: the time for all stories ended during {last:?}"));
        }
        let own_end = start + limit;
        let at = self.end.as_ref().map_or(own_end, |end| own_end.min(end.at));
        match tokio::time::timeout_at(at, with_elapsed_time(story, start)).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => match &mut self.end {
                Some(end) if end.at < own_end => {
                    end.reached_during = Some(name);
                    let within = end.within.as_secs();
                    Err(format!("was still running when the {within} s for all stories ended"))
                }
                _ => Err(format!("had not ended after {} s", limit.as_secs())),
            },
        }
    }

    /// Whether stories ran and all of them passed.
    pub fn passed(&self) -> bool {
        !self.lines.is_empty() && self.lines.iter().all(|line| line.result.is_ok())
    }

    /// The closing table.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(["story", "result", "seconds", "remark"]);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(110);
        for line in &self.lines {
            let (result, remark) = match &line.result {
                Ok(remark) => ("passed", remark.as_str()),
                Err(error) => ("FAILED", error.lines().next().unwrap_or_default()),
            };
            let remark: String = remark.chars().take(REMARK_CHARS_MAX).collect();
            let seconds = format!("{:.1}", line.took.as_secs_f64());
            table.add_row([line.name, result, seconds.as_str(), remark.as_str()]);
        }
        table.to_string()
    }
}

/// Prints the elapsed time every minute while a story runs.
async fn with_elapsed_time(
    story: impl Future<Output = StoryResult>,
    start: Instant,
) -> StoryResult {
    const EVERY: Duration = Duration::from_secs(60);
    let mut story = pin!(story);
    loop {
        match tokio::time::timeout(EVERY, &mut story).await {
            Ok(result) => return result,
            Err(_) => println!("  {} s", start.elapsed().as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A report, and the folder of its file.
    fn report() -> (Report, TempDir) {
        let folder = TempDir::new().expect("a folder");
        (Report::new(&folder.path().join("log")).expect("a file"), folder)
    }

    #[tokio::test(start_paused = true)]
    async fn a_story_that_never_ends_fails_when_its_time_is_up() {
        let (mut report, _folder) = report();
        let passed = report.story("waits", Duration::from_secs(60), std::future::pending()).await;
        assert!(!passed);
        assert!(report.table().contains("had not ended after 60 s"));
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_time_for_all_stories_is_up_the_running_story_is_named_and_no_other_runs() {
        let (mut report, _folder) = report();
        report.end_within(Duration::from_secs(100));
        let limit = Duration::from_secs(60);
        assert!(!report.story("first", limit, std::future::pending()).await);
        assert!(!report.story("second", limit, std::future::pending()).await);
        assert!(!report.story("third", limit, async { unreachable!("it does not run") }).await);
        let results = report.lines.iter().map(|line| line.result.as_ref());
        let errors: Vec<&String> = results.filter_map(Result::err).collect();
        assert_eq!(
            errors,
            [
                "had not ended after 60 s",
                "was still running when the 100 s for all stories ended",
                "did not run: the time for all stories ended during \"second\"",
            ]
        );
    }

    #[tokio::test]
    async fn one_failed_story_or_no_story_at_all_is_no_pass() {
        let (mut report, _folder) = report();
        assert!(!report.passed());
        let limit = Duration::from_secs(1);
        assert!(report.story("good", limit, async { Ok("seen".to_owned()) }).await);
        assert!(report.passed());
        assert!(!report.story("bad", limit, async { Err("broken".into()) }).await);
        assert!(report.story("good again", limit, async { Ok(String::new()) }).await);
        assert!(!report.passed());
    }
}
