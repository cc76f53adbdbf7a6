//! Output that fits a model: head and tail in the result, the whole page by page, floods bounded.

use super::{done, failed, started};
use crate::home::Home;
use crate::on_each_engine;

on_each_engine!(much_output_is_paged_exactly, a_flood_is_bounded);

/// Bytes of text that a result holds of a stream.
const INLINE_LIMIT: usize = 64 * 1024;

fn much_output_is_paged_exactly(home: &Home) {
    let id = started(home);
    // Characters of two bytes, so that some page would end inside one.
    let run = done(home, &["exec", &id, "60", "seq -f 'é%g' 1 60000; echo small >&2"]);
    let expected: String = (1..=60_000).map(|number| format!("é{number}\n")).collect();
    let text = run["stdout"].as_str().unwrap();
    assert_eq!(
        (&run["stdout_truncated"], &run["stdout_bytes"]),
        (&true.into(), &expected.len().into())
    );
    assert_eq!(
        (&run["stderr"], &run["stderr_file"]),
        (&"small\n".into(), &serde_json::Value::Null)
    );
    assert!(
        text.starts_with("é1\né2\n")
            && text.ends_with("é60000\n")
            && text.len() < INLINE_LIMIT + 100
    );
    let name = run["stdout_file"].as_str().unwrap();
    assert!(text.contains(name) && run["stdout_encoding"] == "utf-8");
    let (mut whole, mut offset) = (String::new(), 0);
    loop {
        let page = done(home, &["page", name, &offset.to_string(), "65536"]);
        assert_eq!(
            (&page["total_bytes"], &page["encoding"]),
            (&expected.len().into(), &"utf-8".into())
        );
        whole += page["text"].as_str().unwrap();
        match page["next_offset"].as_u64() {
            Some(next) => offset = next,
            None => break,
        }
    }
    assert!(whole == expected, "{} bytes of {}", whole.len(), expected.len());
    assert_eq!(failed(home, &["page", "0123456789ab-stdout", "0", "100"]), "not_found");
    assert_eq!(failed(home, &["page", "../pyro.sqlite3", "0", "100"]), "invalid_input");
    assert_eq!(failed(home, &["page", name, "0", "0"]), "invalid_input");
}

fn a_flood_is_bounded(home: &Home) {
    let id = started(home);
    let run = done(home, &["exec", &id, "10", "yes"]);
    assert_eq!((&run["exit_code"], &run["timed_out"]), (&124.into(), &true.into()));
    assert!(run["stdout"].as_str().unwrap().len() < INLINE_LIMIT + 100);
    let file = home.data_dir().join("outputs").join(run["stdout_file"].as_str().unwrap());
    let kept = std::fs::metadata(file).unwrap().len();
    // Behind a full file stands how many bytes there were.
    let (bytes, max) = (run["stdout_bytes"].as_u64().unwrap(), 256 << 20);
    assert_eq!(kept, if bytes > max { max + 8 } else { bytes });
}
