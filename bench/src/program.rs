//! Other programs, and what they print.

use std::process::Command;

/// Any error ends the measurement with its text.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a program and returns its trimmed standard output.
pub fn output_of(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} {}: {stderr}", arguments.join(" ")).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
