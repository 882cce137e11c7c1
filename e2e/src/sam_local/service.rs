//! A command of `sam local` that listens on a port: `start-lambda` or `start-api`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

use super::runner::{Runner, containers};
use crate::docker;
use crate::result::{Result, ensure};
use crate::waiting::until;

const START_WITHIN: Duration = Duration::from_secs(60);

/// A running command. `samconfig.toml` makes it start one container for each function, at the
/// function's first invocation.
pub(super) struct Service {
    process: Child,
    /// The port on loopback.
    port: u16,
    /// The log of the command and of its functions.
    pub(super) log: PathBuf,
}

impl Service {
    /// Starts a command, and waits until it listens.
    ///
    /// # Errors
    /// When it does not listen within a minute.
    pub(super) async fn start(runner: &Runner, name: &str) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
        let log = runner.folder.join(format!("{name}.log"));
        let mut command = runner.command(name);
        command.args(["--port", &port.to_string()]);
        command.stdout(Stdio::null()).stderr(std::fs::File::create(&log)?);
        let mut service = Self { process: command.spawn()?, port, log };
        match service.listens(name).await {
            Ok(()) => Ok(service),
            Err(error) => {
                service.end().await?;
                Err(error)
            }
        }
    }

    async fn listens(&mut self, name: &str) -> Result<()> {
        let Self { process, port, log } = self;
        until(&format!("sam local {name} to listen"), START_WITHIN, async || {
            ensure(process.try_wait()?.is_none(), || {
                format!("sam local {name} ended; {}", log.display())
            })?;
            Ok(TcpStream::connect(("127.0.0.1", *port)).await.ok().map(drop))
        })
        .await
    }

    /// The address of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Ends the command and its containers. The SAM CLI removes its containers only when it ends by
    /// itself, so they are removed here.
    ///
    /// # Errors
    /// When the command cannot be killed, or its log cannot be read.
    pub(super) async fn end(mut self) -> Result<()> {
        self.process.kill().await?;
        docker::remove_containers(&containers(&std::fs::read_to_string(&self.log)?)).await;
        Ok(())
    }
}
