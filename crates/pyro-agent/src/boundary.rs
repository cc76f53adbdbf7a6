//! The boundary: where one multiplexer frame ends, and whether what follows still belongs to this
//! session.
//!
//! A vm that is restored, or whose host went away unseen, meets a new host that greets it in the
//! middle of the old session. The host is the multiplexer's client and uses odd stream ids (0 for
//! the session itself); the first bytes of a hello, read as a multiplexer header, have an even one.
//! So a greeting is told from a frame before either is taken.

/// Bytes of a `yamux` header: version, type, flags (2), stream id (4), length (4).
const HEADER_LEN: usize = 12;

/// Type of a frame that has a body.
const DATA: u8 = 0;

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// So many of them (at most) belong to the current frame.
    Frame(usize),
    /// More must arrive before it can be told.
    Unknown,
    /// They are not of this session.
    Foreign,
}

/// Follows the frames of one session.
#[derive(Debug, Default)]
pub(crate) struct Boundary {
    left: u64,
}

impl Boundary {
    /// Judge `pending`, the bytes that come next.
    pub(crate) fn look(&mut self, pending: &[u8]) -> Next {
        if self.left == 0 {
            let Some(header) = pending.first_chunk::<HEADER_LEN>() else { return Next::Unknown };
            let [_, kind, _, _, id @ .., l0, l1, l2, l3] = *header;
            let [.., last] = id;
            if id != [0; 4] && last % 2 == 0 {
                return Next::Foreign;
            }
            let body =
                if kind == DATA { u64::from(u32::from_be_bytes([l0, l1, l2, l3])) } else { 0 };
            self.left = HEADER_LEN as u64 + body;
        }
        Next::Frame(usize::try_from(self.left).unwrap_or(usize::MAX))
    }

    /// `len` bytes of the current frame were taken.
    pub(crate) fn take(&mut self, len: usize) {
        self.left = self.left.saturating_sub(len as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::hello::Hello;

    fn hello() -> Vec<u8> {
        pyro_protocol::frame::encode_message(&Hello {
            protocol: 1,
            nonce: vec![7; 16],
            entropy: vec![8; 32],
            wall_clock_ns: 1,
            hostname: "h".into(),
            machine_id: "0".repeat(32),
            boot_id: "b".into(),
        })
        .unwrap()
    }

    #[test]
    fn frames_are_followed_and_a_hello_between_them_is_foreign() {
        let mut boundary = Boundary::default();
        let data = [&[0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 5][..], b"abcde"].concat();
        let ping = [0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
        assert_eq!(boundary.look(&data[..11]), Next::Unknown);
        assert_eq!(boundary.look(&data), Next::Frame(17));
        boundary.take(12);
        assert_eq!(boundary.look(&hello()), Next::Frame(5), "inside a body anything may stand");
        boundary.take(5);
        assert_eq!(boundary.look(&ping), Next::Frame(12), "the number of a ping is not a length");
        boundary.take(12);
        assert_eq!(boundary.look(&hello()), Next::Foreign);
    }
}
