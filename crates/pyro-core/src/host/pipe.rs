//! Pipes to and from a program that is handed the other end: newer QEMUs take no file for the state
//! of a machine.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{self, Receiver, Sender};

/// A pipe to write to, and the end that a program reads from.
///
/// # Errors
/// When the kernel gives none.
pub fn to_program() -> io::Result<(Sender, OwnedFd)> {
    let (sender, receiver) = pipe::pipe()?;
    Ok((sender, receiver.into_blocking_fd()?))
}

/// A pipe to read from, and the end that a program writes to.
///
/// # Errors
/// When the kernel gives none.
pub fn from_program() -> io::Result<(OwnedFd, Receiver)> {
    let (sender, receiver) = pipe::pipe()?;
    Ok((sender.into_blocking_fd()?, receiver))
}

/// Write all of `bytes` and close the pipe. A program that reads no further is no error: it says
/// itself what is wrong.
///
/// # Errors
/// When the pipe fails otherwise.
pub async fn feed(mut pipe: Sender, bytes: &[u8]) -> io::Result<()> {
    match pipe.write_all(bytes).await {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Write to `file` what comes, until the program closes its end.
///
/// # Errors
/// When the pipe or the file fails.
pub async fn drain(mut pipe: Receiver, file: &mut File) -> io::Result<()> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        match pipe.read(&mut chunk).await? {
            0 => return Ok(()),
            count => file.write_all(&chunk[..count])?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};

    #[tokio::test]
    async fn what_is_longer_than_a_pipe_comes_through_whole() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
        let (sender, theirs) = to_program().unwrap();
        let reader = std::thread::spawn(move || {
            let mut read = Vec::new();
            File::from(theirs).read_to_end(&mut read).unwrap();
            read
        });
        feed(sender, &bytes).await.unwrap();
        assert!(reader.join().unwrap() == bytes);
        let (theirs, receiver) = from_program().unwrap();
        let sent = bytes.clone();
        let writer = std::thread::spawn(move || File::from(theirs).write_all(&sent).unwrap());
        let mut file = tempfile::tempfile().unwrap();
        drain(receiver, &mut file).await.unwrap();
        writer.join().unwrap();
        let mut kept = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut kept).unwrap();
        assert!(kept == bytes);
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_is_no_error() {
        let (sender, theirs) = to_program().unwrap();
        drop(theirs);
        feed(sender, &[0; 100_000]).await.unwrap();
    }
}
