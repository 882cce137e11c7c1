//! docs/deploy.md and the other documents agree with template.yaml, with the example files and with
//! the measured figures.

use std::collections::BTreeSet;

use alimi_catalog::CatalogFile;
use alimi_local::aws::embedded;
use alimi_local::aws::secrets::SECRET_PREFIX;
use serde::Deserialize;
use serde_yaml_ng::Value;

const GUIDE: &str = include_str!("../../../docs/deploy.md");
/// Every other text that names parameters, outputs or resources.
const OTHERS: [(&str, &str); 5] = [
    ("README.md", include_str!("../../../README.md")),
    ("README.ko.md", include_str!("../../../README.ko.md")),
    ("docs/api.md", include_str!("../../../docs/api.md")),
    ("docs/local.md", include_str!("../../../docs/local.md")),
    ("samconfig.toml", include_str!("../../../samconfig.toml")),
];

/// The names in a section of the template.
fn names_of(section: &str) -> BTreeSet<String> {
    let template = embedded::template().expect("template.yaml");
    let section = template[section].as_mapping().expect("a section");
    section.keys().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
}

/// Whether a word looks like a parameter, an output or a resource.
fn looks_like_a_name_of_the_template(word: &str) -> bool {
    const ENDS: [&str; 15] = [
        "Alarm",
        "Arn",
        "Bucket",
        "Concurrency",
        "Days",
        "Function",
        "Id",
        "Ids",
        "Level",
        "Ms",
        "Name",
        "Prefix",
        "Queue",
        "Table",
        "Url",
    ];
    let capitals = word.chars().filter(char::is_ascii_uppercase).count();
    word.starts_with(|first: char| first.is_ascii_uppercase())
        && capitals > 1
        && ENDS.iter().any(|end| word.ends_with(end))
}

#[test]
fn the_documents_name_only_what_the_template_contains() {
    // Names of AWS, and the local stack's own table.
    const ELSEWHERE: [&str; 10] = [
        "ApiMappingId",
        "AttributeName",
        "BackupArn",
        "IndexName",
        "LocalStateTable",
        "PhysicalResourceId",
        "QueueArn",
        "RoleName",
        "TopicArn",
        "ZoneName",
    ];
    let known: BTreeSet<_> =
        ["Parameters", "Outputs", "Resources"].into_iter().flat_map(names_of).collect();
    let mut names = BTreeSet::new();
    for (file, text) in [("docs/deploy.md", GUIDE)].into_iter().chain(OTHERS) {
        for word in words(text).filter(|word| looks_like_a_name_of_the_template(word)) {
            names.insert(word);
            let is_known = known.contains(word) || ELSEWHERE.contains(&word);
            assert!(is_known, "{file} names {word}, which is not in template.yaml");
        }
    }
    assert!(names.len() > 20, "{names:?}");
}

#[test]
fn the_guide_explains_every_parameter() {
    for name in names_of("Parameters") {
        assert!(GUIDE.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_outputs_that_the_guide_uses_exist() {
    let outputs = names_of("Outputs");
    let used = GUIDE.split("output ").skip(1).filter_map(|after| words(after).next());
    let used = used.filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()));
    let used: BTreeSet<_> = used.collect();
    assert!(used.len() > 5, "{used:?}");
    for name in used {
        assert!(outputs.contains(name), "there is no output {name}");
    }
}

/// The outputs of the example network are values for parameters of the template.
#[test]
fn the_outputs_of_the_example_network_are_named_like_the_parameters() {
    let network = include_str!("../../../examples/network.yaml");
    let network: Value = serde_yaml_ng::from_str(network).expect("YAML");
    let outputs = network["Outputs"].as_mapping().expect("outputs").keys();
    let outputs: BTreeSet<_> = outputs.filter_map(Value::as_str).collect();
    let parameters = names_of("Parameters");
    for name in ["SenderSubnetIds", "SenderSecurityGroupIds"] {
        assert!(outputs.contains(name) && parameters.contains(name), "{name}");
    }
    for name in outputs {
        assert!(GUIDE.contains(&format!("`{name}`")), "the guide does not explain {name}");
    }
}

#[test]
fn the_catalog_in_the_guide_is_valid_and_fits_its_steps() {
    let mut blocks = GUIDE.split("\n```yaml\n").skip(1);
    let (catalog, _) = blocks.next().and_then(|block| block.split_once("\n```")).expect("a block");
    assert!(blocks.next().is_none(), "the guide has more than one YAML block");
    let file = CatalogFile::read(catalog).expect("the guide's catalog");
    let channels: Vec<_> = file.channels.keys().collect();
    let [channel] = channels[..] else { panic!("one channel") };
    let templates: Vec<_> = file.templates.keys().collect();
    let [template] = templates[..] else { panic!("one template") };
    // The other steps name the channel's secret, the same channel and the same template.
    assert!(GUIDE.contains(&format!("create-secret --name {SECRET_PREFIX}{channel} ")));
    assert!(GUIDE.contains(&format!("$API/webhooks/{channel}/")));
    assert!(GUIDE.contains(&format!("POST /v1/channels/{channel}/receipt-secrets")));
    assert!(GUIDE.contains(&format!("\"template\": \"{template}\", \"to\"")));
}

/// The file docs/benchmarks/cost.json.
#[derive(Deserialize)]
struct Measured {
    figures: Vec<Figure>,
}

#[derive(Deserialize)]
struct Figure {
    kind: String,
    enqueue_write_units: f64,
    later_write_units: f64,
    read_units: f64,
}

/// The units that the guide states for a kind of message.
struct Stated {
    kind: String,
    write_units: f64,
    read_units: f64,
}

/// Reads the sentence that states the units: `… by a test: KIND, 9.01 write and 7.33 read; …`.
fn stated_units() -> Vec<Stated> {
    let guide = GUIDE.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, after) =
        guide.split_once("held against [cost.json](benchmarks/cost.json) by a test: ").expect("it");
    let (sentence, _) = after.split_once(". ").expect("its end");
    let pieces = sentence.split("; ").map(|piece| {
        let (kind, units) = piece.split_once(", ").expect("a kind");
        let (write, read) = units.split_once(" write and ").expect("write units");
        let read = read.strip_suffix(" read").expect("read units");
        Stated {
            kind: kind.to_owned(),
            write_units: write.parse().expect("a number"),
            read_units: read.parse().expect("a number"),
        }
    });
    pieces.collect()
}

#[test]
fn the_units_in_the_guide_are_the_measured_ones() {
    // Measurements differ a little, because drains need different numbers of requests.
    const TOLERANCE: f64 = 0.03;
    let measured = include_str!("../../../docs/benchmarks/cost.json");
    let measured: Measured = serde_json::from_str(measured).expect("cost.json");
    let stated = stated_units();
    assert_eq!(stated.len(), measured.figures.len());
    for Figure { kind, enqueue_write_units, later_write_units, read_units } in &measured.figures {
        let of_kind = stated.iter().find(|stated| kind.ends_with(&stated.kind));
        let of_kind = of_kind.unwrap_or_else(|| panic!("the guide has no units of {kind}"));
        for (what, stated, measured) in [
            ("write", of_kind.write_units, enqueue_write_units + later_write_units),
            ("read", of_kind.read_units, *read_units),
        ] {
            let is_near = (stated - measured).abs() <= TOLERANCE * measured;
            assert!(is_near, "{kind}: the guide says {stated} {what} units, not {measured}");
        }
    }
}

#[test]
fn the_costs_in_the_guide_follow_from_its_units() {
    let stated = stated_units();
    let [single, bulk, ..] = &stated[..] else { panic!("two kinds at least") };
    assert_eq!(single.kind, "one by one");
    assert_eq!(bulk.kind, "in bulk of 100");
    for (what, price, one, many) in [
        ("writes", 0.625, single.write_units, bulk.write_units),
        ("reads", 0.125, single.read_units, bulk.read_units),
    ] {
        let row = format!(
            "| DynamoDB {what} | {one:.2} units each ({many:.2}) | ${price} a million | {:.2} \
             ({:.2}) |",
            one * price,
            many * price
        );
        assert!(GUIDE.contains(&row), "the guide does not contain: {row}");
    }
}
