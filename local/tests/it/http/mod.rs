//! Requests of producers and providers: what is stored, what is refused with the field at fault, and
//! whom a message belongs to.

mod bulk;
mod idempotency;
mod notifications;
mod one_key;
mod problems;
mod producers;
mod queued_receipts;
mod requests;
mod sequences;
mod steps;
mod wakes;
mod webhook;
mod webhook_callers;
