//! What operators may change, what the console refuses, and what each answer says.

mod audience_files;
mod channels;
mod deletions;
mod discards;
mod documents;
mod dry_run;
mod hours;
mod interrupted_uploads;
mod operator;
mod parts;
mod preconditions;
mod preview;
mod schedules;
mod teachers;
mod uploads;
mod validation;
