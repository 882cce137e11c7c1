//! The file with the profiles: where the stacks are, and who the caller is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use alimi::http::{Unreadable, deserialize_strictly};
use secrecy::SecretString;
use serde::Deserialize;

use crate::failure::Failure;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    /// The profile that is used if none is named.
    #[serde(default)]
    pub(crate) default: Option<String>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) url: String,
    /// An API key. With it, no AWS credentials are used.
    #[serde(default)]
    pub(crate) key: Option<SecretString>,
    /// The AWS CLI's profile whose credentials sign the requests.
    #[serde(rename = "aws_profile", default)]
    pub(crate) aws: Option<String>,
    /// The API's AWS region, if the URL does not show it.
    #[serde(default)]
    pub(crate) region: Option<String>,
}

/// Without the key.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Profiles {
    /// Reads the file. Without a file there are no profiles.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(Failure::usage(format!("{}: {error}", file.display()))),
        };
        let profiles = Self::parse(&text);
        profiles.map_err(|fault| Failure::usage(format!("{}: {fault}", file.display())))
    }

    /// A fault never quotes the file, which has keys.
    fn parse(text: &str) -> Result<Self, String> {
        let document = toml::Deserializer::parse(text).map_err(|error| not_toml(text, &error))?;
        deserialize_strictly(document).map_err(|unreadable| match unreadable {
            Unreadable::Fault(error) => error.to_string(),
            Unreadable::Malformed(error) => not_toml(text, &error),
        })
    }

    /// The profile of this name, or else the default one, or else the only one.
    pub(crate) fn choose(self, name: Option<&str>) -> Result<Option<(String, Profile)>, Failure> {
        let Self { default, mut profiles } = self;
        let known = profiles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let Some(name) = name.map(str::to_owned).or(default) else {
            return match profiles.len() {
                0 | 1 => Ok(profiles.pop_first()),
                _ => Err(Failure::usage(format!(
                    "there are several profiles, and none is the default; give --profile with one \
                     of: {known}"
                ))),
            };
        };
        match profiles.remove(&name) {
            Some(profile) => Ok(Some((name, profile))),
            None if known.is_empty() => {
                Err(Failure::usage(format!("there is no profile {name:?}, and no other one")))
            }
            None => {
                Err(Failure::usage(format!("there is no profile {name:?}; there are: {known}")))
            }
        }
    }
}

fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {} is not TOML", before.matches('\n').count() + 1),
        None => "it is not TOML".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const TWO: &str = "[profiles.live]\nurl = \"https://a.example\"\naws_profile = \"ops\"\n\
                       [profiles.shop]\nurl = \"https://b.example\"\nkey = \"ak_1_s\"\n";

    fn choose(text: &str, name: Option<&str>) -> Result<Option<(String, Profile)>, Failure> {
        Profiles::parse(text).expect("profiles").choose(name)
    }

    #[test]
    fn a_profile_is_chosen_by_name_or_by_default_or_because_it_is_the_only_one() {
        let (name, profile) = choose(TWO, Some("shop")).expect("a choice").expect("a profile");
        assert_eq!((name.as_str(), profile.url.as_str()), ("shop", "https://b.example"));
        assert_eq!(profile.key.expect("a key").expose_secret(), "ak_1_s");
        let with_default = format!("default = \"live\"\n{TWO}");
        assert_eq!(choose(&with_default, None).expect("a choice").expect("a profile").0, "live");
        let one = "[profiles.only]\nurl = \"https://c.example\"\n";
        assert_eq!(choose(one, None).expect("a choice").expect("a profile").0, "only");
        assert!(choose("", None).expect("a choice").is_none());
    }

    #[test]
    fn a_choice_that_is_not_clear_names_the_profiles() {
        let several = choose(TWO, None).expect_err("no choice").to_string();
        assert!(several.contains("live, shop"), "{several}");
        let missing = choose(TWO, Some("test")).expect_err("no choice").to_string();
        assert!(missing.contains("\"test\"; there are: live, shop"), "{missing}");
    }

    #[test]
    fn a_fault_in_the_file_is_named_by_its_path_or_line_and_never_quotes_a_key() {
        for (text, expected) in [
            (TWO.replace("key", "kye"), "profiles.shop.kye: is an unknown field"),
            (TWO.replace("\"ak_1_s\"", "ak_1_s"), "line 6 is not TOML"),
            (TWO.replace("\"ak_1_s\"", "[\"ak_1_s\"]"), "profiles.shop.key: must be a string"),
            ("profiles.shop = \"ak_1_s\"".to_owned(), "profiles.shop: must be an object"),
            ("key = \"ak_1_s\"".to_owned(), "key: is an unknown field"),
        ] {
            let fault = Profiles::parse(&text).err().expect("a fault");
            assert!(fault.starts_with(expected), "{fault}");
            assert!(!fault.contains("ak_1_s"), "{fault}");
        }
    }

    #[test]
    fn a_profile_that_is_printed_for_debugging_shows_no_key() {
        let (_, profile) = choose(TWO, Some("shop")).expect("a choice").expect("a profile");
        assert!(!format!("{profile:?}").contains("ak_1"), "{profile:?}");
    }
}
