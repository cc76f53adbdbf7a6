//! Dial: a connection from within the guest, to see whether somebody listens and what is said.

use crate::failure::{failure, from_io};
use crate::wire::Wire;
use pyro_protocol::limits::MAX_DIALLED_LEN;
use pyro_protocol::message::{Dial, Dialled, FailureKind, Reply};
use std::io;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Connect, say what is to be said and take the beginning of the answer.
pub(crate) async fn dial(wire: &Wire, request: &Dial) {
    let limit = Duration::from_millis(request.limit_ms.into());
    let talked = tokio::select! {
        talked = tokio::time::timeout(limit, talk(request)) => talked,
        () = wire.closed() => return,
    };
    let reply = match talked {
        Ok(Ok(said)) => Reply::Dialled(Dialled { said }),
        Ok(Err(error)) => Reply::Failed(from_io("cannot talk", &error)),
        Err(_) => {
            let limit_ms = request.limit_ms;
            let late = format!("no answer within {limit_ms} ms");
            Reply::Failed(failure(FailureKind::Io, late))
        }
    };
    wire.finish(&reply).await;
}

async fn talk(request: &Dial) -> io::Result<Vec<u8>> {
    let stream = connect(request).await?;
    let mut left = &request.say[..];
    while !left.is_empty() {
        let sent = stream.async_io(Interest::WRITABLE, || stream.try_write(left)).await?;
        left = &left[sent..];
    }
    let mut said = vec![0; usize::try_from(request.take.min(MAX_DIALLED_LEN)).unwrap_or(0)];
    let mut len = 0;
    while len < said.len() {
        let room = &mut said[len..];
        match stream.async_io(Interest::READABLE, || stream.try_read(room)).await? {
            0 => break,
            more => len += more,
        }
    }
    said.truncate(len);
    Ok(said)
}

async fn connect(request: &Dial) -> io::Result<TcpStream> {
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in &request.addresses {
        match TcpStream::connect((*address, request.port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
