//! What operators may change, what the console refuses, and what each answer says.

mod audience_files;
mod audit;
mod channel_settings;
mod channels;
mod deletions;
mod discards;
mod documents;
mod dry_run;
mod hours;
mod inspection;
mod interrupted_uploads;
pub mod operator;
mod parts;
mod preconditions;
mod preview;
mod producers;
mod receipt_secrets;
mod schedules;
pub mod teachers;
mod template_contents;
mod uploaded_files;
mod uploads;
mod validation;
