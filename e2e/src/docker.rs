//! The Docker engine: the image that `sam local` runs functions in, and the removal of its
//! containers.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::result::Result;

/// Enough time for a registry that answers.
const PULL_WITHIN: Duration = Duration::from_secs(180);
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The repository of the stand-in image. The name differs from AWS's, so that nobody takes the
/// stand-in for AWS's image.
const STAND_IN: &str = "alimi/lambda-stand-in";

/// The certificate files of Linux distributions.
const CERTIFICATES: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// The image that functions run in.
#[derive(Debug)]
pub enum Image {
    /// The name of AWS's image.
    Aws(String),
    /// An image with this machine's libraries.
    StandIn { tag: String },
}

impl Image {
    /// AWS's image, where it is present or can be pulled. Otherwise a stand-in for these functions.
    ///
    /// # Errors
    /// When AWS's image cannot be pulled and the stand-in cannot be made.
    pub async fn get(architecture: &str, programs: &[PathBuf], folder: &Path) -> Result<Self> {
        let aws = format!("public.ecr.aws/lambda/provided:al2023-{architecture}");
        if docker(["image", "inspect", &aws]).await.is_ok() {
            return Ok(Self::Aws(aws));
        }
        println!("  pulling {aws}");
        if docker_within(PULL_WITHIN, ["pull", "--quiet", &aws]).await.is_ok() {
            return Ok(Self::Aws(aws));
        }
        let tag = format!("{STAND_IN}:{architecture}");
        make_stand_in(&tag, programs, folder).await?;
        Ok(Self::StandIn { tag })
    }

    /// The arguments of `sam local` for the image.
    pub fn arguments(&self) -> Vec<&str> {
        match self {
            Self::Aws(_) => vec!["--skip-pull-image"],
            Self::StandIn { tag } => vec!["--skip-pull-image", "--invoke-image", tag],
        }
    }

    /// A description of the image for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Aws(name) => name.clone(),
            Self::StandIn { tag } => format!(
                "{tag}, A STAND-IN with this machine's libraries, because AWS's image cannot be \
                 pulled. This run does NOT show whether functions find their libraries in AWS's \
                 image"
            ),
        }
    }

    /// Removes a stand-in, and the image that the SAM CLI made from it. AWS's image is kept.
    pub async fn remove(self, architecture: &str) {
        if matches!(self, Self::StandIn { .. }) {
            remove_stand_in(architecture).await;
        }
    }
}

/// Removes the stand-in and the image that the SAM CLI made from it, where they exist.
pub async fn remove_stand_in(architecture: &str) {
    for tag in [format!("rapid-{architecture}"), architecture.to_owned()] {
        let _removed = docker(["image", "rm", &format!("{STAND_IN}:{tag}")]).await;
    }
}

/// Makes an image that contains only the tools with which the SAM CLI adds its runtime emulator,
/// and the libraries of these functions.
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
    // A line of ldd is `libc.so.6 => /lib/…/libc.so.6 (0x…)`; the loader's line has no arrow.
    let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    for library in paths.filter(|word| !word.ends_with(':')) {
        let copy = root.join(library.trim_start_matches('/'));
        std::fs::create_dir_all(copy.parent().unwrap_or(&root))?;
        std::fs::copy(library, copy)?;
    }
    // The functions' HTTP clients do not start without certificates.
    let certificates = CERTIFICATES.iter().find(|path| Path::new(path).exists());
    let certificates = certificates.ok_or("no certificates for the stand-in on this machine")?;
    std::fs::copy(certificates, root.join("etc/ssl/certs/ca-certificates.crt"))?;
    let archive = folder.join("stand-in.tar");
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(&archive).arg("-C").arg(&root).arg(".");
    output(ANSWER_WITHIN, &mut tar).await?;
    let label =
        "LABEL description=\"Not AWS's image. cargo xtask sam-local made it and removes it\"";
    let archive = archive.display().to_string();
    docker(["import", "--change", label, &archive, tag]).await?;
    Ok(())
}

/// This machine's address on Docker's bridge, which is `host-gateway` in a container.
///
/// # Errors
/// When Docker has no bridge.
pub async fn address_on_bridge() -> Result<IpAddr> {
    const FORMAT: &str = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}\n{{end}}";
    let output = docker(["network", "inspect", "bridge", "--format", FORMAT]).await?;
    address_in(&output).ok_or_else(|| format!("Docker's bridge has no address: {output:?}").into())
}

/// The gateway, or the first address of the subnet where Docker names no gateway.
fn address_in(output: &str) -> Option<IpAddr> {
    let mut words = output.split_whitespace();
    let first = words.find_map(|word| word.split('/').next()?.parse::<Ipv4Addr>().ok())?;
    let is_network = first.octets()[3] == 0;
    Some(IpAddr::V4(if is_network { Ipv4Addr::from(u32::from(first) + 1) } else { first }))
}

/// Removes the containers that a killed command left.
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
        .map_err(|_| format!("{command:?} had not ended after {} s", within.as_secs()))??;
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
        let found = |output| address_in(output).map(|address| address.to_string());
        assert_eq!(found("172.18.0.1 172.18.0.0/16\n").as_deref(), Some("172.18.0.1"));
        assert_eq!(found(" 172.17.0.0/16\n").as_deref(), Some("172.17.0.1"));
        assert_eq!(found("\n"), None);
    }
}
