//! Producers: the services that ask for messages. What they store belongs to them by name, so a
//! role that is created again, or a key that is replaced, changes nothing.

use serde::{Deserialize, Serialize};

use super::field_error::FieldError;
use super::name::{MUST_BE_A_NAME, is_name};
use super::priority::Priority;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producer {
    /// Unique in the stack. Its notifications carry it as their owner.
    #[serde(default)]
    pub name: String,
    /// The names of the IAM roles and users that the service signs its requests with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<String>,
    /// What the service may ask for: by default, all templates and priorities.
    #[serde(default)]
    pub grants: Grants,
}

/// What a producer may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// The templates that it may use; all of them if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub templates: Option<Vec<String>>,
    /// The lowest priority number that it may ask for. With 1 it may not send real-time messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_min: Option<Priority>,
}

impl Producer {
    /// The name of the producer that Alimi's own notifications belong to.
    pub const ALIMI: &str = "alimi";
    /// The owner of a run's notifications whose schedule names no producer.
    pub const SCHEDULES: &str = "schedules";

    /// What has to be changed before the producer can be saved.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let reserved = [Self::ALIMI, Self::SCHEDULES].contains(&self.name.as_str());
        let principals = self.principals.iter().enumerate().filter(|(_, name)| !is_principal(name));
        FieldError::unless(is_name(&self.name), "name", MUST_BE_A_NAME)
            .into_iter()
            .chain(FieldError::unless(
                !reserved,
                "name",
                format!("is {:?}, which Alimi uses itself; must be another name", self.name),
            ))
            .chain(principals.map(|(index, _)| {
                FieldError::new(
                    format!("principals[{index}]"),
                    "must be the name of an IAM role or user: 1 to 64 letters, digits and +=,.@_-",
                )
            }))
            .collect()
    }

    /// Whether the producer may ask for a message.
    ///
    /// # Errors
    /// Names the field that its grants do not allow.
    pub fn may_ask_for(&self, template: &str, priority: Priority) -> Result<(), FieldError> {
        let Grants { templates, priority_min } = &self.grants;
        if templates.as_ref().is_some_and(|granted| granted.iter().all(|name| name != template)) {
            let detail = format!("is {template:?}; your service is not granted this template");
            return Err(FieldError::new("template", detail));
        }
        match priority_min {
            Some(min) if priority < *min => {
                let detail = format!("is {}; your service must use {} or more", priority.0, min.0);
                Err(FieldError::new("priority", detail))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// What IAM allows in the name of a role or a user.
fn is_principal(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn producer() -> Producer {
        Producer {
            name: "shop".into(),
            principals: vec!["shop-role".into()],
            grants: Grants {
                templates: Some(vec!["order".into()]),
                priority_min: Some(Priority(1)),
            },
        }
    }

    #[test]
    fn a_producer_asks_for_what_it_is_granted_only() {
        let producer = producer();
        assert_eq!(producer.may_ask_for("order", Priority(1)), Ok(()));
        let fields = [
            producer.may_ask_for("other", Priority(1)),
            producer.may_ask_for("order", Priority(0)),
        ]
        .map(|refused| refused.expect_err("refused").field);
        assert_eq!(fields, ["template", "priority"]);
        let free = Producer { grants: Grants::default(), ..producer };
        assert_eq!(free.may_ask_for("other", Priority::REAL_TIME), Ok(()));
    }

    #[test]
    fn each_fault_of_a_producer_is_named_by_its_field() {
        assert_eq!(producer().faults(), []);
        for (name, principal, field) in [
            ("A b", "role", "name"),
            ("alimi", "role", "name"),
            ("schedules", "role", "name"),
            ("shop", "arn:aws:iam::1:role/shop", "principals[0]"),
            ("shop", "", "principals[0]"),
        ] {
            let faulty = Producer {
                name: name.into(),
                principals: vec![principal.into()],
                grants: Grants::default(),
            };
            let fields: Vec<_> = faulty.faults().into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, [field]);
        }
    }
}
