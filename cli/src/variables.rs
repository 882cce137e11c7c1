//! The environment's variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The environment's variables, as the program began with them.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The variables of this process. A variable that is no UTF-8 is left out.
    #[must_use]
    pub fn of_this_process() -> Self {
        let texts = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self(texts.collect())
    }

    /// A variable's value; `None` if it is not set or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    /// Whether the person reads Korean.
    pub(crate) fn asks_for_korean(&self) -> bool {
        let language = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| self.get(name));
        language.is_some_and(|language| language.starts_with("ko"))
    }

    /// The file with the profiles; `None` if no variable names the user's folder.
    pub(crate) fn profiles_file(&self) -> Option<PathBuf> {
        let folder = self.get("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| {
            let home = self.get("HOME").or_else(|| self.get("USERPROFILE"))?;
            Some(PathBuf::from(home).join(".config"))
        });
        Some(folder?.join("alimi").join("config.toml"))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
