//! Runs a step in a process of its own. The step's output goes into a file, and its processor time
//! is measured separately from other steps.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::outcome::{Ended, Outcome};
use crate::process;
use crate::step::{Scope, Step};

/// The time between asking a step to end and killing it. The end-to-end tests need the time to stop
/// the emulator and the containers.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// A running step.
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

    /// The result of the step; `None` while the step is running.
    pub fn ended(&mut self) -> Option<Ended> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => {
                let report = fs::read_to_string(&self.report).ok();
                let ended = report.as_deref().and_then(Ended::from_text);
                Some(
                    ended.unwrap_or_else(|| Ended::failed(format!("the step ended with {status}"))),
                )
            }
            Err(error) => {
                Some(Ended::failed(format!("the result of the step is unknown: {error}")))
            }
        }
    }

    /// Asks the step and all its descendant processes to end.
    pub fn ask_to_end(&self) {
        signal(&self.child, Signal::Terminate);
    }

    /// Waits up to 20 seconds until the step and all its descendant processes have ended, and then
    /// kills the remaining ones. The step's own process ends at once; its descendants may need the
    /// time.
    #[expect(clippy::disallowed_methods, reason = "no test waits for this time to pass")]
    pub fn wait_for_end(&mut self) {
        let asked_at = Instant::now();
        while asked_at.elapsed() < ENDS_WITHIN && self.is_any_left() {
            std::thread::sleep(Duration::from_millis(100));
        }
        signal(&self.child, Signal::Kill);
    }

    fn is_any_left(&mut self) -> bool {
        // `try_wait` reaps the ended process. An ended process stays in its group until it is
        // reaped.
        let has_ended = !matches!(self.child.try_wait(), Ok(None));
        group_exists(&self.child).unwrap_or(!has_ended)
    }

    pub fn status(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let last: String = last.trim().chars().take(40).collect();
        format!("{} {} s: {last}", self.step.name(), self.start.elapsed().as_secs())
    }

    /// The part of the step's output that a person needs. After a failure: the whole output.
    /// Otherwise: the test results or, if there are none, the last lines.
    pub fn shown(&self, outcome: &Outcome) -> String {
        let log = match fs::read(&self.log) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => return format!("Cannot read {}: {error}\n", self.log.display()),
        };
        shown(&log, outcome)
    }
}

fn shown(log: &str, outcome: &Outcome) -> String {
    let is_result = |line: &str| line.starts_with("test result: ");
    let is_program = |line: &str| line.starts_with("     Running ");
    let all: Vec<&str> = log.lines().collect();
    let lines_of_tests = all.iter().copied().filter(|line| is_result(line) || is_program(line));
    let results: Vec<&str> = lines_of_tests.collect();
    let lines = match outcome {
        Outcome::Failed { .. } | Outcome::NotReached => &all[..],
        // The end-to-end tests are programs, too, but end with a table of their own.
        Outcome::Passed | Outcome::Skipped { .. } if !all.iter().any(|line| is_result(line)) => {
            &all[all.len().saturating_sub(TAIL)..]
        }
        Outcome::Passed | Outcome::Skipped { .. } => &results[..],
    };
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// The number of lines to show of a passed step without test results.
const TAIL: usize = 40;

#[derive(Clone, Copy)]
enum Signal {
    Terminate,
    Kill,
}

/// Puts the process and its descendants into a new process group.
#[cfg(unix)]
fn start_process_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}

/// Sends a signal to the process and its group.
#[cfg(unix)]
fn signal(child: &Child, signal: Signal) {
    use nix::sys::signal::{Signal as Number, killpg};
    use nix::unistd::Pid;

    let number = match signal {
        Signal::Terminate => Number::SIGTERM,
        Signal::Kill => Number::SIGKILL,
    };
    if let Ok(id) = i32::try_from(child.id()) {
        // An error means that no process of the group is left.
        let _signalled = killpg(Pid::from_raw(id), number);
    }
}

/// Whether any process of the group is left; `None` on systems without process groups.
#[cfg(unix)]
fn group_exists(child: &Child) -> Option<bool> {
    use nix::errno::Errno;
    use nix::sys::signal::killpg;
    use nix::unistd::Pid;

    let group = Pid::from_raw(i32::try_from(child.id()).ok()?);
    Some(killpg(group, None) != Err(Errno::ESRCH))
}

#[cfg(not(unix))]
fn group_exists(_: &Child) -> Option<bool> {
    None
}

#[cfg(not(unix))]
fn start_process_group(_: &mut Command) {}

/// Kills the process and its descendants (`/T`).
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
    fn a_passed_step_without_test_results_shows_its_last_lines() {
        let log = "     Running tests/deployed.rs\n1 story passed\n";
        assert_eq!(shown(log, &Outcome::Passed), log);
    }

    #[test]
    fn a_passed_step_shows_its_test_results() {
        assert_eq!(
            shown(LOG, &Outcome::Passed),
            "     Running unittests src/lib.rs\ntest result: ok. 1 passed; 0 failed\n"
        );
    }

    #[test]
    fn a_failed_step_shows_its_whole_output() {
        assert_eq!(shown(LOG, &Outcome::Failed { reason: String::new() }), LOG);
    }

    /// Starts a shell as a step. Returns after the script has printed `started`.
    #[cfg(unix)]
    #[expect(clippy::disallowed_methods, reason = "the test waits for a process, not for time")]
    fn worker(script: &str, folder: &Path) -> (Worker, std::process::ChildStdout) {
        use std::io::Read;

        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).current_dir(folder).stdout(Stdio::piped());
        start_process_group(&mut shell);
        let mut child = shell.spawn().expect("a shell");
        let mut output = child.stdout.take().expect("a pipe");
        let mut word = [0; 8];
        output.read_exact(&mut word).expect("a word");
        assert_eq!(&word, b"started\n");
        let file = |name: &str| folder.join(name);
        let (log, report) = (file("log"), file("report"));
        (Worker { step: Step::Format, child, log, report, start: Instant::now() }, output)
    }

    #[cfg(unix)]
    #[test]
    fn stopping_a_step_stops_its_descendant_processes() {
        use std::io::Read;

        let folder = tempfile::tempdir().expect("a folder");
        let (mut worker, mut output) = worker("sleep 600 & echo started; wait", folder.path());
        worker.ask_to_end();
        worker.wait_for_end();
        // The pipe closes when the last process that holds it has ended.
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).expect("an end");
    }

    #[cfg(unix)]
    #[test]
    fn descendant_processes_can_clean_up_after_the_step_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "sh -c 'trap \"sleep 0.5; echo clean > cleaned; exit\" TERM; echo started; \
                      while :; do sleep 0.1; done' & wait";
        let (mut worker, _output) = worker(script, folder.path());
        worker.ask_to_end();
        worker.wait_for_end();
        let cleaned = fs::read_to_string(folder.path().join("cleaned"));
        assert_eq!(cleaned.expect("it cleaned up"), "clean\n");
    }
}
