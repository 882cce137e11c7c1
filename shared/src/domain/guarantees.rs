//! What a provider guarantees about the messages that it takes.

use jiff::SignedDuration;

use super::delivery_policy::Confirmation;
use super::field_error::FieldError;

/// A provider's guarantees, as its adapter states them from the provider's documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarantees {
    /// The provider's name, for error texts.
    pub provider: &'static str,
    /// The provider sends receipts, and only a receipt says that a message was delivered. Without
    /// receipts, acceptance counts as delivery.
    pub sends_receipts: bool,
    /// The provider sends each message once, however often it is asked with the same reference key.
    /// An attempt whose outcome is unknown may then be repeated.
    pub deduplicates: bool,
    /// [`Provider::ask`](crate::ports::Provider::ask) can find out what became of a message.
    pub can_be_asked: bool,
    /// The shortest wait between two attempts at one message that the provider's documents ask for.
    pub retry_wait_min: SignedDuration,
}

impl Guarantees {
    /// What is wrong with how a channel's messages are to be confirmed.
    #[must_use]
    pub fn confirmation_fault(&self, confirmation: Confirmation) -> Option<FieldError> {
        let provider = self.provider;
        let must = match (confirmation, self.sends_receipts) {
            (Confirmation::Receipt { .. }, true) | (Confirmation::Acceptance, false) => {
                return None;
            }
            (Confirmation::Acceptance, true) => {
                format!("must be receipt: {provider}'s acceptance says nothing about delivery")
            }
            (Confirmation::Receipt { .. }, false) => {
                format!("must be acceptance: {provider} sends no receipts")
            }
        };
        Some(FieldError::new("confirmation.by", must))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_confirmed_as_its_provider_can() {
        let with = |sends_receipts| Guarantees {
            provider: "the provider",
            sends_receipts,
            deduplicates: false,
            can_be_asked: false,
            retry_wait_min: SignedDuration::ZERO,
        };
        let receipt = Confirmation::default();
        assert_eq!(with(true).confirmation_fault(receipt), None);
        assert_eq!(with(false).confirmation_fault(Confirmation::Acceptance), None);
        for fault in [
            with(false).confirmation_fault(receipt),
            with(true).confirmation_fault(Confirmation::Acceptance),
        ] {
            assert_eq!(fault.expect("a fault").field, "confirmation.by");
        }
    }
}
