//! The outputs of the deployed stack.

use serde_json::Value;

use crate::result::Result;

/// The stack's outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// The address of the API.
    pub api_url: String,
    /// The address of the API for API keys.
    pub key_api_url: String,
    /// The webhook's address, with placeholders for the channel and the secret.
    pub webhook_url_pattern: String,
    pub catalog_table: String,
    /// The queue that wakes senders.
    pub wake_queue_url: String,
    /// The queue that continues runs.
    pub run_queue_url: String,
    /// The queue of receipts that could not be recorded at once.
    pub receipt_queue_url: String,
}

impl Outputs {
    /// Reads the list of outputs that `CloudFormation` returns.
    ///
    /// # Errors
    /// When an output is missing.
    pub fn read(all: &Value) -> Result<Self> {
        let output = |key: &str| {
            let mut outputs = all.as_array().into_iter().flatten();
            let found = outputs.find(|output| output["OutputKey"] == key);
            let value = found.and_then(|output| output["OutputValue"].as_str());
            value.map(str::to_owned).ok_or_else(|| format!("the stack has no output {key}"))
        };
        Ok(Self {
            api_url: output("ApiUrl")?,
            key_api_url: output("KeyApiUrl")?,
            webhook_url_pattern: output("WebhookUrlPattern")?,
            catalog_table: output("CatalogTableName")?,
            wake_queue_url: output("WakeQueueUrl")?,
            run_queue_url: output("RunQueueUrl")?,
            receipt_queue_url: output("ReceiptQueueUrl")?,
        })
    }

    /// The address that the provider posts its receipts to.
    pub fn webhook(&self, channel: &str, secret: &str) -> String {
        self.webhook_url_pattern.replace("{channel}", channel).replace("{secret}", secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_output_is_named() {
        let output = |key: &str, value: &str| serde_json::json!({ "OutputKey": key, "OutputValue": value, "Description": "" });
        let all = serde_json::json!([
            output("WakeQueueUrl", "http://queue"),
            output("RunQueueUrl", "http://runs"),
            output("ReceiptQueueUrl", "http://receipts"),
            output("ApiUrl", "http://api"),
            output("KeyApiUrl", "http://keys"),
            output("WebhookUrlPattern", "http://api/webhooks/{channel}/{secret}"),
            output("CatalogTableName", "catalog"),
        ]);
        let outputs = Outputs::read(&all).expect("outputs");
        assert_eq!(outputs.api_url, "http://api");
        assert_eq!(outputs.webhook("main", "s3"), "http://api/webhooks/main/s3");
        let error = Outputs::read(&serde_json::json!([])).expect_err("no outputs").to_string();
        assert_eq!(error, "the stack has no output ApiUrl");
    }
}
