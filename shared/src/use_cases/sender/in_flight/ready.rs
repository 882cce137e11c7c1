//! Claimed messages that wait for their slots.
//!
//! A message waits only as long as its claim and the lease let it depart. After that its claim is
//! put back, so that a crash cannot leave the message in doubt.

use std::collections::VecDeque;
use std::time::Duration;

use super::departure::Departure;
use crate::use_cases::sender::clock::{LeaseValidity, SteadyClock};

/// The claimed messages of one lane, first to depart first.
pub(crate) struct Ready {
    clock: SteadyClock,
    lease: LeaseValidity,
    /// Whether messages may depart when their slots come.
    is_open: bool,
    departures: VecDeque<Departure>,
}

impl Ready {
    /// Empty, and closed until [`Self::open`].
    pub(super) fn new(clock: SteadyClock, lease: LeaseValidity) -> Self {
        Self { clock, lease, is_open: false, departures: VecDeque::new() }
    }

    /// Lets messages depart from now on.
    pub(crate) fn open(&mut self) {
        self.is_open = true;
    }

    /// Lets no message depart for now.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Replaces the validity of the lease with the renewed one.
    pub(crate) fn renew_lease(&mut self, lease: LeaseValidity) {
        self.lease = lease;
    }

    /// Whether no request may start before the lease is renewed.
    pub(crate) fn is_lease_over(&self) -> bool {
        self.clock.left(self.lease.departures).is_zero()
    }

    pub(super) fn lease(&self) -> LeaseValidity {
        self.lease
    }

    pub(super) fn len(&self) -> usize {
        self.departures.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.departures.is_empty()
    }

    pub(super) fn push(&mut self, departure: Departure) {
        self.departures.push_back(departure);
    }

    pub(super) fn pop_first(&mut self) -> Option<Departure> {
        self.departures.pop_front()
    }

    /// The time until the first message may no longer depart.
    pub(super) fn until_expiry(&self) -> Option<Duration> {
        self.departures.iter().map(|departure| self.left(departure)).min()
    }

    /// Removes the messages that may no longer depart.
    pub(super) fn take_expired(&mut self) -> VecDeque<Departure> {
        let lease_left = self.clock.left(self.lease.departures);
        let is_expired =
            |departure: &Departure| self.clock.left(departure.validity).min(lease_left).is_zero();
        let (expired, waiting) =
            std::mem::take(&mut self.departures).into_iter().partition(is_expired);
        self.departures = waiting;
        expired
    }

    pub(super) fn take_all(&mut self) -> VecDeque<Departure> {
        std::mem::take(&mut self.departures)
    }

    fn left(&self, departure: &Departure) -> Duration {
        self.clock.left(departure.validity).min(self.clock.left(self.lease.departures))
    }
}
