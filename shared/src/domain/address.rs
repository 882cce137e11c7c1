//! Where a message goes: an address, by kind.

use serde::{Deserialize, Serialize};

use super::content::ChannelType;
use super::field_error::FieldError;
use super::phone::PhoneNumber;

/// One address of a person. Its kind follows from the channel type of the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    Phone(PhoneNumber),
}

/// The addresses of a person that a request or an audience's member brings along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    pub phone: Option<PhoneNumber>,
}

impl Addresses {
    /// The address that a message of this channel type goes to.
    ///
    /// # Errors
    /// Names the field of the address that is missing.
    pub fn of(&self, channel_type: ChannelType) -> Result<Address, FieldError> {
        match channel_type {
            ChannelType::Alimtalk | ChannelType::Sms | ChannelType::Lms => {
                let phone = self.phone.clone().map(Address::Phone);
                phone.ok_or_else(|| {
                    let detail = format!(
                        "is missing; must be a phone number, because the message goes out as {}",
                        channel_type.as_str()
                    );
                    FieldError::new("to.phone", detail)
                })
            }
        }
    }
}

impl Address {
    /// The request's field that holds an address of this kind.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Phone(_) => "to.phone",
        }
    }

    /// Whether a channel's list of permitted addresses (`only_to`) holds this address. The list
    /// holds addresses as people write them.
    #[must_use]
    pub fn is_in(&self, permitted: &[String]) -> bool {
        match self {
            Self::Phone(phone) => permitted.iter().any(|text| {
                PhoneNumber::try_from(text.clone()).is_ok_and(|permitted| permitted == *phone)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> PhoneNumber {
        PhoneNumber::try_from(text.to_owned()).expect("a phone number")
    }

    #[test]
    fn a_text_message_needs_a_phone_number() {
        let none = Addresses::default();
        assert_eq!(none.of(ChannelType::Sms).expect_err("no address").field, "to.phone");
        let some = Addresses { phone: Some(phone("010-9001-0000")) };
        assert_eq!(some.of(ChannelType::Sms), Ok(Address::Phone(phone("+821090010000"))));
    }

    #[test]
    fn a_permitted_number_is_recognised_in_any_spelling() {
        let address = Address::Phone(phone("010-9001-0000"));
        assert!(address.is_in(&["+82 10 9001 0000".to_owned()]));
        assert!(!address.is_in(&["010-9001-0001".to_owned()]));
        assert!(!address.is_in(&[]));
    }
}
