//! Where the binary under test lies.

use std::path::{Path, PathBuf};

/// The binary under test: `FRONTROW_BIN`, or the one cargo built beside the running test.
///
/// # Panics
///
/// When there is none; the message says how to build it.
#[must_use]
pub fn binary() -> PathBuf {
    let path = std::env::var_os("FRONTROW_BIN").map_or_else(beside_this_test, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is missing: build it with `cargo build --bin frontrow`, or name one in FRONTROW_BIN",
        path.display()
    );
    path
}

/// `target/<profile>/frontrow`, seen from `target/<profile>/deps/e2e-<hash>`.
fn beside_this_test() -> PathBuf {
    let test = std::env::current_exe().expect("a running test knows its own path");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("tests lie in target/<profile>/deps");
    profile.join(format!("frontrow{}", std::env::consts::EXE_SUFFIX))
}
