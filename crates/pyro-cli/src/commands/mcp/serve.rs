//! `pyro mcp serve`: the MCP server.

use super::failure::fail;
use super::project::here;
use crate::cli::McpServe;
use crate::commands::runtime::{self, on_host, pyro};
use crate::{exit, printer};
use pyro_core::Pyro;
use pyro_mcp::http::{Access, ListenError, PATH, Token, TokenError};
use pyro_mcp::{Ending, Grants, Profile, Server, Settings, http, stdio};
use std::io::IsTerminal;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What the vms that stand by hold until another environment is asked for.
const WARM_ENVIRONMENT: &str = "debian:12";

/// How long vms that stood by may take to end with the server: as long as calls may.
const CLOSE_LIMIT: Duration = Duration::from_secs(20);

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
    let status = runtime.block_on(async {
        let ending = Ending::default();
        // Before anybody is served: a signal that comes early must not leave a vm.
        end_on_signals(&ending);
        let pyro = pyro.with_standby(args.warm as usize, WARM_ENVIRONMENT);
        let serve = async {
            let pyro = pyro.clone();
            let status = match over_http {
                true => over_http_with(pyro, args, &ending).await,
                false => over_stdio(pyro, &args, &ending).await,
            };
            ending.begin();
            status
        };
        // Those that stand by go while calls are still being ended.
        tokio::join!(serve, close_with(&pyro, &ending)).0
    });
    // A thread may be waiting for a line of stdin; nobody waits for it.
    runtime.shutdown_background();
    status
}

/// Wait for the end, and let nothing be left of the vms that stand by.
async fn close_with(pyro: &Pyro, ending: &Ending) {
    ending.begun().await;
    if tokio::time::timeout(CLOSE_LIMIT, pyro.close()).await.is_err() {
        tracing::warn!(
            "vms that stood by do not end; what is left of them waits for the next command"
        );
    }
}

async fn over_stdio(pyro: Pyro, args: &McpServe, ending: &Ending) -> i32 {
    if std::io::stdin().is_terminal() {
        printer::talk(
            "[mcp] waiting for an MCP client on stdin; to have one start this: pyro mcp config --help",
        );
    }
    match stdio::serve(Server::new(pyro, settings(args), ending.clone()), ending).await {
        Ok(()) => exit::OK,
        Err(error) => {
            fail(&error, "this is for an MCP client to start: pyro mcp config claude-code")
        }
    }
}

async fn over_http_with(pyro: Pyro, args: McpServe, ending: &Ending) -> i32 {
    let token = match args.token_file.as_deref().map(Token::read).transpose() {
        Ok(token) => token,
        Err(error) => return fail(&error, &token_hint(&error)),
    };
    let server = Server::new(pyro, settings(&args), ending.clone());
    let access = Access { token, hosts: args.allow_host };
    let listener = match http::listen(args.listen, &access).await {
        Ok(listener) => listener,
        Err(error) => return fail(&error, listen_hint(&error)),
    };
    match listener.local_addr() {
        Ok(address) => printer::talk(&format!("[mcp] listening at http://{address}{PATH}")),
        Err(error) => return fail(&error, "try another --listen"),
    }
    match http::serve(server, listener, access, ending).await {
        Ok(()) => exit::OK,
        Err(error) => fail(&error, "start it again"),
    }
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

fn listen_hint(error: &ListenError) -> &'static str {
    match error {
        ListenError::Open(_) => "give it a token with --token-file, or listen at 127.0.0.1",
        ListenError::Io(..) => "try another --listen, such as 127.0.0.1:0",
    }
}
