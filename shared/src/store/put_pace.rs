//! The times of puts: one row for each channel in the state table.

use async_trait::async_trait;

use super::dynamo::DynamoStore;
use crate::ports::{PortError, PutPace, PutWish, Reserved};

#[async_trait]
impl PutPace for DynamoStore {
    async fn reserve(&self, channel: &str, wish: PutWish) -> Result<Reserved, PortError> {
        self.reserve_times(&format!("puts#{channel}"), wish).await
    }
}
