//! Operators send messages again, and settle what became of them: one at a time and many at once.

mod bulk;
mod crash;
mod policies;
mod refusals;
mod sequences;
mod single;
mod work;
