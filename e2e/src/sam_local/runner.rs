//! Commands of `sam local`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::docker::{self, Image};
use crate::result::{Result, ensure};
use crate::sam::Sam;

/// Longer than the time-out of any function, and the SAM CLI's own work.
const COMMAND_WITHIN: Duration = Duration::from_secs(90);

/// Runs functions by `sam local`.
pub(super) struct Runner {
    pub(super) sam: Sam,
    /// The folder of the logs.
    pub(super) folder: PathBuf,
    pub(super) architecture: &'static str,
    pub(super) image: Image,
    /// This machine's address for containers.
    pub(super) address: IpAddr,
}

impl Runner {
    /// A command of `sam local`, with the options that this machine needs.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = self.sam.command(&["local", name, "--template-file"]);
        command.arg(self.sam.built_template());
        // By default, SAM looks for the settings beside the built template.
        command.arg("--config-file").arg(self.sam.checkout.join("samconfig.toml"));
        let is_default = self.architecture == "arm64";
        command.args(["--config-env", if is_default { "default" } else { self.architecture }]);
        command.args(self.image.arguments());
        // The SAM CLI gives placeholders to a function when it finds no credentials, as on the
        // machine of a developer without an account.
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a command and returns its standard output. Its standard error goes into `log`.
    pub(super) async fn run(&self, mut command: Command, log: &Path) -> Result<String> {
        command.stdout(Stdio::piped()).stderr(std::fs::File::create(log)?);
        let ended = tokio::time::timeout(COMMAND_WITHIN, command.spawn()?.wait_with_output()).await;
        let stderr = std::fs::read_to_string(log).unwrap_or_default();
        docker::remove_containers(&containers(&stderr)).await;
        let seconds = COMMAND_WITHIN.as_secs();
        let log = log.display();
        let output = ended.map_err(|_| format!("had not ended after {seconds} s; {log}"))??;
        let status = output.status;
        ensure(status.success(), || format!("ended with {status}; {log}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The ids of the containers that the SAM CLI made, from its log.
pub(super) fn containers(log: &str) -> Vec<String> {
    let ids = log.lines().filter_map(|line| line.split_once("SAM_CONTAINER_ID: "));
    ids.map(|(_, id)| id.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_the_sam_cli_names_its_containers() {
        let log = "Mounting …\nSAM_CONTAINER_ID: 4d4d32\nSTART RequestId: 1\n";
        assert_eq!(containers(log), ["4d4d32"]);
    }
}
