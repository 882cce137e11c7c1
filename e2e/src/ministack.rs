//! `MiniStack`, the emulator of AWS: a process with the functions' processes below it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::aws::REGION;
use crate::group::Group;
use crate::result::Result;
use crate::waiting::until;

/// It listens within a second, on a busy machine later.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A running `MiniStack`. When the value is dropped, it ends with its functions. When this program
/// ends in any way, its launcher sees the end of its input, and kills itself and the functions.
pub struct MiniStack {
    /// The address, as an AWS endpoint.
    pub endpoint: String,
    folder: PathBuf,
    group: Group,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl MiniStack {
    /// Starts it on a free port. Logs and temporary files go into the folder.
    ///
    /// # Errors
    /// When it does not listen. The error has the end of its log.
    pub async fn start(python: &Path, launcher: &Path, folder: &Path) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary)?;
        let mut command = Command::new(python);
        command
            .arg(launcher)
            .arg(folder)
            // The functions inherit this environment. A variable of this machine must not stand in
            // for one that is missing in the template.
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
            // Turns off listeners that are not used here.
            .env("SFTP_ENABLED", "0")
            .env("IOT_MTLS_ENABLED", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("ministack.log"))?);
        let mut group = Group::spawn(&mut command)?;
        let (commands, answers) = group.pipes().ok_or("MiniStack has no pipes")?;
        let answers = BufReader::new(answers).lines();
        let mut started = Self { endpoint, folder: folder.to_owned(), group, commands, answers };
        until("MiniStack to listen", START_WITHIN, async || {
            if let Some(status) = started.group.ended()? {
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

    /// Kills the processes of a function that handle an invocation, and returns their number.
    ///
    /// # Errors
    /// When `MiniStack` has ended.
    pub async fn kill_function(&mut self, part_of_name: &str) -> Result<usize> {
        self.command(&format!("kill {part_of_name}")).await
    }

    /// Stops all schedules, the sweeper's included, and returns the number of enabled ones.
    ///
    /// # Errors
    /// When `MiniStack` has ended.
    pub async fn halt_schedules(&mut self) -> Result<usize> {
        self.command("halt").await
    }

    /// Returns `Some` when no function runs and none has ended for a while.
    ///
    /// # Errors
    /// When `MiniStack` has ended.
    pub async fn quiet_moment(&mut self) -> Result<Option<()>> {
        // A function that another one wakes starts within a second.
        const QUIET: Duration = Duration::from_secs(8);
        let busy = self.command("busy").await?;
        let quiet = self.since_last_log()?.is_some_and(|since| since >= QUIET);
        Ok((busy == 0 && quiet).then_some(()))
    }

    /// The folder with each function's log.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// The time since a function ended last; `None` when none ever ran.
    fn since_last_log(&self) -> Result<Option<Duration>> {
        let mut latest: Option<SystemTime> = None;
        for entry in std::fs::read_dir(self.logs())? {
            latest = latest.max(Some(entry?.metadata()?.modified()?));
        }
        Ok(latest.map(|latest| latest.elapsed().unwrap_or_default()))
    }

    /// Sends a command to the launcher, which answers with a number.
    async fn command(&mut self, command: &str) -> Result<usize> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        let answer = self.answers.next_line().await?.ok_or("MiniStack has ended")?;
        Ok(answer.parse().map_err(|_| format!("MiniStack answers {answer:?} to {command:?}"))?)
    }

    /// Ends it and the functions. It is killed when it does not end by itself.
    pub async fn stop(self) {
        let Self { mut group, commands, .. } = self;
        drop(commands);
        let _ended = tokio::time::timeout(Duration::from_secs(10), group.wait()).await;
    }
}
