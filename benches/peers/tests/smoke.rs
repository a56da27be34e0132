//! The harness works: it builds a peer, measures it, and its spans arrive.

use std::process::Command;

#[test]
fn a_peer_is_measured_and_what_it_sends_is_counted() {
    let output = Command::new(env!("CARGO_BIN_EXE_tracehound-peers"))
        .args(["--quick", "--peers", "floor,native", "--sections", "spans,propagation"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();

    let row = |name: &str| -> Vec<f64> {
        let row = text.lines().find_map(|line| line.strip_prefix(&format!("| {name} | ")));
        let row = row.unwrap_or_else(|| panic!("no {name} in\n{text}"));
        let cells = row.trim_end_matches(" |").split(" | ");
        cells.map(|cell| cell.replace(',', "").parse().unwrap()).collect()
    };
    assert_eq!(row("`hot`, percent delivered"), [0.0, 100.0]);
    assert_eq!(row("`root`, percent delivered"), [0.0, 100.0]);
    let [floor, native] = row("`hot`, ns")[..] else { panic!("two peers in\n{text}") };
    assert!(0.0 < floor && floor < native, "{text}");
    assert!(row("inject, ns")[0] > 0.0, "{text}");
    // Whether a bar is met is not for a test: nothing else was measured that it could compare with.
    assert!(text.contains("not measured"), "{text}");
}

#[test]
fn what_is_not_known_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_tracehound-peers"))
        .args(["--sections", "spans,nonsense"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--sections"));
}
