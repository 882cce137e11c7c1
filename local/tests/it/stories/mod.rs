//! Stories of users, against the whole stack.

mod asking;
mod brief_troubles;
mod cancelled_sequences;
mod departure_checks;
mod fallback_steps;
mod pace;
mod producer;
mod provider_failures;
mod real_time;
mod receipts;
mod rendering;
mod sequence_rules;
mod sequences;
mod steps;
mod steps_of_several;
mod text_messages;
mod timing;
mod unusable_rows;
