//! Guests that hang while they boot, and what is said of them.

use crate::home::{Home, is_strict, stderr, stdout};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where the kernel below lies in memory.
const BASE: u32 = 0x10_0000;
/// Its entry, from there.
const ENTRY: u32 = 0x1000;

/// A kernel that QEMU starts as it starts Linux (an ELF with a PVH note), which says a line on the
/// console and then does `end` for ever.
fn kernel(directory: &Path, end: &[u8]) -> PathBuf {
    // mov dx, 0x3f8; then for each byte: mov al, BYTE; out dx, al
    let mut code = vec![0x66, 0xba, 0xf8, 0x03];
    code.extend(b"getting \x1b[31mnowhere\r\n".iter().flat_map(|&byte| [0xb0, byte, 0xee]));
    code.extend(end);
    let mut note: Vec<u8> = [4u32, 4, 18].iter().flat_map(|word| word.to_le_bytes()).collect();
    note.extend(b"Xen\0");
    note.extend((BASE + ENTRY).to_le_bytes());
    let header = |kind: u32, offset: u64, len: usize, align: u64| {
        let address = u64::from(BASE) + offset;
        let mut header: Vec<u8> = [kind, 5].iter().flat_map(|word| word.to_le_bytes()).collect();
        header.extend(
            [offset, address, address, len as u64, len as u64, align]
                .iter()
                .flat_map(|word| word.to_le_bytes()),
        );
        header
    };
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend([2u16, 62].iter().flat_map(|half| half.to_le_bytes()));
    elf.extend(1u32.to_le_bytes());
    elf.extend([u64::from(BASE + ENTRY), 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    elf.extend(0u32.to_le_bytes());
    elf.extend([64u16, 56, 2, 64, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
    elf.extend(header(1, ENTRY.into(), code.len(), 0x1000));
    elf.extend(header(4, 0x200, note.len(), 4));
    elf.resize(0x200, 0);
    elf.extend(note);
    elf.resize(ENTRY as usize, 0);
    elf.extend(code);
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(directory.join("vmlinux"), elf).unwrap();
    std::fs::write(directory.join("kernel.toml"), "").unwrap();
    directory.to_owned()
}

fn is_told(end: &[u8], how: &str) {
    let home = Home::tcg();
    let kernel = kernel(&home.path().join("kernel"), end);
    let began = Instant::now();
    let output = home.run_command(&[], &["true"]).env("PYRO_KERNEL_DIR", &kernel).output().unwrap();
    let (told, took) = (stderr(&output), began.elapsed());
    assert_eq!(output.status.code(), Some(125), "{told}");
    for part in [
        "hangs while its kernel starts",
        how,
        "getting [31mnowhere",
        "hint:",
        "PYRO_ACCEL",
        "PYRO_QEMU",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains('\x1b'), "{told:?}");
    // On a host that does nothing else.
    assert!(!is_strict() || took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn one_that_spins_is_told_with_its_last_words() {
    // jmp to itself
    is_told(&[0xeb, 0xfe], "s of processor time");
}

#[test]
fn one_that_waits_for_ever_is_told_with_its_last_words() {
    // cli; hlt; and again
    is_told(&[0xfa, 0xf4, 0xeb, 0xfd], "in which it did nothing");
}

#[test]
fn doctor_says_that_guests_run_only_where_one_did() {
    let home = Home::tcg();
    let doctor = |args: &[&str], kernel: Option<&Path>| {
        let mut command = home.pyro(&[&["doctor"], args].concat());
        kernel.map(|kernel| command.env("PYRO_KERNEL_DIR", kernel));
        command.output().unwrap()
    };
    let healthy = doctor(&[], None);
    assert!(healthy.status.success(), "{}", stdout(&healthy));
    let said = stdout(&healthy);
    assert!(
        said.ends_with("\nGuests can run on this host.\n") && said.contains("\nok   guest: "),
        "{said}"
    );
    home.assert_clean();
    let kernel = kernel(&home.path().join("kernel"), &[0xfa, 0xf4, 0xeb, 0xfd]);
    let quick = stdout(&doctor(&["--quick"], Some(&kernel)));
    assert!(quick.ends_with("none was started.\n") && !quick.contains("guest: "), "{quick}");
    let broken = doctor(&["--json"], Some(&kernel));
    let report: serde_json::Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert_eq!(
        (broken.status.code(), &report["runtime_ok"]),
        (Some(1), &false.into()),
        "{report:#}"
    );
    assert_eq!(report["guest_booted"], false, "{report:#}");
    assert!(report["issues"][0].as_str().unwrap().contains("getting [31mnowhere"), "{report:#}");
    let nothing = home.path().join("no-environments");
    let untried =
        home.pyro(&["doctor"]).env("PYRO_ENVIRONMENT_CACHE_DIR", nothing).output().unwrap();
    let said = stdout(&untried);
    assert!(
        said.ends_with("none was started.\n") && said.contains("warn guest: not tried"),
        "{said}"
    );
}
