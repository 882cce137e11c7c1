//! Measures a step's cost: wall-clock seconds and processor seconds, with compiling counted apart.

use std::time::{Duration, Instant};

/// The kind of work that a step is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The step runs compilers and linkers.
    Compiling,
    /// The step runs programs that need no compiling, or were compiled before.
    Checking,
}

/// Wall-clock time and processor time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub wall: Duration,
    /// Includes this process and its descendants that have ended. Containers are not counted,
    /// because the Docker engine starts them.
    pub processor: Duration,
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { wall: self.wall + other.wall, processor: self.processor + other.processor }
    }
}

/// The cost of a step so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCost {
    pub compiling: Cost,
    /// Everything except compiling.
    pub checking: Cost,
}

impl StepCost {
    pub fn all(&self) -> Cost {
        self.compiling + self.checking
    }

    /// Runs `act` and adds its cost to this kind of work.
    #[expect(clippy::disallowed_methods, reason = "no test waits for this time to pass")]
    pub fn measure<T>(&mut self, work: Work, act: impl FnOnce() -> T) -> T {
        let (start, before) = (Instant::now(), processor_time());
        let result = act();
        let processor = processor_time().saturating_sub(before);
        let cost = Cost { wall: start.elapsed(), processor };
        let sum = match work {
            Work::Compiling => &mut self.compiling,
            Work::Checking => &mut self.checking,
        };
        *sum = *sum + cost;
        result
    }

    /// One line of milliseconds. A step writes it for the gate, which runs in another process.
    pub fn to_line(self) -> String {
        let costs = [self.compiling, self.checking];
        let spans = costs.iter().flat_map(|cost| [cost.wall, cost.processor]);
        spans.map(|span| span.as_millis().to_string()).collect::<Vec<_>>().join(" ")
    }

    /// Reads the text of [`Self::to_line`].
    pub fn from_line(line: &str) -> Option<Self> {
        let mut spans = line.split(' ').map(|word| word.parse().ok().map(Duration::from_millis));
        let mut cost = || Some(Cost { wall: spans.next()??, processor: spans.next()?? });
        Some(Self { compiling: cost()?, checking: cost()? })
    }
}

/// The processor time of this process and its descendants that have ended.
#[cfg(unix)]
fn processor_time() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeVal;

    let span = |time: TimeVal| {
        let micros = i128::from(time.tv_sec()) * 1_000_000 + i128::from(time.tv_usec());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    let of = |who| {
        getrusage(who)
            .map_or(Duration::ZERO, |usage| span(usage.user_time()) + span(usage.system_time()))
    };
    of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)
}

/// Only Unix reports the processor time of child processes.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    Duration::ZERO
}

/// The busy time and total time of all the machine's processors since it started, in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineTime {
    busy: u64,
    all: u64,
}

impl MachineTime {
    /// Reads the present times; `None` on systems other than Linux.
    pub fn now() -> Option<Self> {
        Self::read(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// Parses the first line of `/proc/stat`: ticks in user, nice, system, idle, iowait, irq,
    /// softirq and steal (proc(5)). User and nice already contain the ticks of guests.
    fn read(text: &str) -> Option<Self> {
        let ticks = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
        let ticks: Vec<u64> = ticks.map(|word| word.parse().unwrap_or(0)).collect();
        let all: u64 = ticks.iter().sum();
        let idle: u64 = ticks.get(3..5)?.iter().sum();
        Some(Self { busy: all - idle, all })
    }

    /// The share of processor time that the machine used since `before`, in percent.
    pub fn busy_percent_since(self, before: Self) -> u64 {
        // On Linux the iowait counter may decrease (proc(5)), so a difference may be below zero.
        let busy = self.busy.saturating_sub(before.busy);
        100 * busy / self.all.saturating_sub(before.all).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_cost_is_unchanged_after_writing_and_reading() {
        let cost = |wall, processor| Cost {
            wall: Duration::from_millis(wall),
            processor: Duration::from_millis(processor),
        };
        let step_cost = StepCost { compiling: cost(1, 2), checking: cost(30, 4) };
        assert_eq!(step_cost.to_line(), "1 2 30 4");
        assert_eq!(StepCost::from_line("1 2 30 4"), Some(step_cost));
        assert_eq!(StepCost::from_line("1 2 30"), None);
        assert_eq!(step_cost.all(), cost(31, 6));
    }

    #[cfg(unix)]
    #[test]
    fn processor_time_includes_child_processes() {
        let mut cost = StepCost::default();
        let busy = || {
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"]).status()
        };
        assert!(cost.measure(Work::Compiling, busy).expect("a shell").success());
        assert!(cost.compiling.processor > Duration::ZERO);
        assert_eq!(cost.checking, Cost::default());
    }

    #[test]
    fn waiting_for_a_disk_does_not_count_as_busy() {
        let before = MachineTime::read("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1").expect("ticks");
        let after = MachineTime::read("cpu  60 10 20 80 20 5 4 1 9 0\ncpu0 1").expect("ticks");
        assert_eq!(after.busy_percent_since(before), 80);
    }
}
