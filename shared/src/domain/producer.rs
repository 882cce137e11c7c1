//! Producers: the services that ask for messages. What they store belongs to them by name, so a
//! role that is created again, or a key that is replaced, changes nothing.

use serde::{Deserialize, Serialize};

use super::api_key::ApiKey;
use super::field_error::FieldError;
use super::name::{MUST_BE_A_NAME, is_name};
use super::priority::Priority;
use super::quota::DailyQuota;

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
    /// The service's API keys. The server sets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<ApiKey>,
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
    /// How many notifications it may ask for on each day; without a limit if left out. Those of
    /// schedules do not count: operators ask for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<DailyQuota>,
    /// How many requests that store something it may make in a second; as many as API Gateway takes
    /// if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
}

impl Grants {
    /// The most that `requests_per_second` may be: every such request writes one row, and DynamoDB
    /// takes 1,000 writes of a row in a second.
    pub const REQUESTS_PER_SECOND_MAX: u32 = 1_000;

    fn faults(&self) -> Vec<FieldError> {
        let quota = self.quota.as_ref().map(DailyQuota::faults).unwrap_or_default();
        let rate = self.requests_per_second.unwrap_or(1);
        let max = Self::REQUESTS_PER_SECOND_MAX;
        quota
            .into_iter()
            .map(|fault| fault.within("quota"))
            .chain(FieldError::unless(
                (1..=max).contains(&rate),
                "requests_per_second",
                format!("is {rate}; must be 1 to {max}"),
            ))
            .collect()
    }
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
            .chain(self.grants.faults().into_iter().map(|fault| fault.within("grants")))
            .collect()
    }

    /// Whether the producer may ask for a message.
    ///
    /// # Errors
    /// Names the field that its grants do not allow.
    pub fn may_ask_for(&self, template: &str, priority: Priority) -> Result<(), FieldError> {
        let Grants { templates, priority_min, quota: _, requests_per_second: _ } = &self.grants;
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
                ..Grants::default()
            },
            keys: vec![],
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
                keys: vec![],
            };
            let fields: Vec<_> = faulty.faults().into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, [field]);
        }
    }

    #[test]
    fn each_fault_of_a_grant_is_named_by_its_path() {
        let fault = |grants: Grants| {
            let faults = Producer { grants, ..producer() }.faults();
            faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        let quota = |notifications_per_day, timezone: &str| {
            let timezone = timezone.to_owned();
            Some(DailyQuota { notifications_per_day, timezone })
        };
        for (quota, expected) in [
            (quota(1, "Asia/Seoul"), None),
            (quota(0, "Asia/Seoul"), Some("grants.quota.notifications_per_day")),
            (quota(1, "Seoul"), Some("grants.quota.timezone")),
        ] {
            let found = fault(Grants { quota, ..Grants::default() });
            assert_eq!(found.first().map(String::as_str), expected);
        }
        for (rate, is_refused) in [(0, true), (1, false), (1_000, false), (1_001, true)] {
            let grants = Grants { requests_per_second: Some(rate), ..Grants::default() };
            assert_eq!(fault(grants) == ["grants.requests_per_second"], is_refused, "{rate}");
        }
    }
}
