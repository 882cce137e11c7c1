//! A step at work, in a process of its own. Its output goes into a file, and the processor time of its
//! children is measured apart from that of other steps.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::outcome::{Ended, Outcome};
use crate::process;
use crate::step::{Scope, Step};

/// How long a step that is asked to end has for it. The end-to-end tests end what they started.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// A step at work.
pub struct Worker {
    pub step: Step,
    child: Child,
    log: PathBuf,
    report: PathBuf,
    start: Instant,
}

impl Worker {
    #[expect(clippy::disallowed_methods, reason = "no test waits for this time to pass")]
    pub fn start(program: &Path, folder: &Path, step: Step, scope: Scope) -> io::Result<Self> {
        let file = |kind: &str| folder.join(format!("{}.{kind}", step.name()));
        let (log, report) = (file("log"), file("report"));
        match fs::remove_file(&report) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let output = File::create(&log)?;
        let mut command = process::program(program);
        command.args(["step", step.name(), scope.name()]).arg(&report);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        start_process_group(&mut command);
        let child = command.spawn()?;
        Ok(Self { step, child, log, report, start: Instant::now() })
    }

    /// The end of the step; `None` while it works.
    pub fn ended(&mut self) -> Option<Ended> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => {
                let report = fs::read_to_string(&self.report).ok();
                let ended = report.as_deref().and_then(Ended::from_text);
                Some(ended.unwrap_or_else(|| Ended::failed(format!("it ended with {status}"))))
            }
            Err(error) => Some(Ended::failed(format!("its end is not known: {error}"))),
        }
    }

    /// Ends the step and all processes that it started.
    #[expect(clippy::disallowed_methods, reason = "no test waits for this time to pass")]
    pub fn stop(mut self) {
        signal(&self.child, Signal::Terminate);
        let asked_at = Instant::now();
        while asked_at.elapsed() < ENDS_WITHIN && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(100));
        }
        signal(&self.child, Signal::Kill);
    }

    pub fn status(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let last: String = last.trim().chars().take(40).collect();
        format!("{} {} s: {last}", self.step.name(), self.start.elapsed().as_secs())
    }

    /// As much of its output as a person needs: all of it after a failure, the results of tests
    /// otherwise, and how many lines there are.
    pub fn shown(&self, outcome: &Outcome) -> String {
        let log = match fs::read(&self.log) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => return format!("{} cannot be read: {error}\n", self.log.display()),
        };
        shown(&log, outcome)
    }
}

fn shown(log: &str, outcome: &Outcome) -> String {
    let is_result =
        |line: &&str| line.starts_with("test result: ") || line.starts_with("     Running ");
    let all: Vec<&str> = log.lines().collect();
    let results: Vec<&str> = all.iter().copied().filter(is_result).collect();
    let lines = match outcome {
        Outcome::Failed { .. } | Outcome::NotReached => &all[..],
        Outcome::Passed | Outcome::Skipped { .. } if results.is_empty() => {
            &all[all.len().saturating_sub(TAIL)..]
        }
        Outcome::Passed | Outcome::Skipped { .. } => &results[..],
    };
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// Lines shown of a step that passed and ran no tests.
const TAIL: usize = 40;

#[derive(Clone, Copy)]
enum Signal {
    Terminate,
    Kill,
}

/// Puts the process and all that it starts into a process group of their own.
#[cfg(unix)]
fn start_process_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}

/// Signals the process and its group.
#[cfg(unix)]
fn signal(child: &Child, signal: Signal) {
    use nix::sys::signal::{Signal as Number, killpg};
    use nix::unistd::Pid;

    let number = match signal {
        Signal::Terminate => Number::SIGTERM,
        Signal::Kill => Number::SIGKILL,
    };
    if let Ok(id) = i32::try_from(child.id()) {
        // An error says that nothing of it is left.
        let _signalled = killpg(Pid::from_raw(id), number);
    }
}

#[cfg(not(unix))]
fn start_process_group(_: &mut Command) {}

/// Ends the process. What it started runs on to its own end.
#[cfg(not(unix))]
fn signal(child: &Child, _: Signal) {
    let id = child.id().to_string();
    let mut taskkill = process::program("taskkill");
    let _ended = process::stdout_if_successful(taskkill.args(["/F", "/T", "/PID", &id]));
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "     Running unittests src/lib.rs\n\nrunning 1 test\ntest a ... ok\n\n\
                       test result: ok. 1 passed; 0 failed\n";

    #[test]
    fn of_tests_that_passed_the_results_are_shown() {
        assert_eq!(
            shown(LOG, &Outcome::Passed),
            "     Running unittests src/lib.rs\ntest result: ok. 1 passed; 0 failed\n"
        );
    }

    #[test]
    fn of_a_failure_everything_is_shown() {
        assert_eq!(shown(LOG, &Outcome::Failed { reason: String::new() }), LOG);
    }

    #[cfg(unix)]
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a process is waited for, and no time")]
    fn a_step_is_stopped_with_all_that_it_started() {
        use std::io::Read;

        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo started; wait"]).stdout(Stdio::piped());
        start_process_group(&mut shell);
        let mut child = shell.spawn().expect("a shell");
        let mut output = child.stdout.take().expect("a pipe");
        let mut word = [0; 8];
        output.read_exact(&mut word).expect("a word");
        let folder = tempfile::tempdir().expect("a folder");
        let worker = Worker {
            step: Step::Format,
            child,
            log: folder.path().join("log"),
            report: folder.path().join("report"),
            start: Instant::now(),
        };
        worker.stop();
        // The pipe ends when the last process that holds it has gone.
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).expect("an end");
    }
}
