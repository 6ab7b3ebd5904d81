//! The contract of operators.

use e2e::{
    Deployment, Method, Performance, Show, eventually, moment, now, on_every_storage, sorted_fields, unknown_id,
};
use serde_json::{Value, json};
use time::Duration;

on_every_storage!(
    staging_a_concert,
    scheduling,
    setting_a_gate,
    reading_statistics,
    operators_alone,
);

/// `POST /v1/admin/concerts`.
async fn staging_a_concert(deployment: Deployment) {
    let server = deployment.start().await;
    let operator = server.operator();
    let stage = |body: &Value| operator.client().post("/v1/admin/concerts", body);
    stage(&json!(null)).raw("[").await.problem(400, "malformed_request");
    for body in [
        json!({}),
        json!({ "title": "Love Poem" }),
        json!({ "title": "", "venue": "Seoul" }),
        json!({ "title": 7, "venue": "Seoul" }),
        json!({ "title": "Love Poem", "venue": "Seoul", "seats": 5 }),
    ] {
        stage(&body).await.problem(422, "validation_failed");
    }
    let body = json!({ "title": "러브 포엠", "venue": "올림픽홀" });
    let concert = stage(&body).await.expect(201).shows(&body);
    assert_eq!(concert.fields(), ["concert_id", "title", "venue"], "{concert}");
    let shown = server
        .get(&format!("/v1/concerts/{}", concert.text("concert_id")))
        .await;
    shown.expect(200).shows(&body);
    server.finish().await;
}

/// `POST /v1/admin/concerts/{concert_id}/schedules`.
async fn scheduling(deployment: Deployment) {
    let server = deployment.start().await;
    let operator = server.operator();
    let concert_id = operator.concert("Love Poem").await;
    let path = |id: &str| format!("/v1/admin/concerts/{id}/schedules");
    let good = Performance::of_seats(50).body();
    let schedule = |body: &Value| operator.client().post(&path(&concert_id), body);
    let but = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };

    for id in [unknown_id().as_str(), "no-uuid"] {
        let nowhere = operator.client().post(&path(id), &good);
        nowhere.await.problem(404, "invalid_concert");
    }
    let starts = now() + Duration::days(30);
    let section = |rows: u32, seats: u32| json!({ "sections": [{ "name": "A", "rows": rows, "seats_per_row": seats, "price": 1 }] });
    for body in [
        json!({}),
        but("starts_at", json!("tomorrow")),
        but("starts_at", json!("2099-12-24")),
        but("starts_at", json!("9999-12-31T23:59:59-09:00")),
        but("booking_opens_at", json!("0000-01-01T00:00:00+09:00")),
        but("booking_closes_at", json!(moment(starts + Duration::days(1)))),
        but("booking_opens_at", json!(moment(starts + Duration::days(1)))),
        but("seats", json!({})),
        but("seats", json!({ "count": 0, "price": 1 })),
        but("seats", json!({ "count": 100_001, "price": 1 })),
        but("seats", json!({ "count": 5, "price": -1 })),
        but("seats", json!({ "count": 5, "price": 0.5 })),
        but("seats", json!({ "count": 5, "price": "5" })),
        but("seats", json!({ "count": 5, "price": 9_000_000_000_000_000_000_u64 })),
        but("seats", json!({ "sections": [] })),
        but("seats", section(1_000, 101)),
        but("seats", section(0, 5)),
        but("gate", json!({ "max_active": 0 })),
        but("gate", json!({ "admissions_per_minute": 0 })),
        but("gate", json!({ "session_seconds": 0 })),
        but("gate", json!({ "speed": 9 })),
        but("gate", json!({ "paused": "no" })),
        but("venue", json!("elsewhere")),
    ] {
        schedule(&body).await.problem(422, "validation_failed");
    }

    // Without a gate it gets the default one; the same start again is refused.
    let mut bare = good.clone();
    bare.as_object_mut().map(|body| body.remove("gate"));
    let made = schedule(&bare).await.expect(201);
    let gate = json!({ "max_active": 100, "admissions_per_minute": 600, "session_seconds": 600, "paused": false });
    assert_eq!(made["gate"], gate, "{made}");
    assert_eq!(made["seats_total"], 50, "{made}");
    assert_eq!(made["concert_id"], concert_id.as_str(), "{made}");
    schedule(&good).await.problem(409, "schedule_exists");

    // Up to 100,000 seats; and layouts may be larger than other bodies.
    let starts = |days: i64| json!(moment(now() + Duration::days(days)));
    let mut large = but("seats", section(1_000, 100));
    large["starts_at"] = starts(40);
    // That may take longer than an answer may: the same key tells how it went.
    let made = async || {
        let answer = schedule(&large).key("a-large-house").await;
        let unsettled = ["outcome_unknown", "request_in_progress"];
        let settled = !unsettled.iter().any(|code| answer.json["code"] == *code);
        settled.then_some(answer)
    };
    let made = eventually("the large house is made", made).await.expect(201);
    assert_eq!(made["seats_total"], 100_000, "{made}");
    let many: Vec<_> = (0..400)
        .map(|number| json!({ "name": format!("Section {number}"), "rows": 2, "seats_per_row": 3, "price": 70_000 }))
        .collect();
    let mut wordy = but("seats", json!({ "sections": many }));
    wordy["starts_at"] = starts(41);
    assert!(wordy.to_string().len() > 16 * 1024);
    let made = schedule(&wordy).await.expect(201);
    assert_eq!(made["seats_total"], 2_400, "{made}");
    server.finish().await;
}

/// `GET` and `PATCH /v1/admin/schedules/{schedule_id}/gate`.
async fn setting_a_gate(deployment: Deployment) {
    let server = deployment.start().await;
    let operator = server.operator();
    let show = server.stage(&Performance::of_seats(5).gate("max_active", 3)).await;
    let unknown = Show {
        schedule_id: unknown_id(),
        ..show.clone()
    };
    operator.gate(&unknown).await.problem(404, "invalid_schedule");
    operator
        .set_gate(&unknown, &json!({ "paused": true }))
        .await
        .problem(404, "invalid_schedule");
    for change in [
        json!({ "max_active": 0 }),
        json!({ "max_active": "3" }),
        json!({ "max_active": 2.5 }),
        json!({ "admissions_per_minute": -1 }),
        json!({ "paused": 1 }),
        json!({ "doors": 2 }),
        json!([]),
    ] {
        operator
            .set_gate(&show, &change)
            .await
            .problem(422, "validation_failed");
    }
    let gate = json!({ "max_active": 3, "admissions_per_minute": 60_000, "session_seconds": 600, "paused": false });
    operator.gate(&show).await.expect(200).shows(&gate);

    // Three are inside. Room for one evicts nobody, and lets nobody in.
    let mut fans = Vec::new();
    for name in ["Mina", "Jun", "Somi"] {
        let mut fan = server.fan(name).await;
        fan.enter(&show).await;
        fans.push(fan);
    }
    let changed = operator.set_gate(&show, &json!({ "max_active": 1 })).await.expect(200);
    assert_eq!(changed["max_active"], 1, "{changed}");
    assert_eq!(changed["session_seconds"], 600, "what is not named stays\n{changed}");
    let mut next = server.fan("Yuna").await;
    next.join(&show).await.expect(201);
    for fan in &fans {
        assert_eq!(fan.poll().await.expect(200)["status"], "active");
    }
    for fan in &fans[..2] {
        fan.leave().await.expect(204);
    }
    let counted = async || {
        let stats = operator.stats(&show).await.expect(200);
        (stats["tokens"]["left"] == 2).then_some(stats)
    };
    let stats = eventually("two have left", counted).await;
    assert_eq!(stats["tokens"]["active"], 1, "{stats}");
    assert_eq!(stats["tokens"]["waiting"], 1, "{stats}");
    fans[2].leave().await.expect(204);
    next.wait_until_active().await;
    server.finish().await;
}

/// `GET /v1/admin/schedules/{schedule_id}/stats`.
async fn reading_statistics(deployment: Deployment) {
    let server = deployment.start().await;
    let operator = server.operator();
    let show = server.stage(&Performance::of_seats(10)).await;
    let unknown = Show {
        schedule_id: "no-uuid".to_owned(),
        ..show.clone()
    };
    operator.stats(&unknown).await.problem(404, "invalid_schedule");
    let (mut mina, mut jun) = (server.fan_with("Mina", 100_000).await, server.fan("Jun").await);
    mina.enter(&show).await;
    jun.enter(&show).await;
    let bought = mina.held(&show, &[1, 2]).await;
    mina.pay(&bought).await.expect(201);
    jun.held(&show, &[3]).await;
    let released = jun.held(&show, &[4]).await;
    jun.release(&released).await.expect(204);

    let stats = operator.stats(&show).await.expect(200).shows(&json!({
        "seats": { "available": 7, "held": 1, "sold": 2 },
        "tokens": { "waiting": 0, "active": 1, "completed": 1, "expired": 0, "left": 0 },
        "reservations": { "held": 1, "confirmed": 1, "expired": 0, "released": 1 },
        "revenue": 100_000,
        "admissions_last_minute": 2,
    }));
    assert_eq!(sorted_fields(&stats["wait_seconds"]), ["p50", "p99"], "{stats}");
    let audit = operator.assert_clean_audit().await;
    assert_eq!(audit.fields(), ["checks", "ok"], "{audit}");
    for check in audit.list("checks") {
        let fields = ["invariant", "sample", "statement", "violations"];
        assert_eq!(sorted_fields(check), fields, "{audit}");
    }
    server.finish().await;
}

/// Every operator's route is closed to fans and to nobody.
async fn operators_alone(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5)).await;
    let fan = server.fan("Mina").await;
    let schedules = format!("/v1/admin/concerts/{}/schedules", show.concert_id);
    let gate = format!("/v1/admin/schedules/{}/gate", show.schedule_id);
    let stats = format!("/v1/admin/schedules/{}/stats", show.schedule_id);
    for (method, path) in [
        (Method::POST, "/v1/admin/concerts"),
        (Method::POST, &schedules),
        (Method::GET, &gate),
        (Method::PATCH, &gate),
        (Method::GET, &stats),
        (Method::GET, "/v1/admin/audit"),
    ] {
        let call = |client: &e2e::Client| {
            let call = client.call(method.clone(), path);
            if method == Method::GET {
                call
            } else {
                call.json(&json!({}))
            }
        };
        call(fan.client()).await.problem(403, "forbidden");
        call(&server.anonymous()).await.problem(401, "invalid_token");
        let nonsense = "x".repeat(64);
        call(&server.bearer(&nonsense)).await.problem(401, "invalid_token");
    }
    server.finish().await;
}
