//! What a provider's code means, for persons.

use serde::Serialize;

/// The same words in both languages of the operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    pub en: &'static str,
    pub ko: &'static str,
}

/// A provider's code in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What the code means, as a sentence.
    pub meaning: Words,
    /// What an operator has to do.
    pub action: Words,
}
