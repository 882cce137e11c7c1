//! Providers behind the ports, one folder each. Adding one adds its folder, and its arm in
//! [`BuiltInAdapters`]; no other code names a provider.

mod bizppurio;
mod connect;
mod content_fault;
mod endpoints;
mod euc_kr;
mod http_client;
mod io;
mod kakao;
mod korean_text;
mod registry;
mod secret;
mod settings_reader;

use std::sync::Arc;

use self::bizppurio::BizppurioAdapter;
use crate::domain::{Channel, FieldError};
use crate::ports::{Adapter, Adapters};

pub use self::connect::Connect;
pub use self::endpoints::Endpoints;
pub use self::http_client::ReqwestHttp;
pub use self::io::ProviderIo;
pub use self::registry::Registry;
pub use self::secret::ChannelSecret;

const BIZPPURIO: &str = "bizppurio";

/// The kinds that a channel's `provider.kind` may name.
const KINDS: [&str; 1] = [BIZPPURIO];

/// The adapters of the providers in this folder.
#[derive(Clone, Debug)]
pub struct BuiltInAdapters {
    endpoints: Endpoints,
}

impl BuiltInAdapters {
    #[must_use]
    pub fn new(endpoints: Endpoints) -> Self {
        Self { endpoints }
    }

    /// The adapter of a channel's provider, which can connect the channel.
    ///
    /// # Errors
    /// What has to be changed in the channel's provider settings. The fields are paths in the
    /// channel's document, such as `provider.account`.
    pub fn connector(&self, channel: &Channel) -> Result<Arc<dyn Connect>, Vec<FieldError>> {
        let provider = &channel.provider;
        match provider.kind.as_str() {
            BIZPPURIO => Ok(Arc::new(BizppurioAdapter::new(&provider.settings, self.endpoints)?)),
            _ => Err(vec![unknown_kind()]),
        }
    }
}

fn unknown_kind() -> FieldError {
    let detail = format!("is an unknown kind of provider; must be one of: {}", KINDS.join(", "));
    FieldError::new("provider.kind", detail)
}

impl Adapters for BuiltInAdapters {
    fn adapter(&self, channel: &Channel) -> Result<Arc<dyn Adapter>, Vec<FieldError>> {
        let adapter = self.connector(channel)?;
        Ok(adapter)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::ChannelType;

    fn channel(provider: &Value) -> Channel {
        serde_json::from_value(json!({
            "name": "main", "provider": provider, "limit": { "per_second": 10 },
        }))
        .expect("a channel")
    }

    fn adapter(endpoints: Endpoints, provider: &Value) -> Result<Arc<dyn Adapter>, Vec<String>> {
        let adapter = BuiltInAdapters::new(endpoints).adapter(&channel(provider));
        adapter.map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn faults(endpoints: Endpoints, provider: &Value) -> Vec<String> {
        adapter(endpoints, provider).err().unwrap_or_default()
    }

    fn bizppurio() -> Value {
        json!({ "kind": "bizppurio", "account": "a", "from": "0212345678" })
    }

    #[test]
    fn a_channel_has_the_adapter_of_its_kind() {
        let adapter = adapter(Endpoints::ProvidersOwn, &bizppurio()).expect("an adapter");
        assert_eq!(adapter.sends(), [ChannelType::Alimtalk, ChannelType::Sms, ChannelType::Lms]);
        assert_eq!(adapter.guarantees().provider, "Bizppurio");
    }

    #[test]
    fn every_kind_that_is_named_as_known_has_an_adapter() {
        for kind in KINDS {
            let faults = faults(Endpoints::ProvidersOwn, &json!({ "kind": kind }));
            assert!(faults.iter().all(|fault| !fault.starts_with("provider.kind")), "{faults:?}");
        }
    }

    #[test]
    fn an_unknown_kind_is_refused_with_the_known_ones() {
        let provider = json!({ "kind": "Bizppurio", "account": "a", "from": "0212345678" });
        assert_eq!(
            faults(Endpoints::ProvidersOwn, &provider),
            ["provider.kind: is an unknown kind of provider; must be one of: bizppurio"]
        );
    }

    #[test]
    fn all_faults_of_the_settings_are_named() {
        let provider = json!({ "kind": "bizppurio", "from": "x", "base_url": "https://a.kr" });
        let faults = faults(Endpoints::ProvidersOwn, &provider);
        let fields: Vec<&str> =
            faults.iter().filter_map(|fault| fault.split(": ").next()).collect();
        assert_eq!(fields, ["provider.account", "provider.from", "provider.base_url"]);
    }

    #[test]
    fn an_endpoint_is_accepted_only_where_any_is_permitted() {
        let mut provider = bizppurio();
        provider["endpoint"] = "http://127.0.0.1:9001".into();
        assert_eq!(faults(Endpoints::Any, &provider), [""; 0]);
        assert_eq!(faults(Endpoints::ProvidersOwn, &provider).len(), 1);
    }

    /// Every Rust file below a folder.
    fn rust_files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths
            .flat_map(|path| {
                let is_rust = path.extension().is_some_and(|extension| extension == "rs");
                if path.is_dir() { rust_files(&path) } else { vec![path; usize::from(is_rust)] }
            })
            .collect()
    }

    #[test]
    fn no_other_code_of_the_functions_names_a_provider() {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sources = shared.join("src");
        let functions = fs::read_dir(shared.join("../functions")).expect("the functions");
        let functions = functions.map(|function| function.expect("an entry").path().join("src"));
        let may_name = [sources.join("providers/bizppurio"), sources.join("providers/mod.rs")];
        let files: Vec<PathBuf> = functions
            .filter(|folder| folder.is_dir())
            .chain([sources])
            .flat_map(|folder| rust_files(&folder))
            .collect();
        let (own, others): (Vec<&PathBuf>, Vec<&PathBuf>) =
            files.iter().partition(|file| may_name.iter().any(|own| file.starts_with(own)));
        assert!(own.len() > 5 && others.len() > 100, "{} and {} files", own.len(), others.len());
        let naming = |file: &&&PathBuf| {
            let text = fs::read_to_string(file).expect("a text").to_lowercase();
            KINDS.iter().any(|kind| text.contains(kind))
        };
        let found: Vec<&&PathBuf> = others.iter().filter(naming).collect();
        assert!(found.is_empty(), "these files name a provider: {found:?}");
    }
}
