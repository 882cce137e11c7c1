//! Alimi deployed for real, as far as one machine goes: `cargo xtask e2e`.
//!
//! The SAM CLI builds the functions and deploys the checkout's own template.yaml to `MiniStack`, an
//! emulator of AWS that runs the built functions as processes. The simulated provider stands beside
//! it. Then stories are told over HTTP. What they prove besides themselves: the shapes of events,
//! the functions' environment, the mappings of queues and of the catalog's stream, schedules, and
//! that a deployment can be repeated and deleted.
//!
//! What they cannot prove, because the emulator does not do it as AWS does:
//!
//! - **Permissions.** IAM is not enforced and signatures are not verified; that a route asks for a
//!   signed request is seen, and no more.
//! - **Throttling**, of the API's routes as of DynamoDB, and the account's concurrency.
//! - **Scheduler's retries and dead letters**, and alarms.
//! - **Time.** It takes some hundred invocations a second: what Alimi reaches is measured elsewhere.
//!
//! `run_ministack.py` mends the gaps that would keep the unchanged template from working.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

mod api;
mod aws;
mod docker;
mod group;
mod ministack;
mod provider;
mod report;
mod sam;
pub mod sam_local;
mod stack;
mod stories;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use ministack::MiniStack;
use report::Report;
use sam::{Parameters, Sam};
use stack::Stack;

/// The region of `samconfig.toml`.
const REGION: &str = "ap-northeast-2";

const MINUTE: Duration = Duration::from_secs(60);

/// All stories together. They take some minutes.
const STORIES_WITHIN: Duration = Duration::from_secs(20 * 60);

/// Why something did not go on; for people to read.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A story's end: what was seen, or what was wrong.
type Told = Result<String>;

/// Deploys template.yaml to an emulator of AWS and sees whether Alimi keeps its promises there.
#[derive(Parser)]
struct Arguments {
    /// The SAM CLI. `cargo xtask e2e` names it, and the two that follow.
    #[arg(long)]
    sam: PathBuf,
    /// A Python that has `MiniStack`.
    #[arg(long)]
    python: PathBuf,
    /// cargo-lambda.
    #[arg(long)]
    cargo_lambda: PathBuf,
    /// Deploys what was built the last time.
    #[arg(long)]
    keep_build: bool,
}

/// Does what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    outcome(tell(arguments))
}

/// Runs what can be interrupted, to an exit code.
fn outcome(telling: impl Future<Output = Result<bool>>) -> ExitCode {
    // Settles the cryptography of all HTTP clients.
    let _installed = alimi::aws::ReqwestHttp::new();
    let told = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            tokio::select! {
                told = telling => told,
                name = ended_from_outside() => Err(format!("ended by {}", name?).into()),
            }
        })
    });
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for a signal to end. What runs below this program is in groups of its own, to which a
/// terminal sends none.
async fn ended_from_outside() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "an interrupt",
        _ = terminate.recv() => "a request to terminate",
        _ = hangup.recv() => "its terminal's end",
    })
}

async fn tell(arguments: Arguments) -> Result<bool> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checkout = here.parent().unwrap_or(here).to_owned();
    let folder = sam::folder(&checkout);
    std::fs::create_dir_all(&folder)?;
    let only = std::fs::File::create(folder.join("lock"))?;
    lock(&only)?;
    // Functions' logs are appended to; those of the last run would mix in.
    for old in ["logs", "sam", "tmp"] {
        if folder.join(old).exists() {
            std::fs::remove_dir_all(folder.join(old))?;
        }
    }
    let mut report = Report::new(&folder.join("e2e.log"))?;
    let sam = Sam {
        program: arguments.sam,
        cargo_lambda: arguments.cargo_lambda.parent().unwrap_or(here).to_owned(),
        checkout,
        logs: folder.join("sam"),
        commands: AtomicUsize::new(0),
        folder: folder.clone(),
    };
    std::fs::create_dir_all(&sam.logs)?;
    let built = if arguments.keep_build {
        let there = sam.built_template().exists();
        ensure(there, || "nothing is built: leave --keep-build out".to_owned())?;
        there
    } else {
        let name = "every function is built (the first time takes a quarter of an hour)";
        // The build itself says more about where it stood.
        report.story(name, sam::BUILD_WITHIN + MINUTE, sam.build()).await
    };
    if built {
        let launcher = here.join("run_ministack.py");
        report.end_within(STORIES_WITHIN);
        let ministack = MiniStack::start(&arguments.python, &launcher, &folder).await?;
        Box::pin(tell_stories(&mut report, sam, ministack, &arguments.python)).await;
    }
    let table = report.table();
    report.say(&format!("\n{table}"));
    if !report.passed() {
        report.say(&format!(
            "What happened: {0}/e2e.log, {0}/sam, {0}/ministack.log, and what each function \
             wrote in {0}/logs.",
            folder.display()
        ));
    }
    Ok(report.passed())
}

/// Waits for whoever is at work in this checkout.
fn lock(only: &std::fs::File) -> Result<()> {
    if only.try_lock().is_err() {
        println!("Waiting for another end-to-end test in this checkout to end.");
        only.lock()?;
    }
    Ok(())
}

async fn tell_stories(report: &mut Report, sam: Sam, ministack: MiniStack, python: &Path) {
    let endpoint = ministack.endpoint.clone();
    let deployed = report
        .story("the unchanged template is deployed", 6 * MINUTE, async {
            sam.deploy(&endpoint, Parameters::default()).await?;
            let outputs = sam.outputs(&endpoint).await?;
            Ok(format!("the API is at {}", outputs.api_url))
        })
        .await;
    if !deployed {
        return ministack.stop().await;
    }
    let mut stack = match Stack::open(sam, ministack, python.to_owned()).await {
        Ok(stack) => stack,
        Err(error) => {
            report.story("the stack is set up", MINUTE, async { Err(error) }).await;
            return;
        }
    };
    let set_up = Box::pin(stories::an_operator_sets_the_stack_up(&stack));
    if report.story("an operator sets the stack up", 2 * MINUTE, set_up).await {
        let story = Box::pin(stories::a_wrong_deployment_is_refused(&stack));
        report.story("a wrong deployment is refused", 8 * MINUTE, story).await;
        let story = Box::pin(stories::callers_are_told_apart(&stack));
        report.story("routes ask for what the template says", MINUTE, story).await;
        let story = Box::pin(stories::a_sequence_waits_for_each_delivery(&stack));
        report.story("a sequence waits for each delivery", 2 * MINUTE, story).await;
        let story = Box::pin(stories::a_step_that_fails_stops_the_rest(&stack));
        report.story("a step that fails stops the rest", 2 * MINUTE, story).await;
        let story = Box::pin(stories::real_time_overtakes_a_batch(&stack));
        report.story("real time overtakes a batch", 3 * MINUTE, story).await;
        let story = Box::pin(stories::a_crashed_sender_is_succeeded(&mut stack));
        report.story("a sender that crashes is succeeded", 5 * MINUTE, story).await;
        let story = Box::pin(stories::a_schedule_fires_in_seoul_time(&stack));
        report.story("a schedule fires in Seoul's time", 6 * MINUTE, story).await;
        let story = Box::pin(stories::a_firing_that_comes_again_sends_nothing(&stack));
        report.story("a firing that comes again sends nothing", 3 * MINUTE, story).await;
        let story = Box::pin(stories::the_scheduler_follows_the_catalog(&stack));
        report.story("the scheduler follows the catalog", 2 * MINUTE, story).await;
        let story = Box::pin(stories::what_is_no_wake_becomes_a_dead_letter(&stack));
        report.story("what is no wake becomes a dead letter", 4 * MINUTE, story).await;
        let story = Box::pin(stories::deploying_again_keeps_everything(&stack));
        report.story("deploying again keeps everything", 10 * MINUTE, story).await;
        let story = Box::pin(stories::nothing_was_sent_twice_or_too_fast(&stack));
        report.story("nothing was sent twice, or too fast", 2 * MINUTE, story).await;
        let story = async { stories::logs_tell_nobodys_secrets(&stack) };
        report.story("logs tell nobody's secrets", MINUTE, story).await;
    }
    let story = Box::pin(stories::deleting_leaves_only_the_tables(&mut stack));
    report.story("deleting leaves only the tables", 6 * MINUTE, story).await;
    stack.stop().await;
}

/// Asks again and again until there is something, or the time is up. That the API fails or is not
/// reached is no end: it is told once, and asked again.
async fn until<T>(
    what: &str,
    within: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    const PAUSE: Duration = Duration::from_millis(100);
    let end = Instant::now() + within;
    let mut told = false;
    loop {
        let last = match ask().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => String::new(),
            Err(error) if api::may_pass(error.as_ref()) => format!("; last: {error}"),
            Err(error) => return Err(error),
        };
        if Instant::now() > end {
            return Err(format!("waited {} s in vain for {what}{last}", within.as_secs()).into());
        }
        if !last.is_empty() && !std::mem::replace(&mut told, true) {
            println!("  still waiting for {what}{last}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// An error unless it holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_first_find() {
        let mut asked = 0;
        let found = until("a third time", Duration::from_secs(1), async || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(found.await.expect("found"), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_in_vain_says_for_what() {
        let never = until::<()>("rain", Duration::from_secs(7), async || Ok(None));
        let fault = never.await.expect_err("it never rains").to_string();
        assert_eq!(fault, "waited 7 s in vain for rain");
    }

    fn answered(status: u16) -> Result<serde_json::Value> {
        api::Answer { status, etag: None, body: serde_json::Value::Null }.expect(200)
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_of_the_api_is_asked_again_and_what_it_refuses_is_not() {
        let mut asked = 0;
        let found = until("a second time", Duration::from_secs(1), async || {
            asked += 1;
            answered(if asked == 1 { 503 } else { 200 }).map(Some)
        });
        found.await.expect("found");
        assert_eq!(asked, 2);

        let mut asked = 0;
        let refused = until("nothing", Duration::from_secs(1), async || {
            asked += 1;
            answered(404).map(Some)
        });
        let fault = refused.await.expect_err("it is not there").to_string();
        assert_eq!((fault.as_str(), asked), ("answered with 404, not 200: null", 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_to_the_end_is_told() {
        let failing = until("an answer", Duration::from_secs(7), async || answered(500).map(Some));
        let fault = failing.await.expect_err("it always fails").to_string();
        let told = "waited 7 s in vain for an answer; last: answered with 500, not 200: null";
        assert_eq!(fault, told);
    }
}
