//! Size, start and memory of the functions as they are deployed.

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
use indicatif::ProgressBar;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bed::{Bed, CHANNEL, Failure, NO_RECEIPT};
use crate::measure::percentile;

const STARTS: usize = 7;

/// One function.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub function: String,
    pub binary_bytes: u64,
    pub zip_bytes: u64,
    /// The median of some starts.
    pub init_ms: Option<f64>,
}

/// All functions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    pub target: String,
    pub functions: Vec<Row>,
    /// The most memory that the sender took with so many requests under way, in MiB.
    pub sender_memory_mib: Option<f64>,
    pub in_flight: usize,
}

/// Builds and measures.
pub fn measure(bar: &ProgressBar, functions: &[&str]) -> Result<Figures, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    bar.set_length(functions.len() as u64 + 2);
    bar.set_message("building the release binaries; a first build takes a quarter of an hour");
    let mut build = Command::new("cargo");
    build.current_dir(&root).args(["build", "--quiet", "--release"]);
    for function in functions {
        build.args(["-p", &format!("alimi-{function}")]);
    }
    if !build.status()?.success() {
        return Err("the release build failed".into());
    }
    bar.inc(1);
    let release = root.join("target/release");
    let emulator = emulator();
    let bed = Bed::new(SimulatorSettings {
        per_second: 200,
        latency: Duration::from_secs(8),
        latency_jitter: Duration::ZERO,
        ..SimulatorSettings::default()
    })?;
    let mut rows = Vec::new();
    for function in functions {
        bar.set_message((*function).to_owned());
        let binary = release.join(function);
        let init_ms = match &emulator {
            Some(emulator) => Some(init_ms(emulator, &binary, &bed)?),
            None => None,
        };
        rows.push(Row {
            function: (*function).to_owned(),
            binary_bytes: std::fs::metadata(&binary)?.len(),
            zip_bytes: zip_bytes(&binary)?,
            init_ms,
        });
        bar.inc(1);
    }
    bar.set_message("the sender with 1,000 requests under way");
    let memory = match &emulator {
        Some(emulator) => Some(memory_in_flight(emulator, &release.join("sender"), &bed)?),
        None => None,
    };
    bar.inc(1);
    Ok(Figures {
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        functions: rows,
        sender_memory_mib: memory.map(|(mib, _)| mib),
        in_flight: memory.map_or(0, |(_, in_flight)| in_flight),
    })
}

/// Lambda's runtime emulator, which the SAM CLI brings. `cargo xtask test` installs that.
fn emulator() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where a person keeps tools")]
    let home = std::env::var("HOME").ok()?;
    let tools = std::fs::read_dir(Path::new(&home).join(".cache/alimi")).ok()?;
    tools
        .flatten()
        .flat_map(|tool| std::fs::read_dir(tool.path().join("lib")).into_iter().flatten().flatten())
        .map(|python| {
            let rapid = "site-packages/samcli/local/rapid";
            let name = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
            python.path().join(rapid).join(format!("aws-lambda-rie-{name}"))
        })
        .find(|path| path.exists())
}

fn zip_bytes(binary: &Path) -> Result<u64, Failure> {
    let script = "import sys, zipfile, io; b = io.BytesIO(); \
        z = zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED, compresslevel=9); \
        z.write(sys.argv[1], 'bootstrap'); z.close(); print(len(b.getvalue()))";
    let output = Command::new("python3").arg("-c").arg(script).arg(binary).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// A function under the emulator, and what it says.
struct Emulated {
    process: Child,
    url: String,
    said: Arc<Mutex<Vec<String>>>,
}

impl Emulated {
    fn start(emulator: &Path, binary: &Path, bed: &Bed, secrets: &str) -> Result<Self, Failure> {
        let (port, api) = (free_port()?, free_port()?);
        let mut process = Command::new(emulator)
            .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
            .args(["--runtime-api-address", &format!("127.0.0.1:{api}")])
            .arg(binary)
            .envs([
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_REGION", "ap-northeast-2"),
                ("AWS_ENDPOINT_URL", secrets),
                ("AWS_ENDPOINT_URL_DYNAMODB", bed.endpoint()),
                ("NOTIFICATIONS_TABLE", "NotificationsTable"),
                ("CATALOG_TABLE", "CatalogTable"),
                ("STATE_TABLE", "StateTable"),
                ("MEMBERS_TABLE", "MembersTable"),
                ("RUNS_TABLE", "RunsTable"),
                ("WAKE_QUEUE_URL", secrets),
                ("AWS_LAMBDA_FUNCTION_TIMEOUT", "60"),
                ("AWS_LAMBDA_FUNCTION_NAME", "function"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
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
        let url = format!("http://127.0.0.1:{port}/2015-03-31/functions/function/invocations");
        Ok(Self { process, url, said })
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The function's own process.
    fn function(&self) -> Option<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.process.id());
        std::fs::read_to_string(children).ok()?.split_whitespace().next()?.parse().ok()
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

fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// How long the function takes from its start to its first `next`.
fn init_ms(emulator: &Path, binary: &Path, bed: &Bed) -> Result<f64, Failure> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let emulated = Emulated::start(emulator, binary, bed, "http://127.0.0.1:1")?;
        let said = bed.world.block_on(async {
            let client = reqwest::Client::new();
            // Anything: what counts is the start. The emulator needs a moment to listen.
            for _ in 0..50 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let body = json!({ "Records": [] }).to_string();
                let call = client.post(&emulated.url).body(body).timeout(Duration::from_secs(20));
                if call.send().await.is_ok() {
                    break;
                }
            }
            for _ in 0..50 {
                if let Some(ms) = emulated.said().iter().find_map(|line| init_duration(line)) {
                    return Some(ms);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            None
        });
        times.push(said.ok_or_else(|| format!("no init report: {:?}", emulated.said()))?);
    }
    Ok(percentile(&mut times, 0.5))
}

fn init_duration(line: &str) -> Option<f64> {
    let (_, after) = line.split_once("INIT REPORT(durationMs: ")?;
    after.split([')', ',']).next()?.trim().parse().ok()
}

/// The sender's peak memory with as many requests under way as it allows, in MiB; and how many.
fn memory_in_flight(emulator: &Path, sender: &Path, bed: &Bed) -> Result<(f64, usize), Failure> {
    bed.configure(|channel| {
        let jitter = SignedDuration::from_millis(25);
        channel.limit = RateLimit { per_second: 200, jitter, strict: false };
        channel.timeouts.total = SignedDuration::from_secs(10);
    })?;
    bed.preload(6_000, 600, NO_RECEIPT)?;
    let services = bed.world.block_on(async {
        // Secrets Manager; SQS gets the same answer, which it cannot use and need not.
        let secret =
            json!({ "password": PASSWORD, "webhook_secrets": [WEBHOOK_SECRET] }).to_string();
        let answer = json!({ "Name": "n", "SecretString": secret, "MessageId": "m" }).to_string();
        let router = Router::new().fallback(any(move || async move { answer }));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok::<_, Failure>(address)
    })?;
    let emulated = Emulated::start(emulator, sender, bed, &services)?;
    let wake = json!({ "Records": [{
        "messageId": "m", "body": json!({ "channel": CHANNEL }).to_string(),
        "attributes": { "MessageGroupId": format!("{CHANNEL}#0") },
    }] });
    bed.world.block_on(async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let call = reqwest::Client::new()
            .post(&emulated.url)
            .body(wake.to_string())
            .timeout(Duration::from_secs(60));
        let invocation = tokio::spawn(call.send());
        let (mut peak_kib, mut in_flight) = (0, 0);
        while !invocation.is_finished() {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if let Some(function) = emulated.function() {
                peak_kib = peak_memory_kib(function).unwrap_or(peak_kib).max(peak_kib);
            }
            let now_us = jiff_now_us();
            let waiting = bed.simulator.arrivals();
            let waiting = waiting.iter().filter(|a| a.at_us > now_us - 8_000_000).count();
            in_flight = in_flight.max(waiting);
        }
        invocation.await??;
        Ok((f64::from(peak_kib) / 1024.0, in_flight))
    })
}

fn jiff_now_us() -> i64 {
    use alimi::ports::Clock;
    alimi::time::SystemClock.now_us()
}

fn peak_memory_kib(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emulators_report_is_read() {
        let line = "22 Nov 2026 [INFO] INIT REPORT(durationMs: 12.345)";
        assert_eq!(init_duration(line), Some(12.345));
        assert_eq!(init_duration("INIT RTDONE(status: success)"), None);
    }
}
