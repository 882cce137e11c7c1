//! A new account has ten concurrent executions. What may use many of them at once is bounded there, so that
//! the senders are left their place.

use serde_yaml_ng::Value;

use super::reading::{either, functions, named, resources, template};

const QUOTA: u64 = 10;

/// The limit of an event source, without reserved concurrency.
fn bound(function: &str, event: &str) -> u64 {
    let properties = &functions()[function]["Properties"]["Events"][event]["Properties"];
    let bound = &properties["ScalingConfig"]["MaximumConcurrency"];
    // `--config-env new-account` sets two senders.
    if named(bound) == Some("SenderConcurrency") {
        return 2;
    }
    let (reserved, bounded) = either(bound, "ReservesSenderConcurrency");
    assert!(reserved.as_u64() > bounded.as_u64(), "{function}: {reserved:?} and {bounded:?}");
    bounded.as_u64().expect("a number")
}

#[test]
fn event_sources_leave_four_of_ten_executions_to_requests_and_rounds() {
    let bounds = [
        bound("SenderFunction", "Wake"),
        bound("TriggerFunction", "GoOn"),
        bound("WebhookFunction", "RecordQueuedReceipts"),
    ];
    assert_eq!(bounds, [2, 2, 2], "Lambda takes no smaller limit");
    assert!(bounds.iter().sum::<u64>() + 4 <= QUOTA, "{bounds:?}");
}

/// Lambda would run a hundred schedules of one minute at once, for minutes each.
#[test]
fn without_reserved_concurrency_firings_wait_in_the_run_queue() {
    for name in ["PlannerFunction", "SweeperFunction"] {
        let variables = &functions()[name]["Properties"]["Environment"]["Variables"];
        let (function, queue) =
            either(&variables["FIRING_TARGET_ARN"], "ReservesSenderConcurrency");
        assert_eq!((named(function), named(queue)), (Some("TriggerFunction"), Some("RunQueue")));
    }
}

/// The limit of requests a second without reserved concurrency.
fn requests_per_second(settings: &Value) -> Option<u64> {
    let (usual, bounded) = either(&settings["ThrottlingRateLimit"], "ReservesSenderConcurrency");
    assert!(usual.as_u64() > bounded.as_u64());
    bounded.as_u64()
}

#[test]
fn without_reserved_concurrency_the_api_takes_a_hundred_requests_a_second() {
    let api = &resources(template(), "AWS::Serverless::HttpApi")["Api"]["Properties"];
    assert_eq!(requests_per_second(&api["DefaultRouteSettings"]), Some(100));
    for (route, settings) in api["RouteSettings"].as_mapping().expect("routes") {
        assert_eq!(requests_per_second(settings), Some(100), "{route:?}");
    }
}

/// A request with an invented key runs a function, other than one without a signature.
#[test]
fn without_reserved_concurrency_invented_keys_cannot_take_the_senders_executions() {
    let api = &resources(template(), "AWS::Serverless::HttpApi")["KeyApi"]["Properties"];
    assert_eq!(requests_per_second(&api["DefaultRouteSettings"]), Some(10));
}

#[test]
fn the_settings_for_a_new_account_reserve_nothing_and_are_named_where_people_deploy() {
    let file = include_str!("../../../../samconfig.toml");
    let (_, section) = file.split_once("[new-account.deploy.parameters]").expect("the section");
    let section = section.split("\n[").next().expect("its lines");
    for value in ["ReserveSenderConcurrency=false", "SenderConcurrency=2"] {
        assert!(section.contains(value), "{section}");
    }
    for (name, text) in [
        ("README.md", include_str!("../../../../README.md")),
        ("README.ko.md", include_str!("../../../../README.ko.md")),
        ("docs/deploy.md", include_str!("../../../../docs/deploy.md")),
    ] {
        assert!(text.contains("--config-env new-account"), "{name}");
        assert!(text.contains("aws lambda get-account-settings"), "{name}");
    }
}
