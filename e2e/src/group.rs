//! A process that ends together with all processes that it started.

use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::result::Result;

/// A process and the processes below it, in a process group of their own. When the first process
/// has ended, or the value is dropped, the remaining processes are killed.
pub struct Group {
    leader: Child,
    /// `None` after the group was killed, since the system may give its number to another group.
    id: Option<Pid>,
}

impl Group {
    /// Starts a process.
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

    /// The process's standard input and output, where they are pipes. Only the first call returns
    /// them.
    pub fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.leader.stdin.take().zip(self.leader.stdout.take())
    }

    /// The exit status of the first process; `None` while it runs.
    ///
    /// # Errors
    /// When the status cannot be read.
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
    /// When the status cannot be read.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        let ended = self.leader.wait().await?;
        self.kill();
        Ok(ended)
    }

    fn kill(&mut self) {
        if let Some(id) = self.id.take() {
            // An error means that no process of the group is left.
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

    /// Waits for the pipe's end, which comes when the last process that holds the pipe has ended.
    async fn wait_until_ended(pipe: &mut ChildStdout) {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), pipe.read_to_end(&mut rest));
        read.await.expect("a process still runs").expect("a pipe");
    }

    /// A shell with a process below it that would outlive it, and the pipe that both hold.
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
    async fn a_dropped_group_ends_all_its_processes() {
        let (group, mut pipe) = shell("wait").await;
        drop(group);
        wait_until_ended(&mut pipe).await;
    }

    #[tokio::test]
    async fn a_group_whose_leader_ended_leaves_no_process() {
        let (mut group, mut pipe) = shell("exit 3").await;
        assert_eq!(group.wait().await.expect("an end").code(), Some(3));
        wait_until_ended(&mut pipe).await;
    }
}
