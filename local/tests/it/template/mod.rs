//! What holds for all of template.yaml, whatever is added to it.

mod access;
mod alarms;
mod domain;
mod files;
mod functions;
mod parameters;
mod queues_and_tables;
mod reading;
mod roles;
mod small_account;
