//! The emulator of AWS, as a process with functions below it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::{REGION, Result, until};

/// It is up within a second; on a busy machine later.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A running `MiniStack`. It ends with this program, however that ends: its launcher reads what this
/// one writes to it, and when that is over kills itself and the functions.
pub struct MiniStack {
    /// Its address, as an AWS endpoint.
    pub endpoint: String,
    folder: PathBuf,
    process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl MiniStack {
    /// Starts it on a free port. Logs and temporary files go into the folder.
    ///
    /// # Errors
    /// When it does not come up; its log says why.
    pub async fn start(python: &Path, launcher: &Path, folder: &Path) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary)?;
        let mut process = Command::new(python)
            .arg(launcher)
            .arg(folder)
            // The functions inherit what it has: nothing but what Lambda would give them may fill
            // the place of a variable that the template forgot.
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &temporary)
            .env("TMPDIR", &temporary)
            .env("PYTHONUNBUFFERED", "1")
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_REGION", REGION)
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", REGION)
            // Listeners that nobody here speaks to.
            .env("SFTP_ENABLED", "0")
            .env("IOT_MTLS_ENABLED", "0")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("ministack.log"))?)
            .spawn()
            .map_err(|error| format!("{} did not start: {error}", python.display()))?;
        let (Some(commands), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("MiniStack has no pipes".into());
        };
        let answers = BufReader::new(answers).lines();
        let mut started = Self { endpoint, folder: folder.to_owned(), process, commands, answers };
        until("MiniStack to listen", START_WITHIN, async || {
            if let Some(status) = started.process.try_wait()? {
                let log = std::fs::read_to_string(folder.join("ministack.log"))?;
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
                return Err(format!("MiniStack ended with {status}:\n{last}").into());
            }
            Ok(TcpStream::connect(("127.0.0.1", port)).await.ok())
        })
        .await?;
        Ok(started)
    }

    /// Kills the processes of a function, and answers how many were at work.
    ///
    /// # Errors
    /// When `MiniStack` has gone.
    pub async fn kill_function(&mut self, part_of_name: &str) -> Result<usize> {
        self.command(&format!("kill {part_of_name}")).await
    }

    /// Something when no function is at work, and the sweeper, which is every minute, will not be
    /// soon.
    ///
    /// # Errors
    /// When `MiniStack` has gone.
    pub async fn quiet_moment(&mut self) -> Result<Option<()>> {
        // What the sweeper wakes works for some seconds.
        const BETWEEN_SWEEPS: Range<Duration> = Duration::from_secs(8)..Duration::from_secs(40);
        let busy = self.command("busy").await?;
        let swept = self.since_last_log("SweeperFunction")?;
        let between = swept.is_some_and(|swept| BETWEEN_SWEEPS.contains(&swept));
        Ok((busy == 0 && between).then_some(()))
    }

    /// How long ago a function ended, if it ever ran.
    fn since_last_log(&self, part_of_name: &str) -> Result<Option<Duration>> {
        for entry in std::fs::read_dir(self.folder.join("logs"))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(part_of_name) {
                return Ok(Some(entry.metadata()?.modified()?.elapsed().unwrap_or_default()));
            }
        }
        Ok(None)
    }

    /// A command to the launcher, which answers with a number.
    async fn command(&mut self, command: &str) -> Result<usize> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        let answer = self.answers.next_line().await?.ok_or("MiniStack has gone")?;
        Ok(answer.parse().map_err(|_| format!("MiniStack answers {answer:?} to {command:?}"))?)
    }

    /// Ends it, and the functions with it.
    pub async fn stop(self) {
        let Self { mut process, commands, .. } = self;
        drop(commands);
        let _ended = tokio::time::timeout(Duration::from_secs(10), process.wait()).await;
    }
}
