//! The MCP server in this process.

use crate::arguments::{Number, invalid};
use crate::call::Call;
use crate::failure::Failure;
use crate::native::Native;
use pyo3::prelude::{PyResult, pymethods};
use pyro_core::{ErrorKind, OutputStream};
use pyro_mcp::http::{Access, PATH, Token};
use pyro_mcp::serve::{ServeError, Transport, serve};
use pyro_mcp::{Ending, Grants, Profile, Settings, project};
use std::path::PathBuf;

/// What one server is started with, as the package hands it over.
#[derive(pyo3::FromPyObject)]
struct Options {
    #[pyo3(item)]
    profile: String,
    /// None is stdio.
    #[pyo3(item)]
    listen: Option<String>,
    #[pyo3(item)]
    token_file: Option<PathBuf>,
    #[pyo3(item)]
    allow_host: Vec<String>,
    #[pyo3(item)]
    allow_path: Vec<PathBuf>,
    /// Where the process works, whose project is granted where no path is.
    #[pyo3(item)]
    here: Option<PathBuf>,
    #[pyo3(item)]
    allow_network: bool,
    #[pyo3(item)]
    allow_host_compat: bool,
    #[pyo3(item)]
    concurrency: Option<Number>,
    #[pyo3(item)]
    warm: Number,
    #[pyo3(item)]
    home: Option<PathBuf>,
    #[pyo3(item)]
    kept: Vec<PathBuf>,
}

#[pymethods]
impl Native {
    /// Serve until the client ends or the call is cancelled. The address of an HTTP server comes
    /// as output.
    fn serve(&self, options: Options) -> PyResult<Call> {
        self.begin(|pyro, turn| async move {
            let (settings, transport) = (options.settings()?, options.transport()?);
            let ending = Ending::default();
            let (ends, cancel) = (ending.clone(), turn.cancel.clone());
            tokio::spawn(async move {
                cancel.cancelled().await;
                ends.begin();
            });
            let told = |address| {
                turn.flow.push(OutputStream::Stderr, format!("http://{address}{PATH}").as_bytes());
            };
            serve(pyro, settings, transport, &ending, told).await.map_err(|error| failed(&error))
        })
    }

    /// The names of the profiles.
    #[staticmethod]
    fn profiles() -> Vec<&'static str> {
        Profile::ALL.map(Profile::name).into()
    }
}

impl Options {
    fn settings(&self) -> Result<Settings, Failure> {
        let profile = Profile::parse(&self.profile).ok_or_else(|| {
            let names = Profile::ALL.map(Profile::name).join(", ");
            invalid(
                format!("there is no profile {}", self.profile),
                &format!("take one of {names}"),
            )
        })?;
        let at_once = self.concurrency.map(|number| number.within("concurrency", 1, 256));
        let here = self.here.as_deref().and_then(|here| project(here, self.home.as_deref()));
        Ok(Settings {
            profile,
            grants: Grants {
                paths: self.allow_path.iter().cloned().chain(here).collect(),
                kept: self.kept.clone(),
                // Over HTTP a client may be another host, whose roots are no paths of this one.
                client_roots: self.listen.is_none(),
                network: self.allow_network,
                host_compat: self.allow_host_compat,
            },
            at_once: at_once.transpose()?.map_or_else(Settings::suitable_at_once, size),
            warm: size(self.warm.within("warm", 0, 16)?),
            home: self.home.clone(),
        })
    }

    fn transport(&self) -> Result<Transport, Failure> {
        let Some(listen) = &self.listen else { return Ok(Transport::Stdio) };
        let listen = listen.parse().map_err(|_| {
            invalid(format!("listen is {listen:?}; it must be ADDRESS:PORT"), "127.0.0.1:8765")
        })?;
        let token = self.token_file.as_deref().map(Token::read).transpose();
        let token = token.map_err(|error| {
            invalid(error.to_string(), "the file must be private and hold a token of one line")
        })?;
        Ok(Transport::Http { listen, access: Access { token, hosts: self.allow_host.clone() } })
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn failed(error: &ServeError) -> Failure {
    let hint = match error {
        ServeError::Client(_) => "this is for an MCP client to start",
        ServeError::Listen(_) => "listen at 127.0.0.1, at another port, or give a token_file",
        ServeError::Accept(_) => "start it again",
    };
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let words: Vec<String> =
        std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect();
    Failure::new(ErrorKind::Io, words.join(": "), hint)
}
