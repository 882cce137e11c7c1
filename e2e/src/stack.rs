//! The deployed stack, with all that stands around it.

use std::path::PathBuf;
use std::sync::Arc;

use alimi::store::{DynamoStore, Tables};
use alimi::time::SystemClock;
use alimi_local::catalog_file::CatalogFile;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use crate::api::Api;
use crate::aws::Aws;
use crate::ministack::MiniStack;
use crate::provider::{PER_SECOND, Provider};
use crate::sam::{self, Outputs, Sam};
use crate::{REGION, Result, ensure};

/// The channel of the example's catalog.
pub const CHANNEL: &str = "alimtalk-main";
/// The name of its secret.
pub const SECRET: &str = "alimi/alimtalk-main";
/// What the provider's pushes carry in their path.
pub const WEBHOOK_SECRET: &str = "only-for-the-end-to-end-test";

/// A deployed function.
#[derive(Debug, Deserialize)]
pub struct Function {
    /// Its name, which begins with the stack's.
    pub name: String,
    /// The library's `LOG_LEVEL`.
    pub log_level: String,
    /// How many of it have a place in the account's concurrency that no other function takes.
    pub reserved: Option<u32>,
}

/// The deployed stack.
pub struct Stack {
    /// The SAM CLI.
    pub sam: Sam,
    /// The emulator.
    pub ministack: MiniStack,
    /// What the stack says about itself.
    pub outputs: Outputs,
    /// Its HTTP API.
    pub api: Api,
    /// The emulated services.
    pub aws: Aws,
    /// The provider.
    pub provider: Provider,
    python: PathBuf,
}

impl Stack {
    /// Takes up what was deployed.
    ///
    /// # Errors
    /// When something of it is not there.
    pub async fn open(sam: Sam, ministack: MiniStack, python: PathBuf) -> Result<Self> {
        let outputs = sam.outputs(&ministack.endpoint).await?;
        Ok(Self {
            api: Api::new(&outputs.api_url, REGION)?,
            aws: Aws::at(&ministack.endpoint),
            provider: Provider::start().await?,
            sam,
            ministack,
            outputs,
            python,
        })
    }

    /// Stores the example's catalog file as a person would, with the channel pointed at the simulated
    /// provider.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn store_catalog(&self) -> Result<()> {
        const EXAMPLE: &str = "examples/teacher-onboarding/catalog.yaml";
        let mut text = std::fs::read_to_string(self.sam.checkout.join(EXAMPLE))?;
        for (old, new) in [
            ("http://127.0.0.1:9800", self.provider.url.as_str()),
            ("per_second: 40", &format!("per_second: {PER_SECOND}")),
            // The machine is busy with a whole AWS: what leaves on time may arrive late.
            ("jitter: 50ms", "jitter: 1s"),
        ] {
            ensure(text.matches(old).count() == 1, || format!("{EXAMPLE} has not one {old:?}"))?;
            text = text.replace(old, new);
        }
        // As `cargo xtask catalog --table … FILE` does. Only the catalog's table is touched.
        let tables = Tables {
            catalog: self.outputs.catalog_table.clone(),
            notifications: String::new(),
            state: String::new(),
            members: String::new(),
            runs: String::new(),
        };
        let store = DynamoStore::new(self.aws.dynamodb.clone(), tables, Arc::new(SystemClock));
        Ok(CatalogFile::read(&text)?.apply(&store).await?)
    }

    /// What there is in the account, by kind.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub async fn everything(&self) -> Result<serde_json::Map<String, serde_json::Value>> {
        self.listed("left_behind.py").await
    }

    /// Each function, as Lambda says it.
    ///
    /// # Errors
    /// When they cannot be listed, or one has no `LOG_LEVEL`.
    pub async fn functions(&self) -> Result<Vec<Function>> {
        self.listed("functions.py").await
    }

    /// What a script says about the account.
    async fn listed<T: DeserializeOwned>(&self, script: &str) -> Result<T> {
        let mut list = Command::new(&self.python);
        list.arg(self.sam.checkout.join("e2e").join(script));
        sam::point_at(&mut list, &self.ministack.endpoint);
        let output = list.kill_on_drop(true).output().await?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure(output.status.success(), || format!("nothing could be listed: {told}"))?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Ends all of it.
    pub async fn stop(self) {
        self.ministack.stop().await;
    }
}
