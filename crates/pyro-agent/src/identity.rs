//! Identity: what makes this guest another one than its siblings from the same template.

use crate::sys;
use pyro_protocol::hello::Hello;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Fewest bytes that count as a seed: 256 bits.
const MIN_ENTROPY_LEN: usize = 32;

/// Why a hello's identity cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    /// The hello itself.
    #[error("the hello's {0} is not valid")]
    Invalid(&'static str),
    /// A step of taking it.
    #[error("cannot set the {what}: {source}")]
    Set { what: &'static str, source: io::Error },
}

/// Where the identity goes.
pub(crate) struct Identity {
    /// The files that hold the names, open; none for a plain process, which keeps its host's
    /// identity.
    names: Option<Names>,
}

/// The file that stands for `/etc/machine-id`.
pub(crate) const MACHINE_ID: &str = "machine-id";
/// The file that stands for `/etc/hostname`.
pub(crate) const HOSTNAME: &str = "hostname";
/// The file that stands for `/etc/hosts`, so that the guest's own name resolves.
pub(crate) const HOSTS: &str = "hosts";
/// The file that stands for the kernel's `boot_id`.
pub(crate) const BOOT_ID: &str = "boot-id";

impl Identity {
    /// Of a guest, with the names kept as files in `directory`.
    pub(crate) fn of_a_guest(directory: &Path) -> io::Result<Self> {
        Ok(Self { names: Some(Names::create(directory)?) })
    }

    /// Of a plain process: a hello changes nothing.
    pub(crate) fn of_the_host() -> Self {
        Self { names: None }
    }

    /// Become what the hello says. Random numbers come first: everything after may draw some.
    pub(crate) fn take(&self, hello: &Hello) -> Result<(), IdentityError> {
        let Some(names) = &self.names else { return Ok(()) };
        check(hello)?;
        seed(&hello.entropy)
            .map_err(|source| IdentityError::Set { what: "random numbers", source })?;
        set_clock(hello.wall_clock_ns)
            .map_err(|source| IdentityError::Set { what: "wall clock", source })?;
        rustix::system::sethostname(hello.hostname.as_bytes())
            .map_err(|err| IdentityError::Set { what: "host name", source: err.into() })?;
        names.keep(hello).map_err(|source| IdentityError::Set { what: "names", source })
    }
}

impl Identity {
    /// Set the wall clock; a plain process has its host's.
    pub(crate) fn set_clock(&self, wall_clock_ns: u64) -> io::Result<()> {
        if self.names.is_some() { set_clock(wall_clock_ns) } else { Ok(()) }
    }
}

/// Names end up in files that programs parse, so their form is held here.
fn check(hello: &Hello) -> Result<(), IdentityError> {
    let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if !(MIN_ENTROPY_LEN..=sys::MAX_ENTROPY_LEN).contains(&hello.entropy.len()) {
        return Err(IdentityError::Invalid("entropy"));
    }
    if !(1..=63).contains(&hello.hostname.len()) || !hello.hostname.as_bytes().iter().all(host) {
        return Err(IdentityError::Invalid("hostname"));
    }
    if hello.machine_id.len() != 32 || !hello.machine_id.as_bytes().iter().all(hex) {
        return Err(IdentityError::Invalid("machine_id"));
    }
    let uuid = |(at, byte): (usize, &u8)| {
        if matches!(at, 8 | 13 | 18 | 23) { *byte == b'-' } else { hex(byte) }
    };
    if hello.boot_id.len() != 36 || !hello.boot_id.as_bytes().iter().enumerate().all(uuid) {
        return Err(IdentityError::Invalid("boot_id"));
    }
    Ok(())
}

fn seed(entropy: &[u8]) -> io::Result<()> {
    let random = rustix::fs::open("/dev/urandom", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    sys::add_entropy(random.as_fd(), entropy)?;
    sys::reseed(random.as_fd())
}

fn set_clock(wall_clock_ns: u64) -> io::Result<()> {
    let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let now = rustix::time::Timespec {
        tv_sec: i64::try_from(wall_clock_ns / 1_000_000_000).map_err(invalid)?,
        tv_nsec: i64::try_from(wall_clock_ns % 1_000_000_000).map_err(invalid)?,
    };
    rustix::time::clock_settime(rustix::time::ClockId::Realtime, now).map_err(Into::into)
}

/// The names, as files that are bound into a world. They are made before the hello and written in
/// place after it, so that a vm from a template spends no time on looking them up.
struct Names {
    machine_id: File,
    hostname: File,
    hosts: File,
    boot_id: File,
}

impl Names {
    fn create(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let create = |name| File::create(directory.join(name));
        Ok(Self {
            machine_id: create(MACHINE_ID)?,
            hostname: create(HOSTNAME)?,
            hosts: create(HOSTS)?,
            boot_id: create(BOOT_ID)?,
        })
    }

    fn keep(&self, hello: &Hello) -> io::Result<()> {
        let name = &hello.hostname;
        write(&self.machine_id, &format!("{}\n", hello.machine_id))?;
        write(&self.hostname, &format!("{name}\n"))?;
        write(
            &self.hosts,
            &format!(
                "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 {name}\n"
            ),
        )?;
        write(&self.boot_id, &format!("{}\n", hello.boot_id))
    }
}

/// Make `text` all that the file holds.
fn write(file: &File, text: &str) -> io::Result<()> {
    file.write_all_at(text.as_bytes(), 0)?;
    if file.metadata()?.len() != text.len() as u64 {
        file.set_len(text.len() as u64)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            protocol: 1,
            nonce: vec![1],
            entropy: vec![0; 32],
            wall_clock_ns: 1,
            hostname: "pyro-1a".into(),
            machine_id: "0123456789abcdef".repeat(2),
            boot_id: "0123abcd-0000-4000-8000-0123456789ab".into(),
        }
    }

    #[test]
    fn a_name_of_another_form_is_refused() {
        check(&hello()).unwrap();
        type Spoil = fn(&mut Hello);
        let bad: [(&str, Spoil); 6] = [
            ("entropy", |hello| hello.entropy.truncate(31)),
            ("entropy", |hello| hello.entropy = vec![0; 513]),
            ("hostname", |hello| hello.hostname = "a\nb".into()),
            ("hostname", |hello| hello.hostname.clear()),
            ("machine_id", |hello| hello.machine_id.push('0')),
            ("boot_id", |hello| hello.boot_id = hello.boot_id.replace('-', "0")),
        ];
        for (name, spoil) in bad {
            let mut hello = hello();
            spoil(&mut hello);
            assert!(
                matches!(check(&hello), Err(IdentityError::Invalid(met)) if met == name),
                "{name}"
            );
        }
    }

    #[test]
    fn names_are_kept_as_lines_and_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let names = Names::create(directory.path()).unwrap();
        let read = |name| std::fs::read_to_string(directory.path().join(name)).unwrap();
        names.keep(&hello()).unwrap();
        assert_eq!(read(HOSTNAME), "pyro-1a\n");
        names.keep(&Hello { hostname: "b".into(), ..hello() }).unwrap();
        assert_eq!(read(HOSTNAME), "b\n");
        assert!(read(HOSTS).ends_with("127.0.1.1 b\n"));
    }
}
