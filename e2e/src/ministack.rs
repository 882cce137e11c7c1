//! The emulator of AWS, as a process with functions below it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::group::Group;
use crate::{REGION, Result, until};

/// It is up within a second; on a busy machine later.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A running `MiniStack`. Dropped, it ends with its functions; and it ends with this program, however
/// that ends: its launcher reads what this one writes to it, and when that is over kills itself and
/// the functions.
pub struct MiniStack {
    /// Its address, as an AWS endpoint.
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
    /// When it does not come up; its log says why.
    pub async fn start(python: &Path, launcher: &Path, folder: &Path) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary)?;
        let mut command = Command::new(python);
        command
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

    /// Kills the processes of a function, and answers how many were at work.
    ///
    /// # Errors
    /// When `MiniStack` has gone.
    pub async fn kill_function(&mut self, part_of_name: &str) -> Result<usize> {
        self.command(&format!("kill {part_of_name}")).await
    }

    /// Has no schedule fire any more, the sweeper's included, and answers how many would have.
    ///
    /// # Errors
    /// When `MiniStack` has gone.
    pub async fn halt_schedules(&mut self) -> Result<usize> {
        self.command("halt").await
    }

    /// Something when no function is at work, nor has been for a while.
    ///
    /// # Errors
    /// When `MiniStack` has gone.
    pub async fn quiet_moment(&mut self) -> Result<Option<()>> {
        // What one function wakes another for is taken from its queue or stream within a second.
        const QUIET: Duration = Duration::from_secs(8);
        let busy = self.command("busy").await?;
        let quiet = self.since_last_log()?.is_some_and(|since| since >= QUIET);
        Ok((busy == 0 && quiet).then_some(()))
    }

    /// Where what each function wrote is.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// How long ago a function ended, if one ever ran.
    fn since_last_log(&self) -> Result<Option<Duration>> {
        let mut latest: Option<SystemTime> = None;
        for entry in std::fs::read_dir(self.logs())? {
            latest = latest.max(Some(entry?.metadata()?.modified()?));
        }
        Ok(latest.map(|latest| latest.elapsed().unwrap_or_default()))
    }

    /// A command to the launcher, which answers with a number.
    async fn command(&mut self, command: &str) -> Result<usize> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        let answer = self.answers.next_line().await?.ok_or("MiniStack has gone")?;
        Ok(answer.parse().map_err(|_| format!("MiniStack answers {answer:?} to {command:?}"))?)
    }

    /// Ends it, and the functions with it: by itself, or killed after a while.
    pub async fn stop(self) {
        let Self { mut group, commands, .. } = self;
        drop(commands);
        let _ended = tokio::time::timeout(Duration::from_secs(10), group.wait()).await;
    }
}
