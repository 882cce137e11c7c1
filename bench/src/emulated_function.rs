//! A function that runs under Lambda's runtime emulator.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alimi_local::aws::secrets::SECRET_PREFIX;
use serde_json::Value;
use tokio::time::Instant;

use crate::bed::Bed;
use crate::cpu_quota::CpuQuota;
use crate::program::Failure;

/// Enough time for the emulator to listen or to report, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The emulator's process, with the function's process below it.
pub struct EmulatedFunction {
    process: Child,
    port: u16,
    /// The lines of the emulator's log so far.
    log: Arc<Mutex<Vec<String>>>,
}

impl EmulatedFunction {
    /// Starts the emulator. `aws` is the address of every AWS service but DynamoDB.
    /// With a quota, its processes join the quota's group.
    pub fn start(
        emulator: &Path,
        bootstrap: &Path,
        bed: &Bed,
        aws: &str,
        quota: Option<&CpuQuota>,
    ) -> Result<Self, Failure> {
        let (port, api) = (free_port()?, free_port()?);
        let group = quota.map_or_else(|| "/dev/null".into(), CpuQuota::processes);
        // A function on Lambda may have 1,024 open files.
        let mut process = Command::new("sh")
            .args(["-c", r#"echo $$ > "$0" && ulimit -n 1024 && exec "$@""#])
            .arg(group)
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
                ("LEDGER_TABLE", "LedgerTable"),
                ("SECRET_PREFIX", SECRET_PREFIX),
                ("WAKE_QUEUE_URL", aws),
                ("RUN_QUEUE_URL", aws),
                ("RECEIPT_QUEUE_URL", aws),
                ("WAKE_DEAD_LETTERS_URL", aws),
                ("RUN_DEAD_LETTERS_URL", aws),
                ("RECEIPT_DEAD_LETTERS_URL", aws),
                ("CHANGE_DEAD_LETTERS_URL", aws),
                ("SCHEDULE_GROUP", "alimi"),
                ("FIRING_TARGET_ARN", "arn:trigger"),
                ("AUDIENCE_BUCKET", "audience-files"),
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
        let log = Arc::new(Mutex::new(Vec::new()));
        if let Some(stderr) = process.stderr.take() {
            let log = log.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            });
        }
        Ok(Self { process, port, log })
    }

    /// Waits until the emulator listens. It starts the function at the first request.
    pub async fn listening(&self) -> Result<(), Failure> {
        let until = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if Instant::now() > until {
                return Err(format!("the emulator does not listen: {:?}", self.log()).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Makes one invocation. An answer that reports an error is an error here too.
    pub async fn invoke(&self, event: &Value) -> Result<(), Failure> {
        let path = "2015-03-31/functions/function/invocations";
        let answer = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{}/{path}", self.port))
            .body(event.to_string())
            .timeout(Duration::from_secs(60))
            .send()
            .await
            .map_err(|error| format!("no answer: {error}: {:?}", self.log()))?
            .text()
            .await?;
        let read: Value = serde_json::from_str(&answer)?;
        let refused = read["statusCode"].as_u64().is_some_and(|status| status >= 400);
        if refused || read.get("errorType").is_some() {
            return Err(format!("{answer}: {:?}", self.log()).into());
        }
        Ok(())
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The times of the start and of each invocation, in ms. Waits until the emulator has logged
    /// all of them.
    pub async fn report(&self, invocations: usize) -> Result<(f64, Vec<f64>), Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let init = log.iter().find_map(|line| init_ms(line));
            let requests: Vec<f64> = log.iter().filter_map(|line| request_ms(line)).collect();
            match init {
                Some(init) if requests.len() == invocations => return Ok((init, requests)),
                Some(_) | None if Instant::now() > until => {
                    return Err(format!("the emulator reports no times: {log:?}").into());
                }
                Some(_) | None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// The function's own process. The emulator has no other child.
    fn function(&self) -> Option<u32> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).ok()?;
        threads.flatten().find_map(|thread| {
            let children = std::fs::read_to_string(thread.path().join("children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        })
    }

    /// Processor time of all the function's running threads.
    pub fn cpu(&self) -> Result<Duration, Failure> {
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

    /// The most memory that the function's process has held.
    pub fn peak_memory_mib(&self) -> Result<f64, Failure> {
        let function = self.function().ok_or("the function has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{function}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM"));
        let kib: f64 =
            line.and_then(|line| line.split_whitespace().nth(1)).ok_or("no VmHWM")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for EmulatedFunction {
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

fn init_ms(line: &str) -> Option<f64> {
    let (_, after) = line.split_once("INIT REPORT(durationMs: ")?;
    after.split([')', ',']).next()?.trim().parse().ok()
}

fn request_ms(line: &str) -> Option<f64> {
    let (_, after) = line.split_once("INVOKE RTDONE(status: success")?;
    let (_, after) = after.split_once("duration: ")?;
    after.split("ms").next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_the_emulators_log() {
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
