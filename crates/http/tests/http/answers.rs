//! What every answer carries, and what no answer and no log line ever does.

use crate::{
    client::text,
    house::{House, OPERATOR},
};
use serde_json::json;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tracing_subscriber::fmt::MakeWriter;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_names_its_request_and_is_not_kept_by_caches() {
    let house = House::open().await;
    let mut ids = Vec::new();
    for (path, caching) in [
        ("/v1/concerts", "no-store"),
        ("/v1/admin/audit", "no-store"),
        ("/nowhere", "no-store"),
        ("/health/live", "no-store"),
        ("/docs/swagger-ui.css", "max-age=3600"),
    ] {
        let answer = house.get(path).header("x-request-id", "mine").send().await;
        assert_eq!(answer.header("cache-control"), caching, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let id = answer.header("x-request-id").to_owned();
        assert_eq!(id.len(), 36, "{path}");
        if answer.status.is_client_error() {
            let problem = answer.json();
            assert_eq!(
                (text(&problem, "request_id"), text(&problem, "instance")),
                (id.clone(), path.to_owned())
            );
        }
        ids.push(id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_problem_has_all_its_members() {
    let house = House::open().await;
    let answer = house.get("/v1/admin/audit").send().await;
    let mut problem = answer.json();
    problem["request_id"] = json!("[id]");
    assert_eq!(
        problem,
        json!({
            "type": "/problems/invalid_token",
            "title": "A credential is missing or not valid",
            "status": 401,
            "detail": "the access token or operator key is missing or not valid",
            "instance": "/v1/admin/audit",
            "code": "invalid_token",
            "request_id": "[id]",
        })
    );
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_by_route_and_code_and_not_by_what_callers_make_up() {
    let house = House::open().await;
    house.get("/v1/concerts/one").refused(404, "invalid_concert").await;
    house.get("/v1/concerts/two").refused(404, "invalid_concert").await;
    house.get("/made-up").refused(404, "not_found").await;
    let made_up = reqwest::Method::from_bytes(b"MADEUP").unwrap();
    house
        .request(made_up, "/v1/concerts")
        .refused(405, "method_not_allowed")
        .await;
    house.get("/v1/admin/audit").bearer(OPERATOR).expect(200).await;
    let metrics = house.get("/metrics").send().await;
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    for line in [
        r#"frontrow_http_requests_total{method="GET",route="/v1/concerts/{concert_id}",status="404",code="invalid_concert"} 2"#,
        r#"frontrow_http_requests_total{method="GET",route="unmatched",status="404",code="not_found"} 1"#,
        r#"frontrow_http_requests_total{method="other",route="/v1/concerts",status="405",code="method_not_allowed"} 1"#,
        r#"frontrow_http_request_seconds_count{method="GET",route="/v1/admin/audit"} 1"#,
        r#"frontrow_invariant_violations{invariant="I1"} 0"#,
        "frontrow_http_requests_in_flight 0",
    ] {
        assert!(metrics.body.contains(line), "{line} is not in\n{}", metrics.body);
    }
    assert!(!metrics.body.contains("made-up") && !metrics.body.contains("MADEUP"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documentation_needs_nothing_from_elsewhere() {
    let house = House::open().await;
    let redirect = house.get("/docs").send().await;
    assert_eq!((redirect.status.as_u16(), redirect.header("location")), (308, "/docs/"));
    let page = house.get("/docs/").send().await;
    assert!(page.header("content-type").starts_with("text/html"));
    let script = house.get("/docs/swagger-initializer.js").send().await;
    assert!(script.body.contains("/openapi.json"), "{}", script.body);
    for text in [&page.body, &script.body] {
        assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
    }
    for part in page.body.split(['"']).filter(|part| part.starts_with("./")) {
        let asset = house.get(&format!("/docs/{}", &part[2..])).send().await;
        assert_eq!(asset.status, 200, "{part}");
    }
}

/// Gathers what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// The log is the process's, so everything that looks at it is one test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_and_bodies_are_in_no_log_and_no_problem() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
    subscriber.with_writer(log.clone()).init();
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    let held = house.hold(&fan, &place, &concert, &[1]).await;
    let canary = "canary-in-a-body";
    let key = house.operator(&[]).await;
    let pay = json!({"reservation_id": held["reservation_id"], "payment_method": canary});
    house
        .post("/v1/payments", &pay)
        .inside(&fan, &place)
        .key("canary-key")
        .refused(402, "insufficient_balance")
        .await;
    house
        .post("/v1/payments", &json!({"canary-field": canary}))
        .inside(&fan, &place)
        .send()
        .await;
    house
        .get("/v1/admin/audit")
        .bearer(&key)
        .refused(403, "forbidden")
        .await;
    house.get("/v1/admin/audit").bearer(OPERATOR).expect(200).await;
    house
        .get("/v1/admin/audit")
        .bearer("fra_canary-forged")
        .refused(401, "invalid_token")
        .await;
    let problems = [
        house.get("/v1/admin/audit").by(&fan).send().await.body,
        house
            .get("/v1/concerts/none/dates")
            .inside(&fan, "frq_canary-forged")
            .send()
            .await
            .body,
        house.get("/metrics").send().await.body,
    ];
    let log = log.text();
    assert!(log.contains("\"route\":\"/v1/payments\"") && log.contains("\"code\":\"insufficient_balance\""));
    for secret in [
        fan.access_token.as_str(),
        place.as_str(),
        key.as_str(),
        OPERATOR,
        "canary",
        "the root secret of all test houses",
    ] {
        assert!(!log.contains(secret), "{secret} was logged");
        for problem in &problems {
            assert!(!problem.contains(secret), "{secret} was answered");
        }
    }
}
