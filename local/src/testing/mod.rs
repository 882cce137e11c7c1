//! The worlds, audits and meters of tests and benchmarks.

pub mod audit;
pub mod crash_point;
pub mod database_usage;
pub mod recording_meter;
pub mod sample_bed;
pub mod sample_case;
pub mod sample_cases;
pub mod sample_events;
pub mod world;
