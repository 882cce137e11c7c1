//! What the fixture says of its provider must be what the adapter says.

use std::collections::BTreeSet;

use alimi::domain::ChannelType;

use super::connected::{adapter, unconnected};
use super::fixture::Fixture;

pub fn the_fixture_agrees_with_the_adapter(fixture: Fixture) {
    let channel = unconnected(fixture);
    assert_eq!(channel.faults(), []);
    let adapter = adapter(&channel);
    assert_eq!(adapter.check_channel(&channel), []);

    let guarantees = adapter.guarantees();
    assert_eq!(guarantees.confirmation_fault(channel.confirmation), None);
    assert_eq!(guarantees.sends_receipts, fixture.receipts().is_some());

    let sends: BTreeSet<ChannelType> = adapter.sends().iter().copied().collect();
    let samples = fixture.samples();
    let sample_types = samples.iter().map(|sample| sample.content.channel_type());
    assert_eq!(sample_types.collect::<BTreeSet<_>>(), sends, "samples of every channel type");
    let limits = fixture.text_limits();
    let limit_types = limits.iter().map(|limit| limit.longest.channel_type());
    assert_eq!(limit_types.collect::<BTreeSet<_>>(), sends, "limits of every channel type");
    for sample in &samples {
        assert_eq!(adapter.check_fixed(&sample.content), []);
        assert_eq!(adapter.check(&sample.to, &sample.content), Ok(()));
    }
    for limit in &limits {
        assert_eq!(limit.longest.channel_type(), limit.longer.channel_type());
        assert_ne!(limit.longest, limit.longer);
    }

    // Only a fallback's sample shows that the provider tells the fallback from the first choice.
    let fallbacks: BTreeSet<ChannelType> =
        samples.iter().filter_map(|sample| sample.content.media().fallback).collect();
    let has_fallbacks = sends.contains(&ChannelType::Alimtalk);
    assert_eq!(!fallbacks.is_empty(), has_fallbacks, "{fallbacks:?}");
}
