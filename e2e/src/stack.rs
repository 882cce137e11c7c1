//! The deployed stack, the emulated services, and the provider.

use std::sync::{Arc, OnceLock};

use alimi::domain::RateLimit;
use alimi::store::{DynamoStore, Tables};
use alimi::time::SystemClock;
use alimi_catalog::CatalogFile;
use jiff::SignedDuration;

use crate::account::Account;
use crate::api::Api;
use crate::aws::{Aws, REGION};
use crate::ministack::MiniStack;
use crate::outputs::Outputs;
use crate::provider::{PER_SECOND, Provider};
use crate::result::Result;
use crate::sam::Sam;

/// The channel of the example's catalog.
pub const CHANNEL: &str = "alimtalk-main";
/// The name of the channel's secret: the template's prefix, and the channel's name.
pub const SECRET: &str = "alimi/alimtalk-main";

/// The functions with reserved concurrency, by the template's defaults, the smallest number first.
pub const RESERVED: [(&str, u32); 2] = [("Sender", 4), ("Webhook", 20)];

pub struct Stack {
    pub sam: Sam,
    pub ministack: MiniStack,
    pub account: Account,
    pub outputs: Outputs,
    pub api: Api,
    /// The API for API keys.
    pub keys: Api,
    pub aws: Aws,
    pub provider: Provider,
    /// The secret in the path that the provider posts its receipts to, once an operator has made
    /// it.
    receipt_secret: OnceLock<String>,
}

impl Stack {
    /// Opens the deployed stack, and starts the provider.
    ///
    /// # Errors
    /// When the stack has not the expected outputs. Then `MiniStack` is stopped.
    pub async fn open(sam: Sam, ministack: MiniStack, account: Account) -> Result<Self> {
        match connect(&account).await {
            Ok(Connected { outputs, api, keys, provider }) => {
                let aws = Aws::at(&ministack.endpoint);
                let receipt_secret = OnceLock::new();
                Ok(Self {
                    sam,
                    ministack,
                    account,
                    outputs,
                    api,
                    keys,
                    aws,
                    provider,
                    receipt_secret,
                })
            }
            Err(error) => {
                ministack.stop().await;
                Err(error)
            }
        }
    }

    /// Stores the example's catalog file, with the simulated provider as the channel's provider.
    ///
    /// # Errors
    /// When the catalog is not accepted.
    pub async fn store_catalog(&self) -> Result<()> {
        const EXAMPLE: &str = "examples/teacher-onboarding/catalog.yaml";
        let text = std::fs::read_to_string(self.sam.checkout.join(EXAMPLE))?;
        let mut catalog = CatalogFile::read(&text)?;
        let channel = catalog.channels.get_mut(CHANNEL);
        let channel = channel.ok_or_else(|| format!("{EXAMPLE} has no channel {CHANNEL}"))?;
        channel.provider.settings.insert("endpoint".to_owned(), self.provider.url.clone().into());
        // The emulator keeps the machine busy, so requests that leave on time may arrive late.
        let jitter = SignedDuration::from_secs(1);
        channel.limit = RateLimit { per_second: PER_SECOND, jitter, strict: false };
        // Only the catalog table is used.
        let tables = Tables {
            catalog: self.outputs.catalog_table.clone(),
            notifications: String::new(),
            state: String::new(),
            members: String::new(),
            runs: String::new(),
            ledger: String::new(),
        };
        let store = DynamoStore::new(self.aws.dynamodb.clone(), tables, Arc::new(SystemClock));
        Ok(catalog.apply(&store).await?)
    }

    /// Keeps the secret that the API has shown once.
    pub fn keep_receipt_secret(&self, secret: &str) {
        let _set_before = self.receipt_secret.set(secret.to_owned());
    }

    /// The secret in the path that the provider posts its receipts to.
    ///
    /// # Errors
    /// Before an operator has made it.
    pub fn receipt_secret(&self) -> Result<&str> {
        let secret = self.receipt_secret.get().ok_or("nobody has made a receipt secret")?;
        Ok(secret)
    }

    /// Ends the emulator and the functions.
    pub async fn stop(self) {
        self.ministack.stop().await;
    }
}

/// What [`Stack::open`] finds and starts.
struct Connected {
    outputs: Outputs,
    api: Api,
    keys: Api,
    provider: Provider,
}

async fn connect(account: &Account) -> Result<Connected> {
    let outputs = account.outputs().await?;
    let api = Api::new(&outputs.api_url, REGION)?;
    let keys = Api::new(&outputs.key_api_url, REGION)?;
    Ok(Connected { outputs, api, keys, provider: Provider::start().await? })
}
