//! `pyro doctor` answers whatever it finds, with every field of the contract.

use crate::{pyro, pyro_with};

#[test]
fn doctor_answers_whatever_the_settings_are() {
    for (name, value) in
        [("HOME", None), ("PYRO_ACCEL", Some("foo")), ("PYRO_DATA_DIR", Some("relative"))]
    {
        let json = pyro_with(&["doctor", "--json"], |command| {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        });
        let report: serde_json::Value = serde_json::from_slice(&json.stdout).expect("a report");
        assert_eq!(
            (json.status.code(), &report["runtime_ok"]),
            (Some(1), &false.into()),
            "{name}: {report:#}"
        );
        let checks = report["checks"].as_array().expect("checks");
        assert_eq!(
            (&checks[0]["name"], &checks[0]["health"]),
            (&"settings".into(), &"failed".into()),
            "{report:#}"
        );
        assert!(
            checks[0]["detail"].as_str().is_some_and(|detail| detail.contains(name)),
            "{report:#}"
        );
        assert!(
            checks.len() > 5
                && report["issues"][0].as_str().is_some_and(|issue| issue.contains(name))
        );
        assert!(report["runtime"]["component_versions"]["pyro"].is_string(), "{report:#}");
    }
    let words = pyro_with(&["doctor"], |command| {
        command.env("PYRO_ACCEL", "foo");
    });
    let told = String::from_utf8_lossy(&words.stdout).into_owned();
    for line in [
        "Platform: linux-x86_64\nRuntime: FAIL\nKVM: exists=",
        "\nIssues:\n- settings: ",
        "\nFAIL settings: ",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn doctor_has_every_field_of_the_contract() {
    let report: serde_json::Value =
        serde_json::from_slice(&pyro(&["doctor", "--json"]).stdout).expect("a report");
    for field in [
        "bundle_root",
        "manifest_path",
        "firecracker_bin",
        "jailer_bin",
        "guest_agent_path",
        "guest_init_path",
        "artifacts_dir",
        "artifacts_present",
        "notice_path",
    ] {
        assert_eq!(report["runtime"].get(field), Some(&serde_json::Value::Null), "{field}");
    }
}
