//! A server over HTTP.

use crate::home::Home;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

/// A server over HTTP, and where it is reached.
pub struct Http {
    child: Child,
    pub url: String,
}

impl Http {
    pub fn start(home: &Home, flags: &[&str]) -> Self {
        let mut command = home.pyro(
            &[&["mcp", "serve", "--transport", "http", "--listen", "127.0.0.1:0"], flags].concat(),
        );
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        std::thread::spawn(move || told.read_to_end(&mut Vec::new()));
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/mcp"), "{line}");
        Self { child, url }
    }

    /// It ends with status 0 when it is told to, and waits for the end of its vms.
    pub fn stop(mut self) {
        crate::home::kill(i32::try_from(self.child.id()).unwrap(), "-TERM");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Http {
    /// A test that failed leaves no server behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
