//! The part of a simulated provider that does not depend on the provider's wire format.

mod arrivals;
mod behaviour;
mod channel;
mod delivery;
mod kept;
mod page;
mod phones;
mod provider;
mod receipts;
mod reset;
mod resume;
mod scenario;
mod settings;
mod taken;
mod watch;

pub(super) use self::arrivals::WireCodes;
pub use self::arrivals::{Arrival, Kind, busiest_second};
pub use self::behaviour::{Answer, Behaviour, Fault, Outage, Receipts};
pub(super) use self::channel::FromChannel;
pub use self::channel::{address_of_channel, with_channels};
pub(super) use self::delivery::Inquired;
pub use self::phones::{MESSAGES_KEPT, PhoneMessage, Shown, ShownButton};
pub(super) use self::provider::NEVER;
pub use self::provider::Simulator;
pub use self::receipts::{AcceptedReceipt, ChannelReceiptSink, ReceiptSink};
pub(super) use self::receipts::{Line, Message, Said, Taken, WrittenReceipt};
pub(super) use self::reset::connection_reset;
pub use self::scenario::Scenario;
pub use self::settings::{PASSWORD, SimulatorSettings};
pub(super) use self::watch::watch;
