//! The port: finding the virtio-serial device that carries the channel.

use pyro_protocol::limits::PORT_NAME;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the port may take to appear; the host's own boot deadline is the one that counts.
const LIMIT: Duration = Duration::from_secs(120);

/// Why there is no port.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortError {
    /// The kernel's device events cannot be heard.
    #[error("cannot listen for device events: {0}")]
    Listen(io::Error),
    /// Nothing of that name came.
    #[error("no virtio-serial port named {PORT_NAME} after {} s", LIMIT.as_secs())]
    Missing,
    /// It is there and does not open.
    #[error("cannot open {}: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
}

/// A queue of the kernel's device events.
pub(crate) struct Arrivals {
    events: OwnedFd,
}

impl Arrivals {
    /// Queue device events from now on.
    pub(crate) fn listen() -> Result<Self, PortError> {
        let listen = || -> rustix::io::Result<OwnedFd> {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let events = socket_with(
                AddressFamily::NETLINK,
                SocketType::DGRAM,
                flags,
                Some(netlink::KOBJECT_UEVENT),
            )?;
            bind(&events, &SocketAddrNetlink::new(0, 1))?;
            Ok(events)
        };
        listen().map(|events| Self { events }).map_err(|err| PortError::Listen(err.into()))
    }

    /// Open the port as soon as it is there. Its name arrives after the device, with an event of
    /// its own.
    pub(crate) fn wait(self) -> Result<OwnedFd, PortError> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(path) = find(Path::new("/sys/class/virtio-ports"), Path::new("/dev")) {
                return open(path);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|_| PortError::Missing)?;
            let mut waited = [PollFd::new(&self.events, PollFlags::IN)];
            match poll(&mut waited, Some(&timeout)) {
                Ok(0) => return Err(PortError::Missing),
                Ok(_) => self.drain(),
                Err(rustix::io::Errno::INTR) => {}
                Err(err) => return Err(PortError::Listen(err.into())),
            }
        }
    }

    /// What happened does not matter, only that something did: the search starts again. (An
    /// overflow is an event too.)
    fn drain(&self) {
        let mut event = [0; 8192];
        while let Ok(_) | Err(rustix::io::Errno::NOBUFS) =
            recv(&self.events, &mut event, RecvFlags::empty())
        {}
    }
}

fn find(class: &Path, devices: &Path) -> Option<PathBuf> {
    std::fs::read_dir(class).ok()?.flatten().find_map(|entry| {
        let name = std::fs::read_to_string(entry.path().join("name")).ok()?;
        let node = devices.join(entry.file_name());
        (name.trim_end() == PORT_NAME && node.exists()).then_some(node)
    })
}

fn open(path: PathBuf) -> Result<OwnedFd, PortError> {
    rustix::fs::open(
        &path,
        OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY,
        Mode::empty(),
    )
    .map_err(|err| PortError::Open { path, source: err.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_by_its_name_and_needs_its_node() {
        let root = tempfile::tempdir().unwrap();
        let (class, devices) = (root.path().join("class"), root.path().join("dev"));
        for (port, name) in [("vport0p1", "another\n"), ("vport1p1", "org.pyro.agent\n")] {
            std::fs::create_dir_all(class.join(port)).unwrap();
            std::fs::write(class.join(port).join("name"), name).unwrap();
        }
        std::fs::create_dir(&devices).unwrap();
        assert_eq!(find(&class, &devices), None);
        std::fs::write(devices.join("vport1p1"), "").unwrap();
        assert_eq!(find(&class, &devices), Some(devices.join("vport1p1")));
    }
}
