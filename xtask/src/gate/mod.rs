//! The gate runs the steps, at most two at a time, and always prints a table of results and costs.
//!
//! - `schedule.rs`: decides which step may start now; pure.
//! - `worker.rs`: runs a step in a process of its own.
//! - `outcome.rs`: a step's result, and its text form, which the step's process writes for the
//!   gate.
//! - `status_line.rs`: shows which steps are running.
//! - `table.rs`: formats the table at the gate's end.

mod outcome;
mod schedule;
mod status_line;
mod table;
mod worker;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use strum::VariantArray as _;

use self::outcome::{Ended, Outcome};
use self::schedule::Schedule;
use self::status_line::StatusLine;
use self::table::Totals;
use self::worker::Worker;
use crate::cost::{MachineTime, StepCost};
use crate::process;
use crate::step::{Scope, Step};

const MINUTE: Duration = Duration::from_secs(60);

/// CI stops a run after 90 minutes and does not say which steps were running. The gate stops
/// earlier and names them.
const LIMITS: Limits =
    Limits { warn_after: MINUTE.saturating_mul(60), stop_after: MINUTE.saturating_mul(75) };

/// The gate checks its steps at this interval.
const TICK: Duration = Duration::from_millis(200);

/// The limits of the gate's running time.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// After this time the gate prints a warning.
    warn_after: Duration,
    /// After this time the gate stops its steps and fails.
    stop_after: Duration,
}

/// Runs these steps and prints the table of their results.
pub fn run(steps: &[Step], scope: Scope) -> ExitCode {
    if let [step] = steps {
        return run_alone(*step, scope);
    }
    match Gate::new(steps, scope) {
        Ok(gate) => gate.run(),
        Err(error) => {
            eprintln!("The gate cannot write to {}: {error}", folder().display());
            ExitCode::FAILURE
        }
    }
}

/// Runs one step for a gate, and writes its result into a file.
pub fn run_one(step: Step, scope: Scope, report: &Path) -> ExitCode {
    let ended = ended(step, scope);
    match fs::write(report, ended.to_text()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Cannot write {}: {error}", report.display());
            ExitCode::FAILURE
        }
    }
}

/// Runs a single step in this process. Its output appears on the terminal at once, not at the end.
fn run_alone(step: Step, scope: Scope) -> ExitCode {
    let ended = ended(step, scope);
    print!("{}", table::table(&[(step, ended.clone())], None));
    if ended.outcome.is_failure() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn ended(step: Step, scope: Scope) -> Ended {
    // Nobody reads the output of a green CI run, so a skipped check must not look like a passed
    // one.
    let strict = process::variable("CI").is_some_and(|value| value == "true");
    let mut cost = StepCost::default();
    let result = step.run(scope, &mut cost);
    Ended { outcome: Outcome::of(result, strict), cost }
}

/// The folder for the steps' logs and results.
fn folder() -> PathBuf {
    process::root().join("target/gate")
}

/// A running gate.
struct Gate {
    schedule: Schedule,
    scope: Scope,
    limits: Limits,
    /// A copy of this program. The `lints` step rebuilds xtask and replaces the original file.
    program: PathBuf,
    working: Vec<Worker>,
    ended: Vec<(Step, Ended)>,
    /// Ctrl-C or SIGTERM sets this flag.
    interrupted: Arc<AtomicBool>,
    start: Instant,
    machine: Option<MachineTime>,
}

impl Gate {
    #[expect(clippy::disallowed_methods, reason = "no test waits for this time to pass")]
    fn new(steps: &[Step], scope: Scope) -> io::Result<Self> {
        let folder = folder();
        fs::create_dir_all(&folder)?;
        let program = folder.join(format!("xtask{}", std::env::consts::EXE_SUFFIX));
        // Overwriting the file of a running program fails, but removing and creating it works.
        match fs::remove_file(&program) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::copy(std::env::current_exe()?, &program)?;
        Ok(Self {
            schedule: Schedule::new(steps),
            scope,
            limits: LIMITS,
            program,
            working: vec![],
            ended: vec![],
            interrupted: interruptions(),
            start: Instant::now(),
            machine: MachineTime::now(),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "no test waits for this time to pass")]
    fn run(mut self) -> ExitCode {
        let mut status = StatusLine::new(self.start);
        let mut warned = false;
        while self.start_what_may_start() || !self.working.is_empty() {
            std::thread::sleep(TICK);
            self.take_ends(&mut status);
            let took = self.start.elapsed();
            if took > self.limits.warn_after && !std::mem::replace(&mut warned, true) {
                let minutes = self.limits.warn_after.as_secs() / 60;
                status.say(&format!("WARNING: the gate has run for {minutes} minutes."));
            }
            if self.interrupted.load(Ordering::Relaxed) {
                self.stop_all("interrupted");
            } else if took > self.limits.stop_after {
                let minutes = self.limits.stop_after.as_secs() / 60;
                self.stop_all(&format!(
                    "the gate reached its limit of {minutes} minutes while this step was running, \
                     and stopped the step"
                ));
            }
            status.show(&self.working);
        }
        status.clear();
        self.close()
    }

    /// Starts every step that may start. Returns whether any step started.
    fn start_what_may_start(&mut self) -> bool {
        let mut started = false;
        while let Some(step) = self.schedule.next() {
            started = true;
            match Worker::start(&self.program, &folder(), step, self.scope) {
                Ok(worker) => self.working.push(worker),
                Err(error) => {
                    self.end(step, Ended::failed(format!("the step did not start: {error}")));
                }
            }
        }
        started
    }

    fn take_ends(&mut self, status: &mut StatusLine) {
        for mut worker in std::mem::take(&mut self.working) {
            match worker.ended() {
                None => self.working.push(worker),
                Some(ended) => {
                    status.clear();
                    println!("\n== {} ==", worker.step.name());
                    print!("{}", worker.shown(&ended.outcome));
                    self.end(worker.step, ended);
                }
            }
        }
    }

    fn end(&mut self, step: Step, ended: Ended) {
        self.schedule.ended(step, ended.outcome.is_failure());
        self.ended.push((step, ended));
    }

    fn stop_all(&mut self, reason: &str) {
        let mut working = std::mem::take(&mut self.working);
        working.iter().for_each(Worker::ask_to_end);
        for worker in &mut working {
            worker.wait_for_end();
            let ended = Ended::failed(reason.to_owned());
            println!("\n== {} ==", worker.step.name());
            print!("{}", worker.shown(&ended.outcome));
            self.end(worker.step, ended);
        }
        self.schedule.stop();
    }

    fn close(mut self) -> ExitCode {
        let not_reached = self.schedule.not_started();
        self.ended.extend(not_reached.into_iter().map(|step| (step, Ended::not_reached())));
        self.ended.sort_by_key(|(step, _)| Step::VARIANTS.iter().position(|known| known == step));
        let busy_percent = self
            .machine
            .zip(MachineTime::now())
            .map(|(before, now)| now.busy_percent_since(before));
        let totals = Totals { wall: self.start.elapsed(), busy_percent };
        print!("{}", table::table(&self.ended, Some(totals)));
        println!("The full output of the steps is in {}", folder().display());
        // A run that Ctrl-C stops between two steps has no failed step.
        let is_whole = self.ended.iter().all(|(_, ended)| ended.outcome != Outcome::NotReached);
        let failed = self.ended.iter().any(|(_, ended)| ended.outcome.is_failure());
        if is_whole && !failed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// A flag that Ctrl-C or SIGTERM sets.
#[cfg(unix)]
fn interruptions() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Without this handler the signal ends only the gate, and the running steps continue.
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&interrupted)) {
            eprintln!(
                "Cannot install a signal handler, so Ctrl-C will not stop the steps: {error}"
            );
        }
    }
    interrupted
}

/// The steps share this process's console, so Ctrl-C reaches them directly.
#[cfg(not(unix))]
fn interruptions() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}
