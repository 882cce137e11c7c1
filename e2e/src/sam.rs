//! The SAM CLI: the commands that build, deploy and delete the stack.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tokio::process::Command;

use crate::aws::REGION;
use crate::group::Group;
use crate::result::{Result, StoryResult};

/// The stack's name in `samconfig.toml`.
pub const STACK: &str = "alimi";

/// The time for a build from scratch on a slow, busy machine.
pub const BUILD_WITHIN: Duration = Duration::from_secs(60 * 60);
const DEPLOY_WITHIN: Duration = Duration::from_secs(300);

/// The SAM CLI in this checkout.
pub struct Sam {
    pub program: PathBuf,
    /// The folder that holds cargo-lambda.
    pub cargo_lambda: PathBuf,
    pub checkout: PathBuf,
    /// The folder of the build.
    pub folder: PathBuf,
    /// The folder of the logs. Each command has a file for its standard output and one for its
    /// standard error, both numbered.
    pub logs: PathBuf,
    /// The number of commands so far.
    pub commands: AtomicUsize,
}

/// The template's parameters without their defaults, each as `Name=value`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parameters(pub &'static [&'static str]);

impl Parameters {
    /// The value of `--parameter-overrides`.
    pub fn overrides(self) -> String {
        let architecture = format!("Architecture={}", architecture());
        let others = self.0.iter().copied();
        std::iter::once(architecture.as_str()).chain(others).collect::<Vec<_>>().join(" ")
    }
}

/// The functions' programs in a deployment.
#[derive(Clone, Copy, Debug)]
pub enum Programs {
    /// The SAM CLI compresses the built programs and uploads them.
    Built,
    /// The programs that the first deployment uploaded. Compressing them for each deployment took
    /// a third of the test's processor time.
    Uploaded,
}

/// This machine's architecture, in the template's words.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

impl Sam {
    fn build_folder(&self) -> PathBuf {
        self.folder.join("build")
    }

    /// The template that the build wrote. Only the paths of the code differ from the checkout's
    /// template.
    pub fn built_template(&self) -> PathBuf {
        self.build_folder().join("template.yaml")
    }

    /// The template of the first deployment, for [`Programs::Uploaded`].
    pub fn deployed_template(&self) -> PathBuf {
        self.folder.join("deployed.yaml")
    }

    /// The built program of a function.
    pub fn built_function(&self, name: &str) -> PathBuf {
        self.build_folder().join(name).join("bootstrap")
    }

    /// Whether the build is newer than all sources of the checkout.
    ///
    /// # Errors
    /// When files cannot be read.
    pub fn is_built(&self) -> Result<bool> {
        let Ok(built) = self.built_template().metadata() else { return Ok(false) };
        let sources = ["Cargo.lock", "Cargo.toml", "template.yaml", "shared", "functions"];
        let sources = sources.map(|name| self.checkout.join(name));
        Ok(newest(sources.into())? < built.modified()?)
    }

    /// Builds every function with `sam build` in the debug profile. The release profile's link-time
    /// optimisation would take half an hour.
    ///
    /// # Errors
    /// When the build fails.
    pub async fn build(&self) -> StoryResult {
        let mut build = self.command(&["build", "--no-cached", "--build-dir"]);
        build.arg(self.build_folder());
        build.args(["--parameter-overrides", &Parameters::default().overrides()]);
        build.env("SAM_BUILD_MODE", "debug");
        // SAM looks for the build only in the checkout's target folder.
        build.env_remove("CARGO_TARGET_DIR");
        // Without debug information, the functions have a third of the size.
        build.env("CARGO_PROFILE_DEV_DEBUG", "none").env("CARGO_PROFILE_DEV_STRIP", "symbols");
        for (name, _) in std::env::vars_os() {
            // These variables describe this package. Build scripts that watch them would run again.
            if name.to_str().is_some_and(describes_a_package) {
                build.env_remove(name);
            }
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            std::iter::once(self.cargo_lambda.clone()).chain(std::env::split_paths(&path));
        build.env("PATH", std::env::join_paths(folders)?);
        self.run(build, "build", BUILD_WITHIN).await?;
        Ok("in the debug profile, for this machine".to_owned())
    }

    /// Deploys the build, or changes the parameters of what is deployed.
    ///
    /// # Errors
    /// When the deployment fails.
    pub async fn deploy(
        &self,
        endpoint: &str,
        programs: Programs,
        parameters: Parameters,
    ) -> Result<String> {
        let mut deploy = self.command(&["deploy", "--template-file"]);
        deploy.arg(match programs {
            Programs::Built => self.built_template(),
            Programs::Uploaded => self.deployed_template(),
        });
        // By default, SAM looks for the settings beside the built template.
        deploy.arg("--config-file").arg(self.checkout.join("samconfig.toml"));
        deploy.args(["--no-confirm-changeset", "--no-progressbar"]);
        deploy.args(["--parameter-overrides", &parameters.overrides()]);
        point_at(&mut deploy, endpoint);
        self.run(deploy, "deploy", DEPLOY_WITHIN).await
    }

    /// Deletes the stack.
    ///
    /// # Errors
    /// When the deletion fails.
    pub async fn delete(&self, endpoint: &str) -> Result<String> {
        let mut delete = self.command(&["delete", "--no-prompts", "--stack-name", STACK]);
        point_at(&mut delete, endpoint);
        self.run(delete, "delete", DEPLOY_WITHIN).await
    }

    /// A command of the SAM CLI.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.checkout);
        // Without buffering, the log of a killed command is complete.
        command.env("SAM_CLI_TELEMETRY", "0").env("PYTHONUNBUFFERED", "1");
        isolate(&mut command);
        command
    }

    /// Runs a command and returns its standard output, which is also kept in a file.
    async fn run(&self, mut command: Command, name: &str, within: Duration) -> Result<String> {
        let number = self.commands.fetch_add(1, Ordering::Relaxed) + 1;
        let file = |extension: &str| self.logs.join(format!("{number}-{name}.{extension}"));
        let (output, log) = (file("out"), file("log"));
        command.stdin(Stdio::null()).stdout(File::create(&output)?).stderr(File::create(&log)?);
        let mut group = Group::spawn(&mut command)?;
        let ended = tokio::time::timeout(within, group.wait()).await;
        // This also kills what the command started, such as compilers.
        drop(group);
        let end = match ended {
            Ok(status) => match status? {
                status if status.success() => return Ok(read(&output)?),
                status => format!("ended with {status}"),
            },
            Err(_) => format!("was still running after {} s and was killed", within.as_secs()),
        };
        let last = last_lines(&read(&log)?);
        Err(format!("sam {name} {end}; the last lines of {}:\n{last}", log.display()).into())
    }
}

/// Removes this user's AWS settings and account from a command's environment, and the proxy for
/// loopback.
#[expect(clippy::disallowed_methods, reason = "the command keeps this user's other settings")]
fn isolate(command: &mut Command) {
    const LOOPBACK: &str = "127.0.0.1,localhost";
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    // Some programs read only the variable in small letters, and some prefer it.
    let set = ["no_proxy", "NO_PROXY"].map(|name| std::env::var(name).unwrap_or_default());
    let hosts = match set.into_iter().find(|hosts| !hosts.is_empty()) {
        Some(set) => format!("{set},{LOOPBACK}"),
        None => LOOPBACK.to_owned(),
    };
    command.env("no_proxy", &hosts).env("NO_PROXY", &hosts);
}

/// Makes a command call the emulator, and never AWS.
pub fn point_at(command: &mut Command, endpoint: &str) {
    isolate(command);
    command.env("AWS_ENDPOINT_URL", endpoint);
}

/// A file in any encoding.
fn read(file: &Path) -> std::io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(file)?).into_owned())
}

/// When the newest file of these paths and folders was written.
fn newest(mut paths: Vec<PathBuf>) -> Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    while let Some(path) = paths.pop() {
        let metadata = path.metadata()?;
        if metadata.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                paths.push(entry?.path());
            }
        }
        newest = newest.max(metadata.modified()?);
    }
    Ok(newest)
}

fn describes_a_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

fn last_lines(text: &str) -> String {
    let last: Vec<&str> = text.lines().rev().take(12).collect();
    last.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// The folder of a checkout's end-to-end test.
pub fn folder(checkout: &Path) -> PathBuf {
    checkout.join("target/e2e")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_of_a_package_are_removed() {
        assert!(describes_a_package("CARGO_PKG_NAME"));
        assert!(describes_a_package("CARGO_MANIFEST_DIR"));
        assert!(!describes_a_package("CARGO_TARGET_DIR"));
    }
}
