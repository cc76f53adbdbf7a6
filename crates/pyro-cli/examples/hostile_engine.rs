//! An engine taken over by its guest, for tests: it stands in for QEMU and speaks on the agent's
//! channel as told by a file `behaviour` beside the disk layer's data directory (see
//! `tests/guest/hostile.rs`).
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test's program"
)]

use pyro_core::testing::{FrameReader, send_message};
use pyro_protocol::hello::{Greeting, Hello, Ready, Welcome};
use pyro_protocol::limits::PROTOCOL_VERSION;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;

/// Where QEMU finds the agent's channel.
const CHANNEL_FD: i32 = 4;
/// Where it finds the console.
const CONSOLE_FD: i32 = 5;

fn main() {
    // Asked for its version and its processor features, it answers as QEMU does.
    match std::env::args().nth(1).as_deref() {
        Some("--version") => return println!("QEMU emulator version 10.0.13"),
        Some("-cpu") => return println!("Recognized CPUID flags:\n  erms fsrm smap"),
        _ => {}
    }
    // The behaviour is the name that this program is started by: nothing else can be read from
    // inside the confinement.
    let behaviour = std::env::args().next().unwrap();
    let behaviour = behaviour.rsplit('/').nth(1).unwrap().to_owned();
    // SAFETY: the descriptors are inherited for this very use and nobody else in this process knows
    // them.
    let (mut channel, mut console) =
        unsafe { (UnixStream::from_raw_fd(CHANNEL_FD), UnixStream::from_raw_fd(CONSOLE_FD)) };
    match behaviour.as_str() {
        "garbage" => channel.write_all(&[0xff; 4096]).unwrap(),
        "oversized" => channel.write_all(&[0x7f, 0xff, 0xff, 0xff, 0]).unwrap(),
        "endless" => while channel.write_all(&[0; 65536]).is_ok() {},
        "noisy" => while console.write_all(b"\x1b[2Jnoise on the console\n").is_ok() {},
        "silent" | "mute" => {}
        "breaks" | "floods" => greet_then(channel, behaviour == "floods"),
        other => panic!("no behaviour {other:?}"),
    }
    loop {
        std::thread::park();
    }
}

/// Behave until the session, then send what is no session, or frames without end.
fn greet_then(channel: UnixStream, floods: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        channel.set_nonblocking(true).unwrap();
        let (reader, mut writer) = tokio::net::UnixStream::from_std(channel).unwrap().into_split();
        let ready = Ready { protocol: PROTOCOL_VERSION, started_us: (0, 0) };
        send_message(&mut writer, &Greeting::Ready(ready)).await.unwrap();
        let mut frames = FrameReader::new(reader);
        let hello: Hello = frames.message().await.unwrap();
        let welcome = Welcome {
            nonce: hello.nonce,
            agent_version: "\x1b[31mevil".into(),
            kernel_release: "x".repeat(1000),
        };
        send_message(&mut writer, &Greeting::Welcome(welcome)).await.unwrap();
        // A yamux data frame for a stream that was never opened, of the largest length, again and
        // again.
        let frame: Vec<u8> = if floods {
            [&[0, 0, 0, 1, 0, 0, 0, 2, 0, 4, 0, 0][..], &[0; 0x4_0000]].concat()
        } else {
            vec![0xee; 4096]
        };
        while tokio::io::AsyncWriteExt::write_all(&mut writer, &frame).await.is_ok() && floods {}
        std::future::pending::<()>().await;
    });
}
