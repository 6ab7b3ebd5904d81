//! The binary as a process.

#[test]
fn the_binary_that_is_tested_exists() {
    assert!(e2e::binary().is_file());
}
