//! The notifications table is restored to an earlier time. The console reviews what may have left
//! since then, and nothing is sent twice.

mod accident;
mod refusals;
mod review;
mod runs;
mod table;
mod unsent;
mod work;
