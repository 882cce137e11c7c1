//! Watches over what the functions leave behind.

mod dead_letters;

pub use dead_letters::{CollectDeadLetters, Collected};
