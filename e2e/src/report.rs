//! What is told while it runs and at the end, on the terminal and in a file.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use tokio::time::Instant;

use crate::Told;

/// The table has no room for more; the log has all of it.
const SEEN_MAX: usize = 160;

/// A story that was told, or not.
struct Line {
    name: &'static str,
    told: Result<String, String>,
    took: Duration,
}

/// What is told.
pub struct Report {
    log: File,
    lines: Vec<Line>,
    end: Option<End>,
}

/// When all stories have to be over.
struct End {
    at: Instant,
    within: Duration,
    /// The story that was being told then.
    reached_by: Option<&'static str>,
}

impl Report {
    /// Nothing yet. The file is begun anew.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(log: &Path) -> std::io::Result<Self> {
        Ok(Self { log: File::create(log)?, lines: Vec::new(), end: None })
    }

    /// Gives this long to all stories that follow.
    pub fn end_within(&mut self, within: Duration) {
        self.end = Some(End { at: Instant::now() + within, within, reached_by: None });
    }

    /// Tells something, in the file too.
    pub fn say(&mut self, text: &str) {
        println!("{text}");
        // A full disk must not take the words from the terminal.
        let _written = writeln!(self.log, "{text}");
    }

    /// Runs a story to its end, or until its time is up, and answers whether it ended well.
    pub async fn story(
        &mut self,
        name: &'static str,
        limit: Duration,
        story: impl Future<Output = Told>,
    ) -> bool {
        self.say(&format!("… {name}"));
        let start = Instant::now();
        let told = self.told(name, start, limit, story).await;
        let took = start.elapsed();
        let seconds = took.as_secs_f64();
        match &told {
            Ok(remark) => self.say(&format!("  passed in {seconds:.1} s: {remark}")),
            Err(fault) => self.say(&format!("  FAILED after {seconds:.1} s: {fault}")),
        }
        let passed = told.is_ok();
        self.lines.push(Line { name, told, took });
        passed
    }

    async fn told(
        &mut self,
        name: &'static str,
        start: Instant,
        limit: Duration,
        story: impl Future<Output = Told>,
    ) -> Result<String, String> {
        if let Some(End { reached_by: Some(last), .. }) = &self.end {
            return Err(format!("not told: the time was up during {last:?}"));
        }
        let own = start + limit;
        let at = self.end.as_ref().map_or(own, |end| own.min(end.at));
        match tokio::time::timeout_at(at, heard(story, start)).await {
            Ok(told) => told.map_err(|error| error.to_string()),
            Err(_) => match &mut self.end {
                Some(end) if end.at < own => {
                    end.reached_by = Some(name);
                    let within = end.within.as_secs();
                    Err(format!("it was running when the {within} s of all stories were over"))
                }
                _ => Err(format!("it was not over after {} s", limit.as_secs())),
            },
        }
    }

    /// Whether there were stories, and all ended well.
    pub fn passed(&self) -> bool {
        !self.lines.is_empty() && self.lines.iter().all(|line| line.told.is_ok())
    }

    /// The closing table.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(["story", "result", "seconds", "seen"]);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(110);
        for line in &self.lines {
            let (result, seen) = match &line.told {
                Ok(remark) => ("passed", remark.as_str()),
                Err(fault) => ("FAILED", fault.lines().next().unwrap_or_default()),
            };
            let seen: String = seen.chars().take(SEEN_MAX).collect();
            let seconds = format!("{:.1}", line.took.as_secs_f64());
            table.add_row([line.name, result, seconds.as_str(), seen.as_str()]);
        }
        table.to_string()
    }
}

/// A story that is heard of while it takes long.
async fn heard(story: impl Future<Output = Told>, start: Instant) -> Told {
    const SIGN_OF_LIFE: Duration = Duration::from_secs(60);
    let mut story = pin!(story);
    loop {
        match tokio::time::timeout(SIGN_OF_LIFE, &mut story).await {
            Ok(told) => return told,
            Err(_) => println!("  {} s", start.elapsed().as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A report, and the folder that its file is in.
    fn report() -> (Report, TempDir) {
        let folder = TempDir::new().expect("a folder");
        (Report::new(&folder.path().join("log")).expect("a file"), folder)
    }

    #[tokio::test(start_paused = true)]
    async fn a_story_that_never_ends_fails_when_its_time_is_up() {
        let (mut report, _folder) = report();
        let ended = report.story("waits", Duration::from_secs(60), std::future::pending()).await;
        assert!(!ended);
        assert!(report.table().contains("it was not over after 60 s"));
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_time_of_all_stories_is_up_it_says_which_was_running_and_tells_no_other() {
        let (mut report, _folder) = report();
        report.end_within(Duration::from_secs(100));
        let limit = Duration::from_secs(60);
        assert!(!report.story("first", limit, std::future::pending()).await);
        assert!(!report.story("second", limit, std::future::pending()).await);
        assert!(!report.story("third", limit, async { unreachable!("it is not told") }).await);
        let told = report.lines.iter().map(|line| line.told.as_ref());
        let faults: Vec<&String> = told.filter_map(Result::err).collect();
        assert_eq!(
            faults,
            [
                "it was not over after 60 s",
                "it was running when the 100 s of all stories were over",
                "not told: the time was up during \"second\"",
            ]
        );
    }

    #[tokio::test]
    async fn one_failure_fails_the_whole_and_no_story_is_no_pass() {
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
