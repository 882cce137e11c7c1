//! Building functions as SAM does: with cargo-lambda.

use std::path::{Path, PathBuf};
use std::process::Command;

use alimi::aws::Environment;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bed::Failure;

/// What Lambda runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    Arm64,
    X86_64,
}

impl Architecture {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Arm64, Self::X86_64];

    /// What the emulator can run here.
    pub fn of_this_machine() -> Result<Self, Failure> {
        match std::env::consts::ARCH {
            "aarch64" => Ok(Self::Arm64),
            "x86_64" => Ok(Self::X86_64),
            other => Err(format!("Lambda does not run on {other}").into()),
        }
    }

    /// As the template names it.
    pub const fn words(self) -> &'static str {
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

    /// Why nothing can be built for it here, if so.
    pub fn missing(self) -> Option<String> {
        let target = self.target();
        let asked = ["--print", "target-libdir", "--target", target];
        let folder = said("rustc", &asked).map(PathBuf::from);
        // rustc names the folder whether it is there or not.
        if folder.is_ok_and(|folder| folder.is_dir()) {
            return None;
        }
        Some(format!(
            "the compiler has no standard library for {target} (`rustup target add {target}` \
             brings it)"
        ))
    }
}

/// How the compiler optimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// As Cargo.toml has it.
    Release,
    /// For size, but not at any price.
    Small,
    /// For speed, with thin link-time optimisation.
    Fast,
}

impl Profile {
    /// Those that are compared.
    pub const ALL: [Self; 3] = [Self::Release, Self::Fast, Self::Small];

    /// What it sets.
    pub const fn words(self) -> &'static str {
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

    /// What differs from the release profile.
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

/// cargo-lambda, and where it puts what it built.
pub struct Builder {
    cargo_lambda: PathBuf,
    root: PathBuf,
    target: PathBuf,
}

impl Builder {
    /// With a cargo-lambda that is there.
    pub fn new(cargo_lambda: &Path) -> Result<Self, Failure> {
        let program = cargo_lambda.to_str().ok_or("cargo-lambda's path is not Unicode")?;
        said(program, &["lambda", "--version"]).map_err(|error| {
            format!("there is no cargo-lambda ({error}); `pip install cargo-lambda` brings it")
        })?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let manifest = root.join("Cargo.toml");
        let manifest = manifest.to_str().ok_or("the checkout's path is not Unicode")?;
        let metadata = said(
            "cargo",
            &["metadata", "--no-deps", "--format-version=1", "--manifest-path", manifest],
        )?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        let target = metadata["target_directory"].as_str().ok_or("cargo names no target folder")?;
        Ok(Self { cargo_lambda: cargo_lambda.to_owned(), root, target: target.into() })
    }

    /// Where functions are, each in a folder of its own.
    pub fn folder(&self, architecture: Architecture, profile: Profile) -> PathBuf {
        self.target.join("binaries").join(architecture.words()).join(profile.name())
    }

    /// Builds functions; answers with their folder.
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
        // Its zig may be beside it.
        if let Some(beside) =
            self.cargo_lambda.parent().filter(|folder| !folder.as_os_str().is_empty())
        {
            let path = Environment.optional("PATH").unwrap_or_default();
            let folders = std::iter::once(beside.to_owned()).chain(std::env::split_paths(&path));
            build.env("PATH", std::env::join_paths(folders)?);
        }
        // As SAM names them: features are those of the workspace's default members together.
        for function in functions {
            build.args(["--bin", function]);
        }
        let output = build.output()?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(
                format!("the build for {} failed: {complaint}", architecture.words()).into()
            );
        }
        Ok(folder)
    }
}

/// As SAM packs it.
pub fn zip_bytes(binary: &Path) -> Result<u64, Failure> {
    const PACK: &str = "import io, sys, zipfile; b = io.BytesIO(); \
        z = zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED); z.write(sys.argv[1], 'bootstrap'); \
        z.close(); print(len(b.getvalue()))";
    let binary = binary.to_str().ok_or("the binary's path is not Unicode")?;
    Ok(said("python3", &["-c", PACK, binary])?.parse()?)
}

/// What a program prints.
pub fn said(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} {}: {complaint}", arguments.join(" ")).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
