//! Which stack a command is for, and who the caller is.

use secrecy::SecretString;

use crate::failure::Failure;
use crate::profiles::{Profile, Profiles};
use crate::variables::Variables;

#[derive(Debug)]
pub(crate) struct Target {
    /// The profile's name, or else the URL.
    pub(crate) name: String,
    /// Without a slash at its end.
    pub(crate) url: String,
    pub(crate) caller: Caller,
}

/// How the caller shows who it is.
#[derive(Debug)]
pub(crate) enum Caller {
    /// A stack on this machine asks nobody.
    Nobody,
    /// The owner of an API key, which is a producer.
    Key(SecretString),
    /// An IAM role or user, which signs its requests.
    Aws {
        /// The AWS CLI's profile; `None` for its usual choice.
        profile: Option<String>,
        region: String,
    },
}

impl Target {
    /// A URL comes from `--url` or `ALIMI_URL`, and else from a profile. The credentials of a profile
    /// are for its own URL only, and `ALIMI_KEY` is for `ALIMI_URL` only.
    pub(crate) fn find(
        profile: Option<&str>,
        url: Option<&str>,
        variables: &Variables,
    ) -> Result<Self, Failure> {
        if profile.is_some() && url.is_some() {
            return Err(Failure::usage("give --profile or --url, not both"));
        }
        let given = url.or_else(|| variables.get("ALIMI_URL").filter(|_| profile.is_none()));
        if let Some(given) = given {
            let key = variables.get("ALIMI_KEY").map(SecretString::from);
            let is_for_another = variables.get("ALIMI_URL").is_some_and(|own| own != given);
            if key.is_some() && is_for_another {
                return Err(Failure::usage(
                    "ALIMI_KEY is for the stack of ALIMI_URL, and --url names another one; unset \
                     ALIMI_KEY, or use a profile",
                ));
            }
            let given = Profile { url: given.to_owned(), key, aws: None, region: None };
            return Self::new(given.url.clone(), given, variables);
        }
        let profiles = match variables.profiles_file() {
            Some(file) => Profiles::read(&file)?,
            None => Profiles::default(),
        };
        let named = profile.or_else(|| variables.get("ALIMI_PROFILE"));
        match profiles.choose(named)? {
            Some((name, profile)) => Self::new(name, profile, variables),
            None => Err(Failure::usage(
                "no stack is named; set ALIMI_URL to the API's address, or write a profile into \
                 ~/.config/alimi/config.toml",
            )),
        }
    }

    fn new(name: String, profile: Profile, variables: &Variables) -> Result<Self, Failure> {
        let Profile { url, key, aws, region } = profile;
        let is_local = check_url(&url)?;
        let caller = match (key, aws) {
            (Some(_), Some(_)) => {
                let text = format!("profile {name}: give key or aws_profile, not both");
                return Err(Failure::usage(text));
            }
            (Some(key), None) => Caller::Key(key),
            (None, None) if is_local => Caller::Nobody,
            (None, profile) => {
                let named = ["AWS_REGION", "AWS_DEFAULT_REGION"];
                let region = region.or_else(|| region_in(&url).map(str::to_owned)).or_else(|| {
                    named.iter().find_map(|name| variables.get(name)).map(str::to_owned)
                });
                let region = region.ok_or_else(|| {
                    Failure::usage(format!(
                        "the AWS region of {url} is not known; set AWS_REGION, or `region` in the \
                         profile"
                    ))
                })?;
                Caller::Aws { profile, region }
            }
        };
        Ok(Self { name, url: url.trim_end_matches('/').to_owned(), caller })
    }

    /// Whether the caller sees its own notifications only.
    pub(crate) fn is_producer(&self) -> bool {
        matches!(self.caller, Caller::Key(_))
    }

    /// Whether requests leave this machine.
    pub(crate) fn is_remote(&self) -> bool {
        self.url.starts_with("https:")
    }
}

/// Checks an address of an API. Returns whether it is a plain one on this machine.
fn check_url(text: &str) -> Result<bool, Failure> {
    let wrong = |must: &str| Failure::usage(format!("the URL {text:?} {must}"));
    let must_be = "must be the API's address, such as https://abc.execute-api.REGION.amazonaws.com";
    let url = reqwest::Url::parse(text).map_err(|_| wrong(must_be))?;
    let host = url.host_str().ok_or_else(|| wrong(must_be))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Failure::usage("the URL must have no user name and no password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must end with the path, without `?` and `#`"));
    }
    match url.scheme() {
        "https" => Ok(false),
        "http" if is_loopback(host) => Ok(true),
        "http" => Err(wrong("must begin with https://, because it is not on this machine")),
        _ => Err(wrong(must_be)),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The region in the name of API Gateway's own host.
fn region_in(url: &str) -> Option<&str> {
    let (_, after) = url.split_once(".execute-api.")?;
    let (region, rest) = after.split_once('.')?;
    rest.starts_with("amazonaws.com").then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: &str = "https://abc.execute-api.ap-northeast-2.amazonaws.com";

    fn find(
        profile: Option<&str>,
        url: Option<&str>,
        variables: &[(&str, &str)],
    ) -> Result<Target, String> {
        let variables = variables.iter().copied().collect();
        Target::find(profile, url, &variables).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_region_is_the_one_in_the_address_whatever_the_environment_says() {
        let target = find(None, Some(GATEWAY), &[("AWS_REGION", "us-east-1")]).expect("a target");
        let Caller::Aws { region, profile: None } = target.caller else { panic!("{target:?}") };
        assert_eq!(region, "ap-northeast-2");
        let own = "https://notify.example";
        let target = find(None, Some(own), &[("AWS_DEFAULT_REGION", "eu-west-1")]).expect("one");
        let Caller::Aws { region, .. } = target.caller else { panic!("{target:?}") };
        assert_eq!(region, "eu-west-1");
        let unknown = find(None, Some(own), &[]).expect_err("no region");
        assert!(unknown.contains("set AWS_REGION"), "{unknown}");
    }

    #[test]
    fn nothing_is_sent_in_the_clear_but_to_this_machine() {
        for url in ["http://notify.example", "http://10.0.0.1:9700", "http://127.0.0.1.example"] {
            let refused = find(None, Some(url), &[]).expect_err(url);
            assert!(refused.contains("must begin with https://"), "{refused}");
        }
        for url in ["http://127.0.0.1:9700/", "http://localhost:9700", "http://[::1]:9700"] {
            let target = find(None, Some(url), &[]).expect(url);
            assert!(matches!(target.caller, Caller::Nobody), "{target:?}");
            assert!(!target.url.ends_with('/'));
        }
        for url in ["notify.example", "ftp://notify.example", "https://a.example?x=1", ""] {
            assert!(find(None, Some(url), &[]).is_err(), "{url}");
        }
        let secret = find(None, Some("https://user:hidden@a.example"), &[]).expect_err("a secret");
        assert!(!secret.contains("hidden"), "{secret}");
    }

    #[test]
    fn a_key_goes_to_the_stack_that_it_is_for_and_to_no_other() {
        let variables = [("ALIMI_URL", GATEWAY), ("ALIMI_KEY", "ak_1_s")];
        let target = find(None, None, &variables).expect("a target");
        assert!(target.is_producer());
        assert!(!format!("{target:?}").contains("ak_1_s"), "{target:?}");
        let other = find(None, Some("https://b.example"), &variables).expect_err("another stack");
        assert!(other.contains("ALIMI_KEY is for"), "{other}");
        // A profile has its own credentials.
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("alimi");
        std::fs::create_dir(&file).expect("a folder");
        let text = "[profiles.live]\nurl = \"https://c.example\"\nregion = \"eu-west-1\"\n";
        std::fs::write(file.join("config.toml"), text).expect("a file");
        let home = folder.path().to_str().expect("a path");
        let with_profile = [variables[0], variables[1], ("XDG_CONFIG_HOME", home)];
        let target = find(Some("live"), None, &with_profile).expect("a target");
        assert_eq!((target.name.as_str(), target.url.as_str()), ("live", "https://c.example"));
        assert!(matches!(target.caller, Caller::Aws { profile: None, .. }), "{target:?}");
        let both = find(Some("live"), Some(GATEWAY), &with_profile).expect_err("both");
        assert!(both.contains("not both"), "{both}");
    }

    #[test]
    fn without_a_stack_the_command_says_how_to_name_one() {
        let text = find(None, None, &[]).expect_err("no stack");
        assert!(text.contains("set ALIMI_URL"), "{text}");
    }
}
