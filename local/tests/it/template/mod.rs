//! What holds for all of template.yaml, whatever is added to it.

mod access;
mod alarms;
mod functions;
mod parameters;
mod queues_and_tables;
mod reading;
