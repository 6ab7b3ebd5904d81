//! The OpenAPI document: printed, committed and served, it is the same.

use e2e::{Deployment, Storage};
use serde_json::Value;
use std::path::Path;

fn printed() -> String {
    let output = Deployment::on(Storage::Memory)
        .command(&["openapi"])
        .output()
        .expect("the binary runs");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_committed_document_is_the_binary_s() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let committed = std::fs::read_to_string(path).expect("docs/openapi.json is there; `make openapi` writes it");
    assert!(committed == printed(), "docs/openapi.json is stale: run `make openapi`");
}

#[tokio::test]
async fn the_served_document_is_the_printed_one() {
    let server = Deployment::on(Storage::Memory).start().await;
    let served = server.get("/openapi.json").await.expect(200);
    let printed: Value = serde_json::from_str(&printed()).expect("JSON");
    assert_eq!(served.json, printed);
    assert!(
        printed["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
}

#[tokio::test]
async fn the_docs_work_without_the_internet() {
    let server = Deployment::on(Storage::Memory).start().await;
    let page = server.get("/docs/").await.expect(200);
    let html = String::from_utf8_lossy(&page.body).into_owned();
    let foreign: Vec<_> = html
        .split(['"', '\''])
        .filter(|text| text.starts_with("http") || text.starts_with("//"))
        .collect();
    assert!(foreign.is_empty(), "the page asks elsewhere: {foreign:?}");
    let own = html
        .split('"')
        .filter(|text| text.ends_with(".js") || text.ends_with(".css"));
    let mut parts = 0;
    for part in own {
        server
            .get(&format!("/docs/{}", part.trim_start_matches("./")))
            .await
            .expect(200);
        parts += 1;
    }
    assert!(parts > 0, "the page has no parts\n{html}");
}
