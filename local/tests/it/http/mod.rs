//! Requests of producers and providers: what is stored, what is refused with the field at fault, and
//! whom a message belongs to.

mod audit;
mod bulk;
mod idempotency;
mod lists;
mod notifications;
mod one_key;
mod problem_page;
mod problems;
mod producers;
mod queued_receipts;
pub mod requests;
mod sequences;
mod steps;
mod wakes;
mod webhook;
mod webhook_callers;
