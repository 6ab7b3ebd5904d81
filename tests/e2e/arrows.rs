//! Which crate may know which.

use serde_json::Value;
use std::{collections::BTreeSet, path::Path, process::Command};

const ARROWS: [(&str, &[&str]); 9] = [
    ("frontrow-domain", &[]),
    ("frontrow-memory", &["frontrow-domain"]),
    ("frontrow-persistence", &["frontrow-domain"]),
    ("frontrow-http", &["frontrow-domain"]),
    ("frontrow-contract", &["frontrow-domain"]),
    (
        "frontrow-app",
        &[
            "frontrow-domain",
            "frontrow-http",
            "frontrow-memory",
            "frontrow-persistence",
            "frontrow-rehearse",
        ],
    ),
    ("frontrow-rehearse", &[]),
    ("frontrow-bench", &["frontrow-rehearse"]),
    ("e2e", &[]),
];

const ARROWS_OF_TESTS: [(&str, &str); 3] = [
    ("frontrow-http", "frontrow-memory"),
    ("frontrow-memory", "frontrow-contract"),
    ("frontrow-persistence", "frontrow-contract"),
];

fn workspace() -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn name(value: &Value) -> String {
    value["name"].as_str().expect("a name").to_owned()
}

#[test]
fn crates_know_each_other_as_the_architecture_says_and_in_no_other_way() {
    let workspace = workspace();
    let packages = workspace["packages"].as_array().expect("packages");
    let own: BTreeSet<_> = packages.iter().map(name).collect();
    let mut arrows = BTreeSet::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let to = name(dependency);
            let kind = dependency["kind"].as_str().unwrap_or("normal").to_owned();
            if own.contains(&to) {
                arrows.insert((name(package), to, kind));
            }
        }
    }

    let arrow = |from: &str, to: &str, kind: &str| (from.to_owned(), to.to_owned(), kind.to_owned());
    let normal = ARROWS
        .iter()
        .flat_map(|(from, to)| to.iter().map(|to| arrow(from, to, "normal")));
    let of_tests = ARROWS_OF_TESTS.iter().map(|(from, to)| arrow(from, to, "dev"));
    assert_eq!(arrows, normal.chain(of_tests).collect());
    assert_eq!(own, ARROWS.map(|(package, _)| package.to_owned()).into());
}

#[test]
fn the_rules_know_no_runtime_no_web_and_no_database() {
    let workspace = workspace();
    let packages = workspace["packages"].as_array().expect("packages");
    let domain = packages
        .iter()
        .find(|package| name(package) == "frontrow-domain")
        .expect("the domain");
    let dependencies = domain["dependencies"].as_array().expect("dependencies");
    let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
    let known: BTreeSet<_> = normal.map(name).collect();
    let allowed = [
        "async-trait",
        "mockall",
        "roaring",
        "rust_decimal",
        "serde",
        "thiserror",
        "time",
        "uuid",
    ];
    assert_eq!(known, allowed.map(str::to_owned).into());
}
