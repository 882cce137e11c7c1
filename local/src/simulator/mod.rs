//! Simulated providers, as far as their documents and public logs of other systems show them.
//!
//! - `core/` knows no provider. It has the limit, the latency, the faults, the tokens, and the
//!   receipts that come early, late, twice, out of order or never. It records every arrival, so that
//!   tests check Alimi's promises from the provider's side. It shows at `/_sim` the messages that
//!   would have appeared on phones.
//! - `bizppurio/` has the routes and the JSON of one provider. Another provider adds such a folder.

mod bizppurio;
mod core;

pub use self::bizppurio::{TOO_MANY, router};
pub use self::core::{
    AcceptedReceipt, Answer, Arrival, Behaviour, ChannelReceiptSink, Fault, Kind, MESSAGES_KEPT,
    Outage, PASSWORD, PhoneMessage, ReceiptSink, Receipts, Scenario, Shown, ShownButton, Simulator,
    SimulatorSettings, address_of_channel, busiest_second, with_channels,
};
