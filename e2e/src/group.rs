//! A process that ends with all that it started.

use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Result;

/// A process and those below it, in a process group of their own. What is left of them is killed
/// when the first one has ended, and when this is dropped.
pub struct Group {
    leader: Child,
    /// Until the group was killed: its number may belong to others later.
    id: Option<Pid>,
}

impl Group {
    /// Starts it.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let started = command.process_group(0).kill_on_drop(true).spawn();
        let leader = started.map_err(|error| {
            let program = command.as_std().get_program().to_string_lossy();
            format!("{program} did not start: {error}")
        })?;
        let id = leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { leader, id })
    }

    /// What it reads from and writes to, where these are pipes that nobody has taken yet.
    pub fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.leader.stdin.take().zip(self.leader.stdout.take())
    }

    /// How the first process has ended, if it has.
    ///
    /// # Errors
    /// When that cannot be known.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let ended = self.leader.try_wait()?;
        if ended.is_some() {
            self.kill();
        }
        Ok(ended)
    }

    /// Waits until the first process has ended.
    ///
    /// # Errors
    /// When that cannot be known.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        let ended = self.leader.wait().await?;
        self.kill();
        Ok(ended)
    }

    fn kill(&mut self) {
        if let Some(id) = self.id.take() {
            // An error says that nothing of it is left.
            let _killed = kill_process_group(id, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;
    use std::time::Duration;

    use tokio::io::AsyncReadExt;

    use super::*;

    /// The pipe's end comes when the last process that holds it has gone.
    async fn gone(pipe: &mut ChildStdout) {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), pipe.read_to_end(&mut rest));
        read.await.expect("a process is left").expect("a pipe");
    }

    /// A shell with a process below it that outlives it, and the pipe that both hold.
    async fn shell(end: &str) -> (Group, ChildStdout) {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("sleep 600 & echo started; {end}"));
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut group = Group::spawn(&mut shell).expect("a shell");
        let (_, mut pipe) = group.pipes().expect("pipes");
        let mut word = [0; 8];
        pipe.read_exact(&mut word).await.expect("a word");
        assert_eq!(&word, b"started\n");
        (group, pipe)
    }

    #[tokio::test]
    async fn what_is_dropped_ends_with_all_that_it_started() {
        let (group, mut pipe) = shell("wait").await;
        drop(group);
        gone(&mut pipe).await;
    }

    #[tokio::test]
    async fn what_ends_leaves_nothing_running() {
        let (mut group, mut pipe) = shell("exit 3").await;
        assert_eq!(group.wait().await.expect("an end").code(), Some(3));
        gone(&mut pipe).await;
    }
}
