//! The Docker engine: the image that `sam local` runs functions in, and what it leaves behind.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::Result;

/// No more than a registry that answers needs.
const PULL_WITHIN: Duration = Duration::from_secs(180);
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A stand-in's repository. It is not AWS's, so that it is never taken for AWS's image.
const STAND_IN: &str = "alimi/lambda-stand-in";

/// Where Linux distributions keep certificates.
const CERTIFICATES: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// What functions run in.
#[derive(Debug)]
pub enum Image {
    /// AWS's own.
    Aws(String),
    /// One made of this machine's libraries.
    StandIn {
        /// Its tag.
        tag: String,
    },
}

impl Image {
    /// AWS's image if it is here or can be had, else a stand-in for these functions.
    ///
    /// # Errors
    /// When neither is to be had.
    pub async fn get(architecture: &str, programs: &[PathBuf], folder: &Path) -> Result<Self> {
        let aws = format!("public.ecr.aws/lambda/provided:al2023-{architecture}");
        if docker(["image", "inspect", &aws]).await.is_ok() {
            return Ok(Self::Aws(aws));
        }
        println!("  asking for {aws}");
        if docker_within(PULL_WITHIN, ["pull", "--quiet", &aws]).await.is_ok() {
            return Ok(Self::Aws(aws));
        }
        let tag = format!("{STAND_IN}:{architecture}");
        make_stand_in(&tag, programs, folder).await?;
        Ok(Self::StandIn { tag })
    }

    /// What `sam local` has to be told of it.
    pub fn arguments(&self) -> Vec<&str> {
        match self {
            Self::Aws(_) => vec!["--skip-pull-image"],
            Self::StandIn { tag } => vec!["--skip-pull-image", "--invoke-image", tag],
        }
    }

    /// What a reader has to know of it.
    pub fn remark(&self) -> String {
        match self {
            Self::Aws(name) => name.clone(),
            Self::StandIn { tag } => format!(
                "{tag}, A STAND-IN made of this machine's own libraries: AWS's image is not here \
                 and cannot be had. Whether functions find what they need in AWS's was NOT seen"
            ),
        }
    }

    /// Removes what was made for these runs, and what the SAM CLI made of it. AWS's image stays.
    pub async fn remove(self, architecture: &str) {
        if matches!(self, Self::StandIn { .. }) {
            remove_stand_in(architecture).await;
        }
    }
}

/// Removes the stand-in and what the SAM CLI made of it, where they are.
pub async fn remove_stand_in(architecture: &str) {
    for tag in [format!("rapid-{architecture}"), architecture.to_owned()] {
        let _removed = docker(["image", "rm", &format!("{STAND_IN}:{tag}")]).await;
    }
}

/// An image with no more in it than the SAM CLI needs to put its runtime emulator there, and these
/// functions to run.
async fn make_stand_in(tag: &str, functions: &[PathBuf], folder: &Path) -> Result<()> {
    let root = folder.join("stand-in");
    if root.exists() {
        std::fs::remove_dir_all(&root)?;
    }
    for inner in ["bin", "tmp", "var/task", "var/rapid", "etc/ssl/certs"] {
        std::fs::create_dir_all(root.join(inner))?;
    }
    let mut programs = functions.to_vec();
    for tool in ["/bin/sh", "/bin/mv", "/bin/chmod"] {
        std::fs::copy(tool, root.join(tool.trim_start_matches('/')))?;
        programs.push(tool.into());
    }
    let libraries = output(ANSWER_WITHIN, Command::new("ldd").args(&programs)).await?;
    // `libc.so.6 => /lib/…/libc.so.6 (0x…)`, and the loader without an arrow.
    let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    for library in paths.filter(|word| !word.ends_with(':')) {
        let copy = root.join(library.trim_start_matches('/'));
        std::fs::create_dir_all(copy.parent().unwrap_or(&root))?;
        std::fs::copy(library, copy)?;
    }
    // The HTTP clients do not start without any.
    let certificates = CERTIFICATES.iter().find(|path| Path::new(path).exists());
    let certificates = certificates.ok_or("this machine has no certificates for a stand-in")?;
    std::fs::copy(certificates, root.join("etc/ssl/certs/ca-certificates.crt"))?;
    let archive = folder.join("stand-in.tar");
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(&archive).arg("-C").arg(&root).arg(".");
    output(ANSWER_WITHIN, &mut tar).await?;
    let label = "LABEL description=\"Not AWS's image: made by Alimi's gate, which removes it\"";
    let archive = archive.display().to_string();
    docker(["import", "--change", label, &archive, tag]).await?;
    Ok(())
}

/// This machine's address on the engine's bridge, which `host-gateway` means in a container.
///
/// # Errors
/// When the engine has no bridge.
pub async fn address_on_bridge() -> Result<IpAddr> {
    const FORMAT: &str = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}\n{{end}}";
    let said = docker(["network", "inspect", "bridge", "--format", FORMAT]).await?;
    address_in(&said).ok_or_else(|| format!("Docker's bridge has no address: {said:?}").into())
}

/// The gateway; where the engine does not say it, the first address of the subnet.
fn address_in(said: &str) -> Option<IpAddr> {
    let mut words = said.split_whitespace();
    let first = words.find_map(|word| word.split('/').next()?.parse::<Ipv4Addr>().ok())?;
    let is_network = first.octets()[3] == 0;
    Some(IpAddr::V4(if is_network { Ipv4Addr::from(u32::from(first) + 1) } else { first }))
}

/// Removes containers that a killed command left, by their ids.
pub async fn remove_containers(ids: &[String]) {
    for id in ids {
        let _removed = docker(["rm", "--force", id]).await;
    }
}

async fn docker<const N: usize>(arguments: [&str; N]) -> Result<String> {
    docker_within(ANSWER_WITHIN, arguments).await
}

async fn docker_within(
    within: Duration,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<String> {
    output(within, Command::new("docker").args(arguments)).await
}

async fn output(within: Duration, command: &mut Command) -> Result<String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(within, command.output())
        .await
        .map_err(|_| format!("{command:?} was not over after {} s", within.as_secs()))??;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bridge_is_found_with_and_without_a_gateway() {
        let found = |said| address_in(said).map(|address| address.to_string());
        assert_eq!(found("172.18.0.1 172.18.0.0/16\n").as_deref(), Some("172.18.0.1"));
        assert_eq!(found(" 172.17.0.0/16\n").as_deref(), Some("172.17.0.1"));
        assert_eq!(found("\n"), None);
    }
}
