//! A simulated provider that behaves like Bizppurio, as far as its documents and public logs of
//! other systems show. It has tokens, a limit with 429s, latency, faults, and receipts that come
//! late, twice or before the answer. It records every arrival, so that tests check Alimi's promises
//! from the provider's side.

mod provider;
mod record;
mod routes;
mod scenario;

pub use self::provider::{Fault, PASSWORD, ReceiptSink, Simulator, SimulatorSettings};
pub use self::record::{AcceptedReceipt, Arrival, Kind, TOO_MANY, busiest_second};
pub use self::routes::router;
pub use self::scenario::Scenario;
