//! The hours rule, shown by when messages arrive at the provider.

mod changes;
mod classes;
mod departures;
mod lane;
mod mornings;
