//! docs/deploy.md, and README.md, held against what they speak of.
#![expect(clippy::expect_used, reason = "helpers fail the test that called them")]

use std::collections::BTreeSet;

use alimi_local::catalog_file::CatalogFile;
use alimi_local::embedded;
use serde::Deserialize;
use serde_yaml_ng::Value;

const GUIDE: &str = include_str!("../../docs/deploy.md");
const README: &str = include_str!("../../README.md");

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
fn looks_like_the_templates(word: &str) -> bool {
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
fn whatever_is_named_is_in_the_template() {
    // AWS's own words.
    const ELSEWHERE: [&str; 5] =
        ["IndexName", "PhysicalResourceId", "QueueArn", "RoleName", "TopicArn"];
    let known: BTreeSet<_> =
        ["Parameters", "Outputs", "Resources"].into_iter().flat_map(names_of).collect();
    let settings = include_str!("../../samconfig.toml");
    let mut met = BTreeSet::new();
    for (file, text) in [("deploy.md", GUIDE), ("README.md", README), ("samconfig.toml", settings)]
    {
        for word in words(text).filter(|word| looks_like_the_templates(word)) {
            met.insert(word);
            let is_known = known.contains(word) || ELSEWHERE.contains(&word);
            assert!(is_known, "{file} says {word}, which is not in template.yaml");
        }
    }
    assert!(met.len() > 20, "{met:?}");
}

#[test]
fn the_guide_has_an_answer_for_every_parameter() {
    for name in names_of("Parameters") {
        assert!(GUIDE.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_outputs_that_the_guide_asks_for_are_there() {
    let outputs = names_of("Outputs");
    let asked = GUIDE.split("output ").skip(1).filter_map(|after| words(after).next());
    let asked = asked.filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()));
    let asked: BTreeSet<_> = asked.collect();
    assert!(asked.len() > 5, "{asked:?}");
    for name in asked {
        assert!(outputs.contains(name), "there is no output {name}");
    }
}

/// Its outputs are answers to questions of the template.
#[test]
fn the_networks_outputs_have_the_parameters_names() {
    let network = include_str!("../../examples/network.yaml");
    let network: Value = serde_yaml_ng::from_str(network).expect("YAML");
    let outputs = network["Outputs"].as_mapping().expect("outputs").keys();
    let outputs: BTreeSet<_> = outputs.filter_map(Value::as_str).collect();
    let parameters = names_of("Parameters");
    for name in ["SenderSubnetIds", "SenderSecurityGroupIds"] {
        assert!(outputs.contains(name) && parameters.contains(name), "{name}");
    }
    for name in outputs {
        assert!(GUIDE.contains(&format!("`{name}`")), "the guide does not know {name}");
    }
}

#[test]
fn the_guides_catalog_is_read() {
    let mut blocks = GUIDE.split("\n```yaml\n").skip(1);
    let (catalog, _) = blocks.next().and_then(|block| block.split_once("\n```")).expect("a block");
    assert!(blocks.next().is_none(), "which of them is the catalog?");
    let file = CatalogFile::read(catalog).expect("the guide's catalog");
    let channels: Vec<_> = file.channels.iter().collect();
    let [(channel, settings)] = channels[..] else { panic!("one channel") };
    let templates: Vec<_> = file.templates.keys().collect();
    let [template] = templates[..] else { panic!("one template") };
    // What the other steps name.
    assert!(GUIDE.contains(&format!("create-secret --name {} ", settings.secret)));
    assert!(GUIDE.contains(&format!("$API/webhooks/{channel}/")));
    assert!(GUIDE.contains(&format!("\"template\": \"{template}\", \"to\"")));
}

/// What docs/benchmarks/cost.json has.
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

/// What the guide says of a kind of message.
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
fn the_guides_units_are_the_measured_ones() {
    // A new measurement differs a little: by how many requests a drain happened to need.
    const TOLERANCE: f64 = 0.03;
    let measured = include_str!("../../docs/benchmarks/cost.json");
    let measured: Measured = serde_json::from_str(measured).expect("cost.json");
    let stated = stated_units();
    assert_eq!(stated.len(), measured.figures.len());
    for Figure { kind, enqueue_write_units, later_write_units, read_units } in &measured.figures {
        let of_kind = stated.iter().find(|stated| kind.ends_with(&stated.kind));
        let of_kind = of_kind.unwrap_or_else(|| panic!("the guide says nothing of {kind}"));
        for (what, stated, measured) in [
            ("write", of_kind.write_units, enqueue_write_units + later_write_units),
            ("read", of_kind.read_units, *read_units),
        ] {
            let is_near = (stated - measured).abs() <= TOLERANCE * measured;
            assert!(is_near, "{kind}: the guide says {stated} {what} units, and it is {measured}");
        }
    }
}

#[test]
fn the_guides_table_is_computed_from_its_units() {
    let stated = stated_units();
    let [single, bulk, ..] = &stated[..] else { panic!("two kinds at least") };
    assert_eq!((single.kind.as_str(), bulk.kind.as_str()), ("one by one", "in bulk of 100"));
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
        assert!(GUIDE.contains(&row), "the guide has not: {row}");
    }
}
