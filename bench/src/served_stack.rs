//! The local stack in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::bed::CATALOG;
use crate::program::Failure;

/// A running `serve`. It is killed when the value is dropped.
pub struct ServedStack {
    pub api_url: String,
    pub provider_url: String,
    pub database_url: String,
    process: Child,
    /// The catalog file of the stack.
    catalog: PathBuf,
}

impl ServedStack {
    /// Builds the program as `cargo xtask serve` does, and runs it on free ports with the example's
    /// catalog, whose channel gets this limit.
    pub fn start(per_second: u32) -> Result<Self, Failure> {
        let catalog = std::env::temp_dir().join(format!("alimi-bench-{}.yaml", std::process::id()));
        let text = CATALOG.replacen("per_second: 40", &format!("per_second: {per_second}"), 1);
        std::fs::write(&catalog, text)?;
        let mut process = command(&catalog).spawn()?;
        let stdout = process.stdout.take().ok_or("the stack has no output")?;
        let mut stack = Self {
            api_url: String::new(),
            provider_url: String::new(),
            database_url: String::new(),
            process,
            catalog,
        };
        stack.read_addresses(stdout)?;
        Ok(stack)
    }

    /// Reads the lines that the program prints when it is ready.
    fn read_addresses(&mut self, stdout: ChildStdout) -> Result<(), Failure> {
        let mut lines = BufReader::new(stdout).lines();
        for line in &mut lines {
            let line = line?;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["API", url] => url.clone_into(&mut self.api_url),
                ["simulated", "provider", page, ..] => {
                    page.trim_end_matches("/_sim").clone_into(&mut self.provider_url);
                }
                ["DynamoDB", url] => url.clone_into(&mut self.database_url),
                ["Ctrl-C", ..] => {
                    // A program whose output nobody reads would block.
                    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
                    return Ok(());
                }
                _ => {}
            }
        }
        Err("the stack ended before it was ready; its error is above".into())
    }

    /// The memory of the process, in MiB.
    pub fn memory_mib(&self) -> Result<f64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let kib: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next())
            .ok_or("the stack has ended")?
            .parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for ServedStack {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
        let _removed = std::fs::remove_file(&self.catalog);
    }
}

/// Cargo replaces itself with the program that it runs, so the process is the program.
fn command(catalog: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Cargo sets these for the benchmark, and some build scripts would run again because of them.
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["run", "--quiet", "-p", "alimi-local", "--", "serve"])
        .args(["--port", "0", "--provider-port", "0", "--database-port", "0", "--catalog"])
        .arg(catalog)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    cargo
}
