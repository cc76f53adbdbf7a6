//! How fast outputs lose their secrets: `cargo bench -p pyro-core --bench redaction`.
#![allow(clippy::print_stdout, reason = "results")]

use pyro_core::Secret;
use pyro_core::testing::Redactor;
use std::hint::black_box;
use std::time::Instant;

/// Bytes of each text.
const LEN: usize = 64 << 20;

/// Bytes that come at once.
const PIECE: usize = 64 * 1024;

const WORDS: [&str; 16] = [
    "error:",
    "connection",
    "to",
    "the",
    "server",
    "failed",
    "with",
    "status",
    "503",
    "GET",
    "/api/v1/items?page=2&size=50%25",
    "[2026-12-01T03:47:32Z]",
    "INFO",
    "Compiling",
    "v3.12.0",
    "a",
];

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn main() {
    let key = random(BASE64, 65_000, 0);
    let secrets: [(&str, &[&str]); 3] = [
        ("one token", &["ghp_16C7e42F292c6912E7710c838347Ae178B4a"]),
        (
            "five secrets",
            &[
                "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
                "AKIAIOSFODNN7EXAMPLE",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "postgres://user:p4ss@db/name",
                "correct horse battery staple",
            ],
        ),
        ("a key of 64 KB", &[std::str::from_utf8(&key).unwrap_or_default()]),
    ];
    let escapes = b"0123456789%%%%";
    let texts = [
        ("log", words()),
        ("base64", random(BASE64, LEN, 76)),
        ("binary", random(&(0..=u8::MAX).collect::<Vec<_>>(), LEN, 0)),
        ("escapes", random(escapes, LEN, 76)),
    ];
    for (name, values) in secrets {
        let values: Vec<Secret> = values.iter().map(|value| (*value).into()).collect();
        let began = Instant::now();
        let redactor = Redactor::new(&values).expect("few secrets");
        println!("{name}, ready after {:.1} ms", began.elapsed().as_secs_f64() * 1000.0);
        for (kind, text) in &texts {
            let copied = speed(text, |piece, out| out.extend_from_slice(piece));
            let mut stream = redactor.stream();
            let redacted = speed(text, |piece, out| stream.push(piece, out));
            println!("  {kind:8} {redacted:6.0} MB/s; only copied {copied:6.0} MB/s");
        }
    }
}

/// MB in a second.
fn speed(text: &[u8], mut take: impl FnMut(&[u8], &mut Vec<u8>)) -> f64 {
    let mut out = Vec::with_capacity(2 * PIECE);
    let began = Instant::now();
    for piece in text.chunks(PIECE) {
        take(piece, &mut out);
        black_box(&out);
        out.clear();
    }
    text.len() as f64 / began.elapsed().as_secs_f64() / 1e6
}

/// The same numbers every time.
fn numbers() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(88_172_645_463_325_252_u64), |last| {
        let one = last ^ (last << 13);
        let two = one ^ (one >> 7);
        Some(two ^ (two << 17))
    })
    .map(|number| (number >> 16) as usize)
}

/// Lines of some bytes, or no lines.
fn random(of: &[u8], len: usize, width: usize) -> Vec<u8> {
    let byte = |(at, number): (usize, usize)| match width > 0 && at % (width + 1) == width {
        true => b'\n',
        false => of[number % of.len()],
    };
    (0..len).zip(numbers()).map(byte).collect()
}

fn words() -> Vec<u8> {
    let mut text = Vec::with_capacity(LEN + 100);
    for (at, number) in numbers().enumerate() {
        if text.len() >= LEN {
            break;
        }
        text.extend_from_slice(WORDS[number % WORDS.len()].as_bytes());
        text.push(if at % 12 == 11 { b'\n' } else { b' ' });
    }
    text
}
