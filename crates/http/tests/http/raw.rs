//! Bytes that are no proper request, and proper requests that are no ordinary ones.

use crate::house::{House, OPERATOR};
use rstest::rstest;
use std::fmt::Write as _;

/// What the service says to a head with these lines, and that it serves others afterwards.
async fn says(lines: &[&str], body: &str) -> String {
    let house = House::open().await;
    let mut request = lines.join("\r\n");
    let _ = write!(request, "\r\nhost: x\r\nconnection: close\r\n\r\n{body}");
    let answer = house.raw(&request).await;
    house.get("/health/live").expect(200).await;
    answer
}

#[rstest]
#[case::no_http(&["nonsense"])]
#[case::bad_version(&["GET /health/live HTTP/9.9"])]
#[case::a_space_in_a_name(&["GET /health/live HTTP/1.1", "content length: 5"])]
#[case::two_lengths(&["POST /v1/users HTTP/1.1", "content-length: 5", "content-length: 6"])]
#[case::a_signed_length(&["POST /v1/users HTTP/1.1", "content-length: +5"])]
#[case::a_huge_length(&["POST /v1/users HTTP/1.1", "content-length: 99999999999999999999"])]
#[case::unknown_transfer(&["POST /v1/users HTTP/1.1", "transfer-encoding: gzip"])]
#[case::a_nul(&["GET /health/live HTTP/1.1", "x-a: \0"])]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_is_turned_away_and_harms_nobody(#[case] lines: &[&str]) {
    let answer = says(lines, "").await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"),
        "{answer}"
    );
}

#[rstest]
#[case::not_utf8("GET /v1/concerts/%FF HTTP/1.1", "invalid_concert")]
#[case::an_odd_escape("GET /v1/concerts/%zz HTTP/1.1", "invalid_concert")]
#[case::a_nul("GET /v1/concerts/%00 HTTP/1.1", "invalid_concert")]
#[case::a_slash("GET /v1/concerts/a%2Fb HTTP/1.1", "invalid_concert")]
#[case::dots("GET /v1/concerts/../concerts HTTP/1.1", "not_found")]
#[case::a_query_that_is_none("GET /v1/concerts?%FF=%zz&&=&limit=0 HTTP/1.1", "validation_failed")]
#[case::an_own_method("BOOK /v1/concerts HTTP/1.1", "method_not_allowed")]
#[case::a_whole_address("GET http://elsewhere.example/nowhere HTTP/1.1", "not_found")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_odd_request_gets_an_ordinary_problem(#[case] line: &str, #[case] code: &str) {
    let answer = says(&[line], "").await;
    assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
    assert!(answer.contains("content-type: application/problem+json"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_is_malformed() {
    let lines = [
        "POST /v1/admin/concerts HTTP/1.1",
        &format!("authorization: Bearer {OPERATOR}"),
        "content-type: application/json",
        "transfer-encoding: chunked",
    ];
    let answer = says(&lines, "zz\r\n{}\r\n0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_refusal_leaves_the_connection_usable() {
    let house = House::open().await;
    let refused = "POST /v1/reservations HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello";
    let last = "GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answers = house.raw(&format!("{refused}{last}")).await;
    assert!(
        answers.contains("HTTP/1.1 401") && answers.contains("HTTP/1.1 200"),
        "{answers}"
    );
}
