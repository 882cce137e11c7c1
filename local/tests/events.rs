//! The sample events of `events/`, each put through the entry that Lambda puts it through: what is
//! answered, and what is stored afterwards. A file that no case runs fails, and so does a case
//! whose file is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alimi_local::sample_events::{cases, invoke, sample_events, save_schedule, says};
use alimi_local::simulator::SimulatorSettings;
use alimi_local::world::{World, WorldSettings};

#[tokio::test(start_paused = true)]
async fn every_event_is_answered_and_leaves_what_its_case_says() {
    for case in cases() {
        let told = format!("{} after {:?} and {:?}", case.event, case.before, case.pause);
        // Receipts come as events only.
        let silent = Duration::from_hours(24);
        let simulator = SimulatorSettings { receipt_after: silent, ..SimulatorSettings::default() };
        let world = World::new(WorldSettings { simulator, ..WorldSettings::default() }).await;
        save_schedule(&world.store, &world.stack).await;
        for event in &case.before {
            invoke(&world.stack, event).await;
        }
        tokio::time::sleep(case.pause).await;

        let answer = invoke(&world.stack, case.event).await;
        assert!(says(&answer, &case.answer), "{told}: {answer:#} and not {:#}", case.answer);

        let notifications = world.notifications();
        let stored: BTreeMap<_, _> =
            notifications.values().map(|n| (n.id.as_str(), n.status)).collect();
        assert_eq!(stored, case.left.iter().copied().collect(), "{told}");
    }
}

#[test]
fn every_event_has_a_case_and_every_case_its_event() {
    let run: BTreeSet<String> = cases().iter().map(|case| case.event.to_owned()).collect();
    let files = sample_events();
    let orphans: Vec<_> = files.difference(&run).collect();
    assert!(orphans.is_empty(), "no case runs {orphans:?}");
    let gone: Vec<_> = run.difference(&files).collect();
    assert!(gone.is_empty(), "there is no file for {gone:?}");
}
