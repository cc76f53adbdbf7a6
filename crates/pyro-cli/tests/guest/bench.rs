//! `pyro bench` measures everything and leaves nothing; `PYRO_LOG` explains a start.

use crate::home::{Home, kill, stderr, stdout};
use crate::on_each_engine;

on_each_engine!(everything_is_measured, a_start_is_explained, an_interrupted_bench_leaves_nothing);

fn assert_no_place(home: &Home) {
    let places = std::fs::read_dir(home.data_dir().join("bench")).map(Iterator::count).unwrap_or(0);
    assert_eq!(places, 0, "the measurement's place is left");
    home.assert_clean();
}

fn everything_is_measured(home: &Home) {
    let results = home.path().join("results");
    std::fs::create_dir(&results).unwrap();
    let output = home
        .pyro(&["bench", "--json", "--runs", "1", "--vms", "2", "--mem-mib", "512"])
        .args(["--against", "sleep 0.1", "--output", results.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["host"]["accelerator"], home.mode().trim_start_matches("guest_"));
    let median = |name: &str| {
        let measures = report["measures"].as_array().unwrap();
        let measure = measures.iter().find(|measure| measure["name"] == name);
        measure.unwrap_or_else(|| panic!("{name} is not measured"))["median"].as_f64().unwrap()
    };
    for (name, least, most) in [
        ("cold_start", 50.0, 60_000.0),
        ("request_to_hello", 5.0, 60_000.0),
        ("request_to_ready", 5.0, 60_000.0),
        ("first_exec", 0.5, 10_000.0),
        ("exec", 0.5, 10_000.0),
        ("exec_in_guest", 0.1, median("exec")),
        ("round_trip", 0.01, 5_000.0),
        ("throughput_out", 1.0, 100_000.0),
        ("throughput_in", 1.0, 100_000.0),
        ("parallel_start", 50.0, 120_000.0),
        ("pss_1", 10.0, 600.0),
        ("pss_2", 10.0, 600.0),
        ("disk_2", 0.01, 100.0),
        ("in_turn_pyro", 50.0, 60_000.0),
        ("in_turn_command", 100.0, 5_000.0),
    ] {
        let median = median(name);
        assert!((least..=most).contains(&median), "{name} is {median}");
    }
    assert_eq!(report["parallel"]["failures"], 0);
    // The file holds the same, and is read back for the documentation.
    let file = std::fs::read_dir(&results).unwrap().next().unwrap().unwrap().path();
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written, report);
    let page = home.pyro(&["bench-page", file.to_str().unwrap()]).output().unwrap();
    assert!(
        stdout(&page).contains("| `pyro run … -- true`, cold start | 1 |"),
        "{}",
        stdout(&page)
    );
    assert_no_place(home);
}

fn a_start_is_explained(home: &Home) {
    let explained = |level: &str| {
        stderr(&home.run_command(&[], &["true"]).env("PYRO_LOG", level).output().unwrap())
    };
    let info = explained("info");
    let line =
        info.lines().find(|line| line.contains("started in")).unwrap_or_else(|| panic!("{info}"));
    for step in ["supervisor ", "engine ", "hello ", "mount ", "socket "] {
        assert!(line.contains(step), "{line}");
    }
    let debug = explained("debug");
    for span in ["plan: ", "start: ", "mount: ", "exec: ", "end: "] {
        assert!(debug.contains(span), "no span {span}in {debug}");
    }
}

fn an_interrupted_bench_leaves_nothing(home: &Home) {
    let mut child = home.pyro(&["bench", "--runs", "1000"]).spawn().unwrap();
    home.process("-no-user-config");
    kill(child.id().try_into().unwrap(), "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_no_place(home);
    // A killed one leaves its place, which the next one removes; its vms end by themselves.
    let mut child = home.pyro(&["bench", "--runs", "1000"]).spawn().unwrap();
    home.process("-no-user-config");
    child.kill().unwrap();
    child.wait().unwrap();
    crate::home::eventually("end of its vms", || home.processes().is_empty().then_some(()));
    let refused = home.pyro(&["bench", "--environment", "nowhere:1"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert_no_place(home);
}
