//! The networks that a channel's receipts come from.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

/// The most networks of a channel.
pub(super) const RECEIPT_SOURCES_MAX: usize = 32;

/// Reads the list of a channel. The errors say how to write a network.
pub(super) fn networks<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<IpNet>>, D::Error> {
    let networks = Option::<Vec<Network>>::deserialize(deserializer)?;
    Ok(networks.map(|networks| networks.into_iter().map(|network| network.0).collect()))
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Network(IpNet);

impl TryFrom<String> for Network {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self).map_err(|_| {
            "must be a network such as 203.0.113.0/24; a single address ends in /32, or in /128 if \
             it is an IPv6 address"
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Option<Vec<IpNet>>, String> {
        networks(value).map_err(|error: serde_json::Error| error.to_string())
    }

    #[test]
    fn networks_are_read_as_operators_write_them() {
        let written = json!(["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32"]);
        let read_networks = read(written.clone()).expect("networks");
        assert_eq!(serde_json::to_value(read_networks).expect("JSON"), written);
        assert_eq!(read(Value::Null), Ok(None));
    }

    #[test]
    fn the_error_of_a_malformed_network_says_how_to_write_one() {
        for text in ["203.0.113.7", "203.0.113.0/33", "provider.example", ""] {
            let error = read(json!([text])).expect_err("an error");
            assert!(error.starts_with("must be a network such as 203.0.113.0/24"), "{error}");
        }
    }
}
