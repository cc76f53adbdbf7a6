//! `pyro workspace create`: a new workspace, started.

use super::super::runtime::on_host;
use super::call::until_interrupted;
use super::{Noun, left_out, secrets, summary};
use crate::cli::workspace::Create;
use crate::printer;
use crate::progress::ProgressLine;
use pyro_core::limits::lifetime;
use pyro_core::{
    Caller, CreateRequest, ExecutionMode, PyroError, SeedRequest, Shape, limits, printable,
};
use std::path::PathBuf;

pub(in crate::commands) fn run(args: Create, noun: Noun) -> i32 {
    let (as_json, id_only) = (args.json, args.id_only);
    until_interrupted(noun, as_json, async |pyro, cancel| {
        let request = request(&args)?;
        let (mut line, environment) = (ProgressLine::new(), request.environment.clone());
        let caller =
            Caller::with_cancel(cancel).told(move |progress| line.show(&environment, progress));
        let workspace = pyro.create_workspace(request, caller).await?;
        if !as_json && workspace.execution_mode == ExecutionMode::HostCompat {
            let word = noun.word();
            printer::talk(&format!(
                "[{word}-create] execution_mode=host_compat: no guest can be had, commands run on this host, as you"
            ));
        }
        if !as_json {
            let seed = &workspace.workspace_seed;
            left_out::say(&format!("{}-create", noun.word()), &seed.left_out, seed.left_out_count);
        }
        if let Some(note) = workspace.workspace_seed.git_note.as_ref().filter(|_| !as_json) {
            let note = format!("[{}-create] {note}", noun.word());
            printer::talk(&printable(note.replace('\n', "\\n").as_bytes()));
        }
        match (as_json, id_only) {
            (true, _) => noun.json(&workspace),
            (_, true) => printer::data(&workspace.workspace_id.to_string()),
            _ => summary::show(noun.heading(), &workspace),
        }
        Ok(())
    })
}

fn request(args: &Create) -> Result<CreateRequest, PyroError> {
    let shape =
        Shape::new(args.machine.vcpu_count, args.machine.mem_mib, limits::DEFAULT_TTL_SECONDS)?;
    let seed = |path: &PathBuf| SeedRequest {
        path: on_host(path).into(),
        respect_ignore: args.respect_ignore,
    };
    Ok(CreateRequest {
        environment: args.environment.clone(),
        vcpu_count: shape.vcpu_count.into(),
        mem_mib: shape.mem_mib,
        ttl_seconds: lifetime(args.ttl_seconds)?,
        name: args.name.clone(),
        // Of two values for one key the later one holds.
        labels: args.label.iter().cloned().collect(),
        seed: args.seed_path.as_ref().map(seed),
        secrets: secrets::given(&args.secrets)?,
        allow_host_compat: args.allow_host_compat,
    })
}
