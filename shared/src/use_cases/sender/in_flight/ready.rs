//! Claimed messages that wait for their slots.
//!
//! A message waits only as long as its claim and the lease let it depart. After that its claim is
//! put back, so that a crash cannot leave the message in doubt.

use std::collections::VecDeque;
use std::time::Duration;

use super::claimed_message::ClaimedMessage;
use crate::use_cases::sender::clock::{LeaseValidity, SteadyClock};

/// The claimed messages of one lane, first to depart first.
pub(crate) struct Ready {
    clock: SteadyClock,
    lease: LeaseValidity,
    /// Whether messages may depart when their slots come.
    is_open: bool,
    messages: VecDeque<ClaimedMessage>,
}

impl Ready {
    /// Empty, and closed until [`Self::open`].
    pub(super) fn new(clock: SteadyClock, lease: LeaseValidity) -> Self {
        Self { clock, lease, is_open: false, messages: VecDeque::new() }
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
        self.clock.left(self.lease.may_start_requests).is_zero()
    }

    pub(super) fn lease(&self) -> LeaseValidity {
        self.lease
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn push(&mut self, message: ClaimedMessage) {
        self.messages.push_back(message);
    }

    pub(super) fn pop_first(&mut self) -> Option<ClaimedMessage> {
        self.messages.pop_front()
    }

    /// The time until the first message may no longer depart.
    pub(super) fn until_expiry(&self) -> Option<Duration> {
        self.messages.iter().map(|message| self.left(message)).min()
    }

    /// Removes the messages that may no longer depart.
    pub(super) fn take_expired(&mut self) -> VecDeque<ClaimedMessage> {
        let lease_left = self.clock.left(self.lease.may_start_requests);
        let is_expired =
            |message: &ClaimedMessage| self.clock.left(message.validity).min(lease_left).is_zero();
        let (expired, waiting) =
            std::mem::take(&mut self.messages).into_iter().partition(is_expired);
        self.messages = waiting;
        expired
    }

    pub(super) fn take_all(&mut self) -> VecDeque<ClaimedMessage> {
        std::mem::take(&mut self.messages)
    }

    fn left(&self, message: &ClaimedMessage) -> Duration {
        self.clock.left(message.validity).min(self.clock.left(self.lease.may_start_requests))
    }
}
