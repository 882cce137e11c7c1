//! `cargo xtask e2e`: deploys template.yaml to an emulator of AWS, and runs the stories there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use clap::Parser;

use crate::account::Account;
use crate::ministack::MiniStack;
use crate::program;
use crate::report::Report;
use crate::result::{Result, ensure};
use crate::sam::{self, Parameters, Programs, Sam};
use crate::stack::Stack;
use crate::stories::{audiences, keys, operations, receipts, scheduling, sending, setup};

const MINUTE: Duration = Duration::from_secs(60);

/// The time for all stories together. They take some minutes.
const STORIES_WITHIN: Duration = Duration::from_secs(20 * 60);

/// Deploys template.yaml to an emulator of AWS and checks Alimi's promises there.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The SAM CLI. `cargo xtask e2e` passes this path and the next two.
    #[arg(long)]
    sam: PathBuf,
    /// A Python that has `MiniStack`.
    #[arg(long)]
    python: PathBuf,
    /// The cargo-lambda program.
    #[arg(long)]
    cargo_lambda: PathBuf,
    /// Deploys the functions of the last build.
    #[arg(long)]
    keep_build: bool,
    /// Builds the functions and stops.
    #[arg(long, conflicts_with = "keep_build")]
    build_only: bool,
    /// Builds the functions only if a source is newer than the last build.
    #[arg(long, conflicts_with_all = ["keep_build", "build_only"])]
    build_if_stale: bool,
}

#[must_use]
pub fn main() -> ExitCode {
    program::run(run(Arguments::parse()))
}

async fn run(arguments: Arguments) -> Result<bool> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checkout = here.parent().unwrap_or(here).to_owned();
    let folder = sam::folder(&checkout);
    std::fs::create_dir_all(&folder)?;
    let lock = std::fs::File::create(folder.join("lock"))?;
    program::lock(&lock)?;
    // The functions' logs are appended to, so the logs of the last run are removed.
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
    let is_built = if arguments.keep_build {
        let is_built = sam.built_template().exists();
        ensure(is_built, || "nothing is built; run without --keep-build".to_owned())?;
        is_built
    } else if arguments.build_if_stale && sam.is_built()? {
        true
    } else {
        let name = "build every function (a quarter of an hour the first time)";
        // The build has its own time limit, and its error says more.
        report.story(name, sam::BUILD_WITHIN + MINUTE, sam.build()).await
    };
    if is_built && !arguments.build_only {
        let launcher = here.join("run_ministack.py");
        report.end_within(STORIES_WITHIN);
        let ministack = MiniStack::start(&arguments.python, &launcher, &folder).await?;
        Box::pin(run_stories(&mut report, sam, ministack, &arguments.python)).await;
    }
    let table = report.table();
    report.print(&format!("\n{table}"));
    if !report.passed() {
        report.print(&format!(
            "Logs: {0}/e2e.log, {0}/sam, {0}/ministack.log, and each function's log in {0}/logs.",
            folder.display()
        ));
    }
    Ok(report.passed())
}

async fn run_stories(report: &mut Report, sam: Sam, ministack: MiniStack, python: &Path) {
    let account = match Account::open(python, &sam.checkout, &ministack.endpoint) {
        Ok(account) => account,
        Err(error) => {
            report.story("the account is opened", MINUTE, async { Err(error) }).await;
            return ministack.stop().await;
        }
    };
    let endpoint = ministack.endpoint.clone();
    let is_deployed = report
        .story("the unchanged template is deployed", 6 * MINUTE, async {
            sam.deploy(&endpoint, Programs::Built, Parameters::default()).await?;
            std::fs::write(sam.deployed_template(), account.template().await?)?;
            let outputs = account.outputs().await?;
            Ok(format!("the API is at {}", outputs.api_url))
        })
        .await;
    if !is_deployed {
        return ministack.stop().await;
    }
    let mut stack = match Stack::open(sam, ministack, account).await {
        Ok(stack) => stack,
        Err(error) => {
            report.story("the deployed stack is found", MINUTE, async { Err(error) }).await;
            return;
        }
    };
    let set_up = Box::pin(setup::an_operator_sets_the_stack_up(&stack));
    if report.story("an operator sets the stack up", 2 * MINUTE, set_up).await {
        let story = Box::pin(setup::invalid_parameters_are_refused(&stack));
        report.story("a deployment with invalid parameters is refused", 8 * MINUTE, story).await;
        let story = Box::pin(setup::routes_require_authorization(&stack));
        report.story("routes require a signature or a secret", MINUTE, story).await;
        let story = Box::pin(keys::a_key_opens_the_routes_of_its_scopes(&stack));
        report.story("a key opens the routes of its scopes", 2 * MINUTE, story).await;
        let story = Box::pin(keys::a_deleted_key_is_refused(&stack));
        report.story("a deleted key is refused", 3 * MINUTE, story).await;
        let story = Box::pin(sending::a_sequence_waits_for_each_delivery(&stack));
        report.story("each step of a sequence waits for a delivery", 2 * MINUTE, story).await;
        let story = Box::pin(sending::a_failed_step_cancels_the_later_steps(&stack));
        report.story("a failed step cancels the later steps", 2 * MINUTE, story).await;
        let story = Box::pin(sending::a_fallback_step_leaves_after_a_failure(&stack));
        report.story("a fallback step leaves after a failure", 2 * MINUTE, story).await;
        let story = Box::pin(sending::real_time_messages_overtake_a_batch(&stack));
        report.story("real-time messages overtake a batch", 3 * MINUTE, story).await;
        let story = Box::pin(sending::another_sender_succeeds_a_crashed_one(&mut stack));
        report.story("another sender succeeds a crashed one", 5 * MINUTE, story).await;
        let story = Box::pin(receipts::a_receipt_in_the_queue_is_recorded(&stack));
        report.story("a receipt in the queue is recorded", 3 * MINUTE, story).await;
        let story = Box::pin(audiences::a_large_file_goes_straight_to_s3(&stack));
        report.story("a large file goes straight to S3", 2 * MINUTE, story).await;
        let story = Box::pin(scheduling::a_schedule_fires_in_seoul_time(&stack));
        report.story("a schedule fires in Seoul time", 6 * MINUTE, story).await;
        let story = Box::pin(scheduling::a_repeated_event_of_the_scheduler_sends_nothing(&stack));
        report.story("a repeated event of the scheduler sends nothing", 3 * MINUTE, story).await;
        let story = Box::pin(scheduling::the_scheduler_follows_the_catalog(&stack));
        report.story("the scheduler follows the catalog", 2 * MINUTE, story).await;
        let story = Box::pin(operations::an_invalid_wake_becomes_a_dead_letter(&stack));
        report.story("an invalid wake becomes a dead letter", 4 * MINUTE, story).await;
        let story = Box::pin(operations::a_repeated_deployment_keeps_everything(&stack));
        report.story("a repeated deployment keeps everything", 10 * MINUTE, story).await;
        let story = Box::pin(operations::no_message_was_sent_twice_or_too_fast(&stack));
        report.story("no message was sent twice or too fast", 2 * MINUTE, story).await;
        let story = async { operations::logs_contain_no_secrets(&stack) };
        report.story("logs contain no secrets or personal data", MINUTE, story).await;
    }
    let story = Box::pin(operations::deletion_leaves_only_the_tables(&mut stack));
    report.story("the deleted stack leaves only the tables", 6 * MINUTE, story).await;
    stack.stop().await;
}
