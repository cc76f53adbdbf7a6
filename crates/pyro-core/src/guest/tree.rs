//! Trees in the guest: manifests and digests.

use super::client::ClientError;
use super::conversation::{Listener, Said, Speaker, begin};
use pyro_protocol::files::{self, List, Listed};
use pyro_protocol::message::{Reply, Request};
use pyro_protocol::tree::{Batch, Digest, Entry, Record, Records};
use pyro_protocol::{GuestPath, TreePath};
use tokio::io::{AsyncRead, AsyncWrite};

/// A listing as it comes.
#[derive(Debug)]
pub struct Listing<S> {
    listener: Listener<S>,
    _speaker: Speaker<S>,
    last: Option<TreePath>,
    left: u64,
    listed: Option<Listed>,
}

/// Begin to list a tree.
///
/// # Errors
/// [`ClientError`].
pub async fn list<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: List,
) -> Result<Listing<S>, ClientError> {
    let (last, left) = (request.after.clone(), request.limit.unwrap_or(u64::MAX));
    let (speaker, listener) = begin(stream, &Request::List(request)).await?;
    Ok(Listing { listener, _speaker: speaker, last, left, listed: None })
}

impl<S: AsyncRead + Unpin> Listing<S> {
    /// The next entries, `None` at the end. They rise in the order of a walk, whatever the guest
    /// does.
    ///
    /// # Errors
    /// [`ClientError::Unasked`] when the guest breaks the order or the limit; else why it does not
    /// go on.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, ClientError> {
        if self.listed.is_some() {
            return Ok(None);
        }
        match self.listener.next().await? {
            Said::Data(payload) => self.entries(&payload).map(Some),
            Said::Reply(Reply::Listed(listed)) => {
                self.listed = Some(listed);
                Ok(None)
            }
            Said::Reply(_) => Err(ClientError::Unasked("another reply than a listing's")),
        }
    }

    fn entries(&mut self, payload: &[u8]) -> Result<Vec<Entry>, ClientError> {
        let mut entries = Vec::new();
        for record in Records::new(payload) {
            let Record::Entry { path, meta, target } = record? else {
                return Err(ClientError::Unasked("another record than an entry"));
            };
            let path = TreePath::parse(path).map_err(pyro_protocol::tree::RecordError::from)?;
            // An entry for what lies too deep to be named is told of the directory above it, once
            // more.
            let repeated = meta.errno != 0 && self.last.as_ref() == Some(&path);
            if !repeated && self.last.as_ref().is_some_and(|last| path <= *last) && meta.errno == 0
            {
                return Err(ClientError::Unasked("entries out of order"));
            }
            self.left =
                self.left.checked_sub(1).ok_or(ClientError::Unasked("more entries than it may"))?;
            if meta.errno == 0 {
                self.last = Some(path.clone());
            }
            entries.push(Entry { path, meta, target: target.to_vec() });
        }
        Ok(entries)
    }

    /// How it ended; `None` before the end.
    #[must_use]
    pub fn listed(&self) -> Option<Listed> {
        self.listed
    }
}

/// The whole manifest of a tree, of at most `most` entries.
///
/// # Errors
/// [`ClientError`]; [`ClientError::Unasked`] when there are more.
pub async fn manifest<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: List,
    most: usize,
) -> Result<Vec<Entry>, ClientError> {
    let mut listing = list(stream, request).await?;
    let mut all = Vec::new();
    while let Some(entries) = listing.next().await? {
        all.extend(entries);
        if all.len() > most {
            return Err(ClientError::Unasked("more entries than are allowed"));
        }
    }
    Ok(all)
}

/// What stands at a path; its own entry, with an empty path.
///
/// # Errors
/// [`ClientError`].
pub async fn stat<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    path: GuestPath,
    follow: bool,
) -> Result<Entry, ClientError> {
    let request = List {
        root: path,
        follow,
        depth: Some(0),
        after: None,
        limit: Some(1),
        exclude: Vec::new(),
    };
    manifest(stream, request, 1).await?.pop().ok_or(ClientError::Unasked("no entry"))
}

/// BLAKE3 digests of files below `root`, in the order of `paths`.
///
/// # Errors
/// [`ClientError`]; of a file that cannot be read, its digest says so.
pub async fn digest<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    root: GuestPath,
    paths: &[TreePath],
) -> Result<Vec<Digest>, ClientError> {
    let (mut speaker, mut listener) =
        begin(stream, &Request::Digest(files::Digest { root })).await?;
    let send = async {
        send_paths(&mut speaker, paths).await?;
        // The speaker lives on: dropped, it would tell the agent that nobody waits.
        std::future::pending::<Result<(), ClientError>>().await
    };
    let receive = async {
        let mut digests = Vec::new();
        loop {
            match listener.next().await? {
                Said::Data(payload) => {
                    for record in Records::new(&payload) {
                        let Record::Digest(digest) = record? else {
                            return Err(ClientError::Unasked("another record than a digest"));
                        };
                        digests.push(digest);
                    }
                    if digests.len() > paths.len() {
                        return Err(ClientError::Unasked("more digests than files"));
                    }
                }
                Said::Reply(Reply::Done) if digests.len() == paths.len() => return Ok(digests),
                Said::Reply(_) => return Err(ClientError::Unasked("fewer digests than files")),
            }
        }
    };
    tokio::select! {
        biased;
        received = receive => received,
        sent = send => Err(sent.err().unwrap_or(ClientError::Ended)),
    }
}

/// Send a list of paths.
pub(super) async fn send_paths<S: AsyncWrite + Unpin>(
    speaker: &mut Speaker<S>,
    paths: &[TreePath],
) -> Result<(), ClientError> {
    let mut batch = Batch::default();
    for path in paths {
        batch.path(path);
        if batch.is_full() {
            speaker.send(std::mem::take(&mut batch)).await?;
        }
    }
    if !batch.is_empty() {
        speaker.send(batch).await?;
    }
    speaker.end().await
}
