//! Building functions as SAM does: with cargo-lambda.

use std::path::{Path, PathBuf};
use std::process::Command;

use alimi::aws::Environment;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::program::{Failure, output_of};

/// A processor architecture of Lambda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    Arm64,
    X86_64,
}

impl Architecture {
    pub const ALL: [Self; 2] = [Self::Arm64, Self::X86_64];

    /// The only architecture whose functions the emulator can run here.
    pub fn of_this_machine() -> Result<Self, Failure> {
        match std::env::consts::ARCH {
            "aarch64" => Ok(Self::Arm64),
            "x86_64" => Ok(Self::X86_64),
            other => Err(format!("Lambda does not run on {other}").into()),
        }
    }

    /// Its name in the template.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }

    const fn option(self) -> &'static str {
        match self {
            Self::Arm64 => "--arm64",
            Self::X86_64 => "--x86-64",
        }
    }

    /// Why this machine cannot build for it; `None` when it can.
    pub fn missing(self) -> Option<String> {
        let target = self.target();
        let arguments = ["--print", "target-libdir", "--target", target];
        let folder = output_of("rustc", &arguments).map(PathBuf::from);
        // rustc prints the folder even when the folder does not exist.
        if folder.is_ok_and(|folder| folder.is_dir()) {
            return None;
        }
        Some(format!(
            "the compiler has no standard library for {target} (`rustup target add {target}` \
             installs it)"
        ))
    }
}

/// How the compiler optimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The release profile of Cargo.toml.
    Release,
    /// For size, with a little speed.
    Small,
    /// For speed, with thin link-time optimisation.
    Fast,
}

impl Profile {
    pub const ALL: [Self; 3] = [Self::Release, Self::Fast, Self::Small];

    /// Its settings, for the page.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Release => "`z`, fat, 1 unit (as released)",
            Self::Small => "`s`, fat, 1 unit",
            Self::Fast => "`3`, thin, 16 units",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Small => "small",
            Self::Fast => "fast",
        }
    }

    /// The environment variables that change the release profile into this one.
    const fn overrides(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Release => &[],
            Self::Small => &[("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")],
            Self::Fast => &[
                ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
                ("CARGO_PROFILE_RELEASE_LTO", "thin"),
                ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
            ],
        }
    }
}

/// cargo-lambda, and the folders that it reads and writes.
pub struct Builder {
    cargo_lambda: PathBuf,
    root: PathBuf,
    target: PathBuf,
}

impl Builder {
    pub fn new(cargo_lambda: &Path) -> Result<Self, Failure> {
        let program = cargo_lambda.to_str().ok_or("cargo-lambda's path is not Unicode")?;
        output_of(program, &["lambda", "--version"]).map_err(|error| {
            format!("cargo-lambda does not run ({error}); install it: `pip install cargo-lambda`")
        })?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let manifest = root.join("Cargo.toml");
        let manifest = manifest.to_str().ok_or("the checkout's path is not Unicode")?;
        let metadata = output_of(
            "cargo",
            &["metadata", "--no-deps", "--format-version=1", "--manifest-path", manifest],
        )?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        let target = metadata["target_directory"].as_str();
        let target = target.ok_or("cargo metadata has no target_directory")?;
        Ok(Self { cargo_lambda: cargo_lambda.to_owned(), root, target: target.into() })
    }

    /// The folder of the built functions. Each function has a folder of its own in it.
    pub fn folder(&self, architecture: Architecture, profile: Profile) -> PathBuf {
        self.target.join("binaries").join(architecture.name()).join(profile.name())
    }

    /// Builds functions and returns their folder.
    pub fn build(
        &self,
        architecture: Architecture,
        profile: Profile,
        functions: &[&str],
    ) -> Result<PathBuf, Failure> {
        let folder = self.folder(architecture, profile);
        let mut build = Command::new(&self.cargo_lambda);
        build
            .current_dir(&self.root)
            .args([
                "lambda",
                "build",
                "--quiet",
                "--release",
                architecture.option(),
                "--lambda-dir",
            ])
            .arg(&folder)
            .envs(profile.overrides().iter().copied());
        // pip installs zig, which cargo-lambda needs, in the same folder.
        if let Some(folder_of_zig) =
            self.cargo_lambda.parent().filter(|folder| !folder.as_os_str().is_empty())
        {
            let path = Environment.optional("PATH").unwrap_or_default();
            let paths = std::env::split_paths(&path);
            let folders = std::iter::once(folder_of_zig.to_owned()).chain(paths);
            build.env("PATH", std::env::join_paths(folders)?);
        }
        // SAM also passes --bin, so cargo unifies the features of all default members here too.
        for function in functions {
            build.args(["--bin", function]);
        }
        let output = build.output()?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let architecture = architecture.name();
            return Err(format!("the build for {architecture} failed: {stderr}").into());
        }
        Ok(folder)
    }
}

/// The size of the zip file that SAM would make of the binary.
pub fn zip_bytes(binary: &Path) -> Result<u64, Failure> {
    const PACK: &str = "import io, sys, zipfile; b = io.BytesIO(); \
        z = zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED); z.write(sys.argv[1], 'bootstrap'); \
        z.close(); print(len(b.getvalue()))";
    let binary = binary.to_str().ok_or("the binary's path is not Unicode")?;
    Ok(output_of("python3", &["-c", PACK, binary])?.parse()?)
}
