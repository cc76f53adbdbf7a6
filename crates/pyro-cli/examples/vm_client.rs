//! One operation on vms and workspaces in a process of its own, for the tests: no command of pyro's
//! does it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test's program reads argv and the environment"
)]

use futures::stream::{StreamExt, TryStreamExt};
use pyro_contract::CommandLine;
use pyro_core::hints::worded;
use pyro_core::limits::page_length;
use pyro_core::testing::{
    ExecIo, ExecRequest, Operation, SupervisorClient, VmError, VmKind, exec, layer_path, open_vm,
    start_on as start_on_layers,
};
use pyro_core::{
    Caller, Config, ExecOptions, Id, LineRequest, OutputName, OutputTo, Pyro, PyroError, Shape,
    VmInfo, VmRequest,
};
use pyro_protocol::message::Command;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let program = std::path::PathBuf::from(std::env::var_os("PYRO_PROGRAM").unwrap());
    let pyro = Pyro::new(Config::from_variables(program, |name| std::env::var_os(name)).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(operate(&pyro, &args)) {
        Ok(value) => println!("{value}"),
        Err(error) => {
            let (kind, hint) =
                (error.kind().name(), worded(error.hints(), &CommandLine::default()));
            println!(
                "{}",
                json!({ "kind": kind, "hint": hint, "error": error.to_string(), "causes": error.causes() })
            );
            std::process::exit(1);
        }
    }
}

async fn operate(pyro: &Pyro, args: &[&str]) -> Result<Value, PyroError> {
    let cancel = CancellationToken::new();
    let id = |text: &str| Id::parse(text).map_err(PyroError::from);
    match args {
        ["create", ttl_seconds] => {
            // Tests do not wait for the shortest lifetime that a user may ask for.
            let shape =
                Shape { ttl_seconds: ttl_seconds.parse().unwrap(), mem_mib: 512, vcpu_count: 1 };
            let allow_host_compat = std::env::var_os("VM_ALLOW_HOST").is_some();
            let request = VmRequest {
                environment: "debian:12".into(),
                shape,
                allow_host_compat,
                network: false,
            };
            told(pyro.create_vm(request, Caller::default()).await?)
        }
        ["start", vm] => told(pyro.start_vm(id(vm)?, &cancel).await?),
        ["start-on", vm, below] => start_on(pyro, id(vm)?, id(below)?).await,
        ["stop", vm] => told(pyro.stop_vm(id(vm)?).await?),
        ["delete", vm] => told(pyro.delete_vm(id(vm)?).await?),
        ["status", vm] => told(pyro.status_vm(id(vm)?).await?),
        ["network", vm] => told(pyro.network_info_vm(id(vm)?).await?),
        ["list"] => told(pyro.list_vms().await?),
        ["reap"] => told(pyro.reap_expired_vms().await?),
        ["exec", vm, seconds, command] => {
            let watch = |_, bytes: &[u8]| drop(std::io::stderr().write_all(bytes));
            let line = line(command, seconds.parse().unwrap());
            let output = OutputTo::Watch(Box::new(watch));
            told(pyro.exec_vm(id(vm)?, line, None, output, &cancel).await?)
        }
        ["page", name, offset, length] => {
            let length = page_length(length.parse().unwrap()).map_err(VmError::from)?;
            let name = OutputName::parse(name)?;
            told(pyro.read_output(name, offset.parse().unwrap(), length).await?)
        }
        ["borrow", vm] => {
            let lease = SupervisorClient::new(pyro.config(), id(vm)?).lease().await?;
            lease.expect("nobody else has it").release().await?;
            Ok(Value::Null)
        }
        ["exec-many", workspace, count, command] => {
            exec_many(pyro, id(workspace)?, count.parse().unwrap(), command).await
        }
        ["plain", vm, command] => plain(pyro, id(vm)?, command).await,
        _ => panic!("no such operation: {args:?}"),
    }
}

/// Start a vm on the disk that another one has left, as a workspace starts on its snapshot.
async fn start_on(pyro: &Pyro, vm: Id, below: Id) -> Result<Value, PyroError> {
    let (config, cancel) = (pyro.config(), CancellationToken::new());
    let (store, record) = open_vm(config, VmKind::Vm, vm, Operation::Start)?;
    let layers = vec![layer_path(config, below), layer_path(config, vm)];
    told(VmInfo::from(start_on_layers(config, &store, record, layers, &cancel).await?))
}

/// Run a command many times, some at once: the sequences of those that ended with 0, in the order
/// of their ends.
async fn exec_many(
    pyro: &Pyro,
    workspace: Id,
    count: usize,
    command: &str,
) -> Result<Value, PyroError> {
    let one = |_| async move {
        let cancel = CancellationToken::new();
        let done = pyro
            .exec_workspace(workspace, line(command, 300), None, OutputTo::Result, &cancel)
            .await?;
        assert_eq!(done.result.exit_code, Some(0), "{done:?}");
        Ok::<_, PyroError>(done.sequence)
    };
    let all: Vec<u64> =
        futures::stream::iter(0..count).map(one).buffer_unordered(16).try_collect().await?;
    told(all)
}

/// A command that does not use the vm up, as a workspace runs it.
async fn plain(pyro: &Pyro, vm: Id, command: &str) -> Result<Value, PyroError> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let request = ExecRequest::new(Command::Shell(command.to_owned()), Duration::from_secs(60));
    let io = ExecIo { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None };
    let outcome = exec(SupervisorClient::new(pyro.config(), vm), request, io).await?;
    Ok(json!({ "exit_code": outcome.exit_code, "stdout": String::from_utf8_lossy(&stdout) }))
}

fn line(command: &str, seconds: u64) -> LineRequest {
    LineRequest {
        command: command.to_owned(),
        timeout: Duration::from_secs(seconds),
        options: ExecOptions::default(),
    }
}

fn told(value: impl Serialize) -> Result<Value, PyroError> {
    Ok(serde_json::to_value(value).unwrap())
}
