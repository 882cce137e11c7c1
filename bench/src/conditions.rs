//! The conditions of a measurement: when, where, of which commit, by which command.

use serde::{Deserialize, Serialize};

use crate::program::output_of;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Conditions {
    date: String,
    machine: String,
    commit: String,
    command: String,
    /// Only for the measurements that the compiler's version changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compiler: Option<String>,
}

impl Conditions {
    pub fn now(command: &str) -> Self {
        let output =
            |program: &str, arguments: &[&str]| output_of(program, arguments).unwrap_or_default();
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("unknown processor", |(_, name)| name.trim());
        // The measurements write the page and the figures in docs, so changes there do not count.
        let modified = output("git", &["status", "--porcelain", "--", ":/", ":(exclude,top)docs"]);
        let changed = if modified.is_empty() { "" } else { " and changes" };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            date: output("date", &["-u", "+%F %R UTC"]),
            machine: format!("{cores} shared cores of {model}, {}", output("uname", &["-sr"])),
            commit: output("git", &["rev-parse", "--short", "HEAD"]) + changed,
            command: command.to_owned(),
            compiler: None,
        }
    }

    pub fn with_compiler(self) -> Self {
        Self { compiler: output_of("rustc", &["--version"]).ok(), ..self }
    }

    /// One line of the page.
    pub fn describe(&self) -> String {
        let compiler = self.compiler.as_ref().map_or(String::new(), |name| {
            let pinned = if name.contains(&pinned_compiler()) {
                ""
            } else {
                ", not the pinned compiler, whose standard library for arm64 was not available"
            };
            format!(" · {name}{pinned}")
        });
        format!(
            "`{}` · {} · {} · commit {}{compiler}",
            self.command, self.date, self.machine, self.commit
        )
    }
}

/// The version in rust-toolchain.toml.
fn pinned_compiler() -> String {
    const TOOLCHAIN: &str = include_str!("../../rust-toolchain.toml");
    let channel = TOOLCHAIN.lines().find_map(|line| line.strip_prefix("channel = "));
    channel.unwrap_or_default().trim_matches('"').to_owned()
}
