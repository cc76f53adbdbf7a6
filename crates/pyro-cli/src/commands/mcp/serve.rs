//! `pyro mcp serve`: the MCP server.

use super::failure::fail;
use super::project::here;
use crate::cli::McpServe;
use crate::commands::runtime::{self, on_host, pyro};
use crate::{exit, printer};
use pyro_mcp::http::{Access, ListenError, PATH, Token, TokenError};
use pyro_mcp::serve::{ServeError, Transport, serve};
use pyro_mcp::{Ending, Grants, Profile, Settings};
use std::io::IsTerminal;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn run(mut args: McpServe) -> i32 {
    for path in args.allow_path.iter_mut().chain(&mut args.token_file) {
        *path = on_host(path);
    }
    let pyro = match pyro() {
        Ok(pyro) => pyro,
        Err(error) => return runtime::fail(&error, false, exit::FAILED),
    };
    let over_http = args.transport == "http";
    if !over_http && (args.token_file.is_some() || !args.allow_host.is_empty()) {
        printer::talk("error: --token-file and --allow-host are for --transport http");
        return exit::USAGE;
    }
    if let Some(path) = args.allow_path.iter().find(|path| !path.is_dir()) {
        printer::talk(&format!("error: --allow-path {} is no directory", path.display()));
        return exit::USAGE;
    }
    // Two threads: one may be parsing a long message while a ping comes in.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, "look at the limits of this user: ulimit -a"),
    };
    let transport = match transport(&args) {
        Ok(transport) => transport,
        Err(error) => return fail(&error, &token_hint(&error)),
    };
    let served = runtime.block_on(async {
        let ending = Ending::default();
        // Before anybody is served: a signal that comes early must not leave a vm.
        end_on_signals(&ending);
        serve(pyro, settings(&args), transport, &ending, |address| {
            printer::talk(&format!("[mcp] listening at http://{address}{PATH}"));
        })
        .await
    });
    // A thread may be waiting for a line of stdin; nobody waits for it.
    runtime.shutdown_background();
    match served {
        Ok(()) => exit::OK,
        Err(error) => fail(&error, serve_hint(&error)),
    }
}

fn transport(args: &McpServe) -> Result<Transport, TokenError> {
    if args.transport != "http" {
        if std::io::stdin().is_terminal() {
            printer::talk(
                "[mcp] waiting for an MCP client on stdin; to have one start this: pyro mcp config --help",
            );
        }
        return Ok(Transport::Stdio);
    }
    let token = args.token_file.as_deref().map(Token::read).transpose()?;
    let access = Access { token, hosts: args.allow_host.clone() };
    Ok(Transport::Http { listen: args.listen, access })
}

fn settings(args: &McpServe) -> Settings {
    let mut paths = args.allow_path.clone();
    if paths.is_empty() {
        paths.extend(here());
    }
    if paths.is_empty() {
        printer::talk(
            "[mcp] started in no project, so no host path is granted; --allow-path DIR grants one",
        );
    }
    Settings {
        // clap let nothing else through.
        profile: Profile::parse(&args.profile).unwrap_or(Profile::WorkspaceFull),
        // Over HTTP a client may be another host, whose roots are no paths of this one.
        grants: Grants {
            paths,
            kept: std::env::home_dir().into_iter().chain(std::env::current_dir()).collect(),
            client_roots: args.transport == "stdio",
            network: args.allow_network,
            host_compat: args.allow_host_compat,
        },
        warm: args.warm as usize,
        home: std::env::var_os("HOME").map(Into::into),
        at_once: args.concurrency.map_or_else(Settings::suitable_at_once, |number| number as usize),
    }
}

fn end_on_signals(ending: &Ending) {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let Ok(mut stream) = signal(kind) else { continue };
        let ending = ending.clone();
        tokio::spawn(async move {
            stream.recv().await;
            ending.begin();
        });
    }
}

fn token_hint(error: &TokenError) -> String {
    match error {
        TokenError::Public(path) => format!("chmod 600 {}", path.display()),
        TokenError::Unreadable(_) | TokenError::Unfit(_) => {
            "umask 077; head -c 24 /dev/urandom | base64 > pyro.token".to_owned()
        }
    }
}

fn serve_hint(error: &ServeError) -> &'static str {
    match error {
        ServeError::Client(_) => "this is for an MCP client to start: pyro mcp config claude-code",
        ServeError::Listen(ListenError::Open(_)) => {
            "give it a token with --token-file, or listen at 127.0.0.1"
        }
        ServeError::Listen(ListenError::Io(..)) => "try another --listen, such as 127.0.0.1:0",
        ServeError::Accept(_) => "start it again",
    }
}
