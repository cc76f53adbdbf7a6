//! `NotCarried`: what a source holds that does not come into a workspace with it, for its user to
//! know.

use crate::archive::Sent;
use crate::host::terminal::printable;
use crate::store::workspace::LeftOut;
use pyro_protocol::TreePath;
use pyro_protocol::tree::Kind;

/// Nodes that are named for each reason; more are counted.
const MAX_NAMED: usize = 10;

/// What was left out of a transfer so far.
#[derive(Debug, Default)]
pub(super) struct NotCarried {
    special: Vec<LeftOut>,
    attributes: Vec<LeftOut>,
    count: u64,
}

impl NotCarried {
    /// A node that is neither a file nor a directory nor a link.
    pub(super) fn special(&mut self, path: &[u8], kind: Kind) {
        self.count += 1;
        if self.special.len() < MAX_NAMED {
            self.special.push(left_out(path, &format!("left out: it is a {}", kind.name())));
        }
    }

    /// A node that has come without its extended attributes.
    pub(super) fn attributes(&mut self, path: &[u8]) {
        self.count += 1;
        if self.attributes.len() < MAX_NAMED {
            self.attributes.push(left_out(path, "its extended attributes were not carried"));
        }
    }

    /// What was left out of an archive.
    pub(super) fn archive(&mut self, sent: &Sent) {
        for (path, kind) in &sent.special {
            self.special(path.as_bytes(), *kind);
        }
        for path in &sent.attributes {
            self.attributes(path.as_bytes());
        }
        let named = (sent.special.len() + sent.attributes.len()) as u64;
        self.count += (sent.special_count + sent.attributes_count).saturating_sub(named);
    }

    /// The first few of each kind, and how many there are in all.
    pub(super) fn told(&self) -> (Vec<LeftOut>, u64) {
        (self.special.iter().chain(&self.attributes).cloned().collect(), self.count)
    }
}

fn left_out(path: &[u8], why: &str) -> LeftOut {
    let path = TreePath::parse(path).unwrap_or_default();
    LeftOut { path: printable(path.to_string().as_bytes()), why: why.to_owned() }
}
