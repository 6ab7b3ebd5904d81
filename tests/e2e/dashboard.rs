//! The dashboard in the documentation asks for nothing that the service does not show.

use e2e::{Deployment, Performance, Storage, eventually};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DASHBOARD: &str = include_str!("../../docs/grafana/frontrow.json");

/// A metric as a query names it: with these labels, some of which have to have this very value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Selected {
    metric: String,
    labels: BTreeMap<String, Option<String>>,
}

/// The metrics that a query names.
fn selected(query: &str) -> Vec<Selected> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = query.match_indices("frontrow_").map(|(at, _)| &query[at..]);
    let selections = starts.map(|rest| {
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        let (metric, rest) = rest.split_at(end);
        let inner = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let matchers = inner.map_or("", |(matchers, _)| matchers).split(',');
        let label = |matcher: &str| {
            let (name, value) = matcher.split_once('=')?;
            let exact = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            Some((name.to_owned(), exact.map(str::to_owned)))
        };
        Selected {
            metric: metric.to_owned(),
            labels: matchers.filter_map(label).collect(),
        }
    });
    selections.collect()
}

/// Everything that the dashboard asks the data source.
fn queries(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let asks = name == "expr" || name == "query";
                found.extend(field.as_str().filter(|_| asks).map(str::to_owned));
                found.extend(queries(field));
            }
        }
        Value::Array(items) => found.extend(items.iter().flat_map(queries)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

/// Whether a line of the metrics is a sample of what a query names.
fn is_sample(line: &str, wanted: &Selected) -> bool {
    let (name, labels) = line.split_once(['{', ' ']).unwrap_or((line, ""));
    let label = |(name, value): (&String, &Option<String>)| match value {
        Some(value) => labels.contains(&format!("{name}=\"{value}\"")),
        None => labels.contains(&format!("{name}=\"")),
    };
    name == wanted.metric && wanted.labels.iter().all(label)
}

#[test]
fn the_dashboard_can_be_imported() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    assert_eq!(dashboard["__inputs"][0]["name"], "DS_PROMETHEUS");
    assert_eq!(dashboard["id"], Value::Null, "an id belongs to one Grafana");
    assert_eq!(dashboard["templating"]["list"][0]["name"], "schedule_id");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels share an id");
    let source = json!({ "type": "prometheus", "uid": "${DS_PROMETHEUS}" });
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{panel:#}");
        let sources = targets.iter().chain([panel]).map(|one| &one["datasource"]);
        assert!(sources.clone().all(|one| *one == source), "{panel:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_on_the_dashboard_is_shown_by_a_server() {
    let deployment = Deployment::on(Storage::Sqlite).with("AUDIT_SECONDS", "1");
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5).gate("max_active", 1)).await;
    server.fan("Ada").await.enter(&show).await;
    let mut impatient = server.fan("Bea").await;
    impatient.join(&show).await.expect(201);
    impatient.leave().await.expect(204);
    server.finish().await;
    // A server looks at all gates that sell when it starts, and then every now and then.
    let server = deployment.start().await;
    server.operator().stats(&show).await.expect(200);
    let events = server.anonymous().get("/v1/queue/tokens/current/events");
    events.queue_token(&impatient.queue_token).await.expect(200);

    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let wanted: BTreeSet<Selected> = queries(&dashboard).iter().flat_map(|query| selected(query)).collect();
    assert!(wanted.len() > 20, "only {} metrics are asked for", wanted.len());
    let shown = async || {
        let metrics = server.get("/metrics").await.expect(200);
        String::from_utf8_lossy(&metrics.body).into_owned()
    };
    let missing = async || {
        let metrics = shown().await;
        let shown = |wanted: &Selected| metrics.lines().any(|line| is_sample(line, wanted));
        let missing = wanted.iter().filter(|wanted| !shown(wanted));
        missing.map(|wanted| &wanted.metric).collect::<Vec<_>>()
    };
    eventually("everything is shown", async || missing().await.is_empty().then_some(())).await;
    let metrics = shown().await;
    for (metric, figure) in [
        ("frontrow_queue_leavers", 1),
        ("frontrow_queue_no_shows", 0),
        ("frontrow_queue_let_through", 0),
        ("frontrow_gate_max_active", 1),
        ("frontrow_gate_admissions_per_minute", 60_000),
        ("frontrow_gate_paused", 0),
    ] {
        let line = format!("{metric}{{schedule_id=\"{}\"}} {figure}", show.schedule_id);
        assert!(
            metrics.lines().any(|shown| shown == line),
            "{line} is not in\n{metrics}"
        );
    }
    server.finish().await;
}

#[test]
fn what_a_query_asks_for_is_found_in_it() {
    let found = selected("sum by (code) (rate(frontrow_a_total{state=\"x\",id=~\"$id\"}[5m])) / frontrow_b");
    let labels = [("id", None), ("state", Some("x"))];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
    assert_eq!(found[0].metric, "frontrow_a_total");
    assert_eq!(found[0].labels, labels.into());
    assert_eq!(
        (found[1].metric.as_str(), found[1].labels.len(), found.len()),
        ("frontrow_b", 0, 2)
    );
    assert!(is_sample("frontrow_a_total{id=\"7\",state=\"x\"} 1", &found[0]));
    assert!(!is_sample("frontrow_a_total{id=\"7\",state=\"y\"} 1", &found[0]));
    assert!(!is_sample("frontrow_a_totals{id=\"7\",state=\"x\"} 1", &found[0]));
    assert!(is_sample("frontrow_b 1", &found[1]));
}
