//! Each time of a schedule runs exactly once. The scheduler fires at least once, and a run may
//! crash, repeat, start late or meet changed data.

mod by_hand;
mod continuations;
mod crashes;
mod daily;
mod edits;
mod ends;
mod exactly_once;
mod failures;
mod invalid_members;
mod members;
mod missed;
mod overlaps;
mod pace;
mod planner;
mod shared_pace;
