//! Each sample event in `events/` goes through the entry that Lambda uses, and is answered and
//! stored as its case says. A file without a case fails, and so does a case without a file.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alimi_local::simulator::SimulatorSettings;
use alimi_local::testing::sample_cases::cases;
use alimi_local::testing::sample_events::{
    has_members, invoke, sample_events, save_key, save_schedule,
};
use alimi_local::testing::world::{World, WorldSettings};

#[tokio::test(start_paused = true)]
async fn every_event_is_answered_and_stored_as_its_case_says() {
    for case in cases() {
        let context = format!("{} after {:?} and {:?}", case.event, case.before, case.pause);
        // Receipts come only from events, so the simulated provider sends none.
        let never = Duration::from_hours(24);
        let simulator = SimulatorSettings { receipt_after: never, ..SimulatorSettings::default() };
        let world = World::new(WorldSettings { simulator, ..WorldSettings::default() }).await;
        save_schedule(&world.store, &world.stack).await;
        save_key(&world.store).await;
        for event in &case.before {
            invoke(&world.stack, event).await;
        }
        tokio::time::sleep(case.pause).await;

        let answer = invoke(&world.stack, case.event).await;
        let expected = &case.answer;
        assert!(has_members(&answer, expected), "{context}: {answer:#} and not {expected:#}");

        let notifications = world.notifications();
        let stored: BTreeMap<_, _> =
            notifications.values().map(|n| (n.id.as_str(), n.status)).collect();
        assert_eq!(stored, case.stored.iter().copied().collect(), "{context}");
    }
}

#[test]
fn every_event_has_a_case_and_every_case_has_an_event() {
    let run: BTreeSet<String> = cases().iter().map(|case| case.event.to_owned()).collect();
    let files = sample_events();
    let orphans: Vec<_> = files.difference(&run).collect();
    assert!(orphans.is_empty(), "no case runs {orphans:?}");
    let gone: Vec<_> = run.difference(&files).collect();
    assert!(gone.is_empty(), "there is no file for {gone:?}");
}
