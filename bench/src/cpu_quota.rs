//! A share of a processor, as Lambda gives it to a function: a control group with a quota.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::program::Failure;

/// With so much memory, Lambda gives a function one whole processor, and less in proportion to less
/// memory. Source: AWS Lambda Developer Guide, "Configure Lambda function memory".
pub const MEMORY_OF_ONE_PROCESSOR_MB: u32 = 1_769;
/// The quota applies to each period of this length.
const PERIOD_US: u32 = 20_000;

/// The control group. It is removed when it is dropped; its processes must have ended.
pub struct CpuQuota {
    folder: PathBuf,
}

impl CpuQuota {
    /// A group with the share of a function of this memory.
    pub fn of_memory(memory_mb: u32) -> Result<Self, Failure> {
        let name = format!("alimi-bench-{}-{memory_mb}", std::process::id());
        let quota_us = PERIOD_US * memory_mb / MEMORY_OF_ONE_PROCESSOR_MB;
        let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let parent = Path::new(if unified { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/cpu" });
        let group = Self { folder: parent.join(name) };
        let limits = if unified {
            vec![("cpu.max", format!("{quota_us} {PERIOD_US}"))]
        } else {
            vec![
                ("cpu.cfs_period_us", PERIOD_US.to_string()),
                ("cpu.cfs_quota_us", quota_us.to_string()),
            ]
        };
        let made = std::fs::create_dir(&group.folder);
        made.and_then(|()| {
            limits.iter().try_for_each(|(file, text)| std::fs::write(group.folder.join(file), text))
        })
        .map_err(|error| {
            let folder = group.folder.display();
            format!("no quota of a processor can be set at {folder} ({error}); run this as root")
        })?;
        Ok(group)
    }

    /// The file to which a process writes its id to join the group.
    pub fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// The time for which the group's threads had to wait for their next period.
    pub fn throttled(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(self.folder.join("cpu.stat"))?;
        stat.lines()
            .find_map(|line| {
                let (name, value) = line.split_once(' ')?;
                match name {
                    "throttled_usec" => value.parse().ok().map(Duration::from_micros),
                    "throttled_time" => value.parse().ok().map(Duration::from_nanos),
                    _ => None,
                }
            })
            .ok_or_else(|| "the group reports no throttled time".into())
    }
}

impl Drop for CpuQuota {
    fn drop(&mut self) {
        // The processes of the group were killed a moment ago.
        #[expect(clippy::disallowed_methods, reason = "the measurement has ended")]
        for _ in 0..50 {
            if std::fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
