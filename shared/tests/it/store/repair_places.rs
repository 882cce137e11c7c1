//! Where the sweeper's repairs go on.

use alimi::ports::{Repair, RepairPlaces};

use super::fixture::{Fixture, fixture};

#[tokio::test]
async fn the_place_of_a_repair_is_kept_until_it_is_changed() {
    let Fixture { store, .. } = fixture();
    let place = async || store.place(Repair::MissedTimes).await.expect("read");
    assert_eq!(place().await, None);
    for wanted in [Some("daily"), Some("hourly"), None, Some("daily")] {
        store.save_place(Repair::MissedTimes, wanted).await.expect("stored");
        assert_eq!(place().await.as_deref(), wanted);
    }
}
