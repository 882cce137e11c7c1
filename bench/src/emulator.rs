//! Functions under Lambda's runtime emulator.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alimi::domain::RateLimit;
use alimi_local::simulator::{PASSWORD, SimulatorSettings};
use alimi_local::stack::WEBHOOK_SECRET;
use axum::Router;
use axum::routing::any;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bed::{Bed, CHANNEL, Failure, NO_RECEIPT};
use crate::build::said;
use crate::measure::percentile;

/// How often each function is started.
pub const STARTS: usize = 9;
/// Requests to each that was started.
const REQUESTS: usize = 20;
/// The same, of a function that waits on purpose.
const REQUESTS_THAT_WAIT: usize = 4;
/// Long enough for an answer, whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the provider takes to answer while the sender's memory is looked at.
const SLOW_ANSWER_US: i64 = 8_000_000;

/// Medians over some starts.
#[expect(clippy::struct_field_names, reason = "units are last in names")]
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Start {
    /// From the process's beginning to its first `next`, as the emulator reports it.
    pub init_ms: f64,
    /// The first request, as the emulator reports it.
    pub first_ms: f64,
    /// Later ones.
    pub warm_ms: f64,
    /// Processor time until the first answer: other work on the machine does not add to it.
    pub cpu_to_first_answer_ms: f64,
}

/// The sender, as busy as it may be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Load {
    /// The most memory that its process took.
    pub memory_mib: f64,
    /// The most requests that the provider had yet to answer.
    pub in_flight: usize,
    /// Messages sent.
    pub sent: usize,
    /// Processor time for each of them, start and end included.
    pub cpu_us_each: f64,
}

/// The emulator, which the SAM CLI brings.
pub struct Emulator {
    program: PathBuf,
}

impl Emulator {
    /// The one in the SAM CLI's own Python.
    pub fn of(sam: &Path) -> Result<Self, Failure> {
        const FIND: &str = "import importlib.util as u; print(u.find_spec('samcli').origin)";
        let none =
            || format!("there is no SAM CLI at {}: `pip install aws-sam-cli`", sam.display());
        let sam = found(sam).ok_or_else(none)?;
        // Settles the cryptography of all HTTP clients.
        let _installed = alimi::aws::ReqwestHttp::new();
        // The program is a script; its first line names the Python that has the rest.
        let script = std::fs::read_to_string(&sam)?;
        let python = script.lines().next().and_then(|line| line.strip_prefix("#!"));
        let package = said(python.ok_or_else(none)?.trim(), &["-c", FIND])?;
        let name = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let program = Path::new(&package)
            .with_file_name("local")
            .join("rapid")
            .join(format!("aws-lambda-rie-{name}"));
        if program.exists() { Ok(Self { program }) } else { Err(none().into()) }
    }

    /// Starts a function some times, and asks it some things each time. Of each answer's time, what the
    /// function `waits` on purpose is left out.
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
            let emulated = Emulated::start(&self.program, bootstrap, bed, aws)?;
            bed.world.block_on(emulated.listening())?;
            for request in 0..requests {
                bed.world.block_on(emulated.ask(&event()))?;
                if request == 0 {
                    cpu.push(emulated.cpu()?.as_secs_f64() * 1e3);
                }
            }
            let (init_ms, mut requests_ms) = bed.world.block_on(emulated.report(requests))?;
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

    /// Lets the sender have as many requests under way as it allows itself.
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
        let aws = bed.world.block_on(stand_in_for_aws())?;
        let emulated = Emulated::start(&self.program, bootstrap, &bed, &aws)?;
        bed.world.block_on(async {
            emulated.listening().await?;
            let wake = json!({ "Records": [{
                "messageId": "m", "body": json!({ "channel": CHANNEL }).to_string(),
                "attributes": { "MessageGroupId": format!("{CHANNEL}#0") },
            }] });
            let slice = emulated.ask(&wake);
            tokio::pin!(slice);
            let mut in_flight = 0;
            loop {
                tokio::select! {
                    answer = &mut slice => break answer?,
                    () = tokio::time::sleep(Duration::from_millis(200)) => {
                        let since_us = now_us() - SLOW_ANSWER_US;
                        let arrivals = bed.simulator.arrivals();
                        let waiting = arrivals.iter().filter(|arrival| arrival.at_us > since_us);
                        in_flight = in_flight.max(waiting.count());
                    }
                }
            }
            let sent = bed.simulator.arrivals().len();
            let function = emulated.function().ok_or("the sender has ended")?;
            Ok(Load {
                memory_mib: peak_memory_mib(function)?,
                in_flight,
                sent,
                cpu_us_each: emulated.cpu()?.as_secs_f64() * 1e6 / sent as f64,
            })
        })
    }
}

/// Stands in for every service but DynamoDB: one answer holds what each of them is asked for.
pub async fn stand_in_for_aws() -> Result<String, Failure> {
    let secret = json!({ "password": PASSWORD, "webhook_secrets": [WEBHOOK_SECRET] }).to_string();
    let answer = json!({
        "Name": "secret", "SecretString": secret, "MessageId": "message", "Schedules": [],
        "ScheduleArn": "arn",
    });
    let router = Router::new().fallback(any(move || async move { answer.to_string() }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(address)
}

/// A function under the emulator, and what the emulator says.
struct Emulated {
    process: Child,
    port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl Emulated {
    fn start(emulator: &Path, bootstrap: &Path, bed: &Bed, aws: &str) -> Result<Self, Failure> {
        let (port, api) = (free_port()?, free_port()?);
        // As many open files as a function on Lambda may have.
        let mut process = Command::new("sh")
            .args(["-c", r#"ulimit -n 1024 && exec "$0" "$@""#])
            .arg(emulator)
            .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
            .args(["--runtime-api-address", &format!("127.0.0.1:{api}")])
            .arg(bootstrap)
            .envs([
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_REGION", "ap-northeast-2"),
                ("AWS_ENDPOINT_URL", aws),
                ("AWS_ENDPOINT_URL_DYNAMODB", bed.endpoint()),
                ("NOTIFICATIONS_TABLE", "NotificationsTable"),
                ("CATALOG_TABLE", "CatalogTable"),
                ("STATE_TABLE", "StateTable"),
                ("MEMBERS_TABLE", "MembersTable"),
                ("RUNS_TABLE", "RunsTable"),
                ("WAKE_QUEUE_URL", aws),
                ("RUN_QUEUE_URL", aws),
                ("SCHEDULE_GROUP", "alimi"),
                ("TRIGGER_FUNCTION_ARN", "arn:trigger"),
                ("SCHEDULER_ROLE_ARN", "arn:role"),
                ("SCHEDULER_DEAD_LETTERS_ARN", "arn:queue"),
                ("AWS_LAMBDA_FUNCTION_TIMEOUT", "60"),
                ("AWS_LAMBDA_FUNCTION_NAME", "function"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = Arc::new(Mutex::new(Vec::new()));
        if let Some(stderr) = process.stderr.take() {
            let said = said.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    said.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            });
        }
        Ok(Self { process, port, said })
    }

    /// The emulator listens, and has not started the function: the first request does.
    async fn listening(&self) -> Result<(), Failure> {
        let until = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if Instant::now() > until {
                return Err(format!("the emulator does not listen: {:?}", self.said()).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// One invocation. An answer that is an error is one here.
    async fn ask(&self, event: &Value) -> Result<(), Failure> {
        let path = "2015-03-31/functions/function/invocations";
        let answer = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{}/{path}", self.port))
            .body(event.to_string())
            .timeout(Duration::from_secs(60))
            .send()
            .await
            .map_err(|error| format!("no answer: {error}: {:?}", self.said()))?
            .text()
            .await?;
        let read: Value = serde_json::from_str(&answer)?;
        let refused = read["statusCode"].as_u64().is_some_and(|status| status >= 400);
        if refused || read.get("errorType").is_some() {
            return Err(format!("{answer}: {:?}", self.said()).into());
        }
        Ok(())
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The times of the start and of each request, in ms, when the emulator has said them all.
    async fn report(&self, asked: usize) -> Result<(f64, Vec<f64>), Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            let said = self.said();
            let init = said.iter().find_map(|line| init_ms(line));
            let requests: Vec<f64> = said.iter().filter_map(|line| request_ms(line)).collect();
            match init {
                Some(init) if requests.len() == asked => return Ok((init, requests)),
                Some(_) | None if Instant::now() > until => {
                    return Err(format!("the emulator reports no times: {said:?}").into());
                }
                Some(_) | None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// The function's own process: the emulator has no other child.
    fn function(&self) -> Option<u32> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).ok()?;
        threads.flatten().find_map(|thread| {
            let children = std::fs::read_to_string(thread.path().join("children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        })
    }

    /// Processor time of all the function's threads that live.
    fn cpu(&self) -> Result<Duration, Failure> {
        let function = self.function().ok_or("the function has ended")?;
        let mut nanos = 0;
        for thread in std::fs::read_dir(format!("/proc/{function}/task"))?.flatten() {
            // The first number is the time on a processor. A thread may end meanwhile.
            let times =
                std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            nanos += times.split_whitespace().next().map_or(Ok(0), str::parse)?;
        }
        Ok(Duration::from_nanos(nanos))
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        if let Some(function) = self.function() {
            let _ended = Command::new("kill").arg(function.to_string()).status();
        }
        let _ended = self.process.kill();
        let _waited = self.process.wait();
    }
}

/// A program, by its path or by the search path.
fn found(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.exists().then(|| program.to_owned());
    }
    let path = alimi::aws::Environment.optional("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn init_ms(line: &str) -> Option<f64> {
    let (_, after) = line.split_once("INIT REPORT(durationMs: ")?;
    after.split([')', ',']).next()?.trim().parse().ok()
}

fn request_ms(line: &str) -> Option<f64> {
    let (_, after) = line.split_once("INVOKE RTDONE(status: success")?;
    let (_, after) = after.split_once("duration: ")?;
    after.split("ms").next()?.trim().parse().ok()
}

fn now_us() -> i64 {
    use alimi::ports::Clock;
    alimi::time::SystemClock.now_us()
}

fn peak_memory_mib(process: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kib: f64 =
        line.and_then(|line| line.split_whitespace().nth(1)).ok_or("no VmHWM")?.parse()?;
    Ok(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emulators_reports_are_read() {
        let line = "22 Nov 2026 [INFO] (rapid) INIT REPORT(durationMs: 12.345)";
        assert_eq!(init_ms(line), Some(12.345));
        assert_eq!(init_ms("INIT RTDONE(status: success)"), None);
        let line = "[INFO] INVOKE RTDONE(status: success, produced bytes: 0, duration: 0.832ms)";
        assert_eq!(request_ms(line), Some(0.832));
        let failed = "[INFO] INVOKE RTDONE(status: error, produced bytes: 0, duration: 0.832ms)";
        assert_eq!(request_ms(failed), None);
        assert_eq!(request_ms("REPORT RequestId: 1 Duration: 48.90 ms"), None);
    }
}
