//! Measurements of functions under Lambda's runtime emulator.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alimi::domain::RateLimit;
use alimi::ports::Clock;
use alimi::time::SystemClock;
use alimi_local::aws::secrets::channel_secret;
use alimi_local::simulator::SimulatorSettings;
use axum::Router;
use axum::routing::any;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bed::{Bed, CHANNEL, NO_RECEIPT};
use crate::cpu_quota::CpuQuota;
use crate::emulated_function::EmulatedFunction;
use crate::program::{Failure, output_of};
use crate::statistics::percentile;

/// How often each function is started.
const STARTS: usize = 9;
/// Requests after each start.
const REQUESTS: usize = 20;
/// Requests after each start of a function that waits on purpose.
const REQUESTS_THAT_WAIT: usize = 4;
/// The provider's time to answer while the sender is under load.
const SLOW_ANSWER_US: i64 = 8_000_000;

/// Medians over all starts.
#[expect(clippy::struct_field_names, reason = "units are last in names")]
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Start {
    /// From the start of the process until it asks for its first event, as the emulator reports.
    pub init_ms: f64,
    /// The first request, as the emulator reports.
    pub first_ms: f64,
    /// The later requests.
    pub warm_ms: f64,
    /// Processor time until the first answer. Other work on the machine does not add to it.
    pub cpu_to_first_answer_ms: f64,
}

/// The sender with as many requests in flight as it allows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Load {
    /// The most memory that the sender's process held.
    pub memory_mib: f64,
    /// The most requests that waited for the provider's answer at one time.
    pub in_flight: usize,
    /// Messages sent.
    pub sent: usize,
    /// Processor time divided by `sent`. The start and the end of the process count too.
    pub cpu_us_each: f64,
}

/// The runtime emulator that the SAM CLI contains.
pub struct Emulator {
    program: PathBuf,
}

impl Emulator {
    /// Finds the emulator in the Python package of the SAM CLI.
    pub fn from_sam(sam: &Path) -> Result<Self, Failure> {
        const FIND: &str = "import importlib.util as u; print(u.find_spec('samcli').origin)";
        let missing =
            || format!("no SAM CLI at {}; install it: `pip install aws-sam-cli`", sam.display());
        let sam = find_program(sam).ok_or_else(missing)?;
        // Installs the TLS provider that all HTTP clients of this process use.
        let _installed = alimi::providers::ReqwestHttp::new();
        // The SAM CLI is a script. Its first line names the Python that has the package.
        let script = std::fs::read_to_string(&sam)?;
        let python = script.lines().next().and_then(|line| line.strip_prefix("#!"));
        let package = output_of(python.ok_or_else(missing)?.trim(), &["-c", FIND])?;
        let name = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let program = Path::new(&package)
            .with_file_name("local")
            .join("rapid")
            .join(format!("aws-lambda-rie-{name}"));
        if program.exists() { Ok(Self { program }) } else { Err(missing().into()) }
    }

    /// Starts a function once.
    pub fn start_one(
        &self,
        bootstrap: &Path,
        bed: &Bed,
        aws: &str,
        quota: Option<&CpuQuota>,
    ) -> Result<EmulatedFunction, Failure> {
        EmulatedFunction::start(&self.program, bootstrap, bed, aws, quota)
    }

    /// Starts a function several times and sends it several requests after each start. `waits` is
    /// the time that the function waits on purpose; it is subtracted from each request's time.
    pub fn start(
        &self,
        bootstrap: &Path,
        bed: &Bed,
        aws: &str,
        waits: Duration,
        mut event: impl FnMut() -> Value,
    ) -> Result<Start, Failure> {
        let requests = if waits.is_zero() { REQUESTS } else { REQUESTS_THAT_WAIT };
        let without_waiting = |took_ms: f64| (took_ms - waits.as_secs_f64() * 1e3).max(0.0);
        let (mut inits, mut firsts, mut warm, mut cpu) = (vec![], vec![], vec![], vec![]);
        for _ in 0..STARTS {
            let emulated = self.start_one(bootstrap, bed, aws, None)?;
            bed.runtime.block_on(emulated.listening())?;
            for request in 0..requests {
                bed.runtime.block_on(emulated.invoke(&event()))?;
                if request == 0 {
                    cpu.push(emulated.cpu()?.as_secs_f64() * 1e3);
                }
            }
            let (init_ms, mut requests_ms) = bed.runtime.block_on(emulated.report(requests))?;
            inits.push(init_ms);
            firsts.push(without_waiting(requests_ms.remove(0)));
            warm.extend(requests_ms.into_iter().map(without_waiting));
        }
        Ok(Start {
            init_ms: percentile(&mut inits, 0.5),
            first_ms: percentile(&mut firsts, 0.5),
            warm_ms: percentile(&mut warm, 0.5),
            cpu_to_first_answer_ms: percentile(&mut cpu, 0.5),
        })
    }

    /// Measures the sender while the provider answers so slowly that the sender reaches its limit
    /// of requests in flight.
    pub fn sender_under_load(&self, bootstrap: &Path) -> Result<Load, Failure> {
        let bed = Bed::new(SimulatorSettings {
            per_second: 200,
            latency: Duration::from_micros(SLOW_ANSWER_US.unsigned_abs()),
            latency_jitter: Duration::ZERO,
            ..SimulatorSettings::default()
        })?;
        bed.configure(|channel| {
            let jitter = SignedDuration::from_millis(25);
            channel.limit = RateLimit { per_second: 200, jitter, strict: false };
            channel.timeouts.total = SignedDuration::from_secs(10);
        })?;
        bed.preload(6_000, 600, NO_RECEIPT)?;
        let aws = bed.runtime.block_on(stand_in_for_aws())?;
        let emulated = self.start_one(bootstrap, &bed, &aws, None)?;
        bed.runtime.block_on(async {
            emulated.listening().await?;
            let wake = wake();
            let invocation = emulated.invoke(&wake);
            tokio::pin!(invocation);
            let mut in_flight = 0;
            loop {
                tokio::select! {
                    answer = &mut invocation => break answer?,
                    () = tokio::time::sleep(Duration::from_millis(200)) => {
                        let since_us = SystemClock.now_us() - SLOW_ANSWER_US;
                        let arrivals = bed.simulator.arrivals();
                        let waiting = arrivals.iter().filter(|arrival| arrival.at_us > since_us);
                        in_flight = in_flight.max(waiting.count());
                    }
                }
            }
            let sent = bed.simulator.arrivals().len();
            Ok(Load {
                memory_mib: emulated.peak_memory_mib()?,
                in_flight,
                sent,
                cpu_us_each: emulated.cpu()?.as_secs_f64() * 1e6 / sent as f64,
            })
        })
    }
}

/// An event that wakes the measured lane.
pub fn wake() -> Value {
    json!({ "Records": [{
        "messageId": "m", "body": json!({ "channel": CHANNEL }).to_string(),
        "attributes": { "MessageGroupId": format!("{CHANNEL}#0") },
    }] })
}

/// Serves one address for every AWS service but DynamoDB. Its one answer has the fields that all of
/// those services answer with.
pub async fn stand_in_for_aws() -> Result<String, Failure> {
    let answer = json!({
        "Name": "secret", "SecretString": channel_secret(), "MessageId": "message",
        "Schedules": [], "ScheduleArn": "arn",
    });
    let router = Router::new().fallback(any(move || async move { answer.to_string() }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(address)
}

/// Finds a program by its path, or by its name in the search path.
fn find_program(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.exists().then(|| program.to_owned());
    }
    let path = alimi::aws::Environment.optional("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}
