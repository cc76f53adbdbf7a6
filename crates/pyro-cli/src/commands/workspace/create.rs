//! `pyro workspace create`: a new workspace, started.

use super::{Noun, summary, until_interrupted};
use crate::cli::workspace::Create;
use crate::printer;
use crate::progress::ProgressLine;
use pyro_core::workspace::create::CreateRequest;
use pyro_core::workspace::files::seed::SeedRequest;

pub(in crate::commands) fn run(args: Create, noun: Noun) -> i32 {
    let (as_json, id_only) = (args.json, args.id_only);
    let request = request(args);
    until_interrupted(as_json, async |pyro, cancel| {
        let mut line = ProgressLine::new();
        let mut progress = |progress| line.show(&request.environment, progress);
        let created = pyro.create_workspace(&request, &mut progress, cancel).await;
        line.finish();
        let workspace = created?;
        if !as_json && workspace.execution_mode == "host_compat" {
            let word = noun.word();
            printer::talk(&format!(
                "[{word}-create] execution_mode=host_compat: no guest can be had, commands run on this host, as you"
            ));
        }
        match (as_json, id_only) {
            (true, _) => noun.json(&workspace),
            (_, true) => printer::data(&workspace.workspace_id.to_string()),
            _ => summary::show(noun.heading(), &workspace),
        }
        Ok(())
    })
}

fn request(args: Create) -> CreateRequest {
    CreateRequest {
        environment: args.environment,
        vcpu_count: args.vcpu_count,
        mem_mib: args.mem_mib,
        ttl_seconds: args.ttl_seconds,
        name: args.name,
        // Of two values for one key the later one holds.
        labels: args.label.into_iter().collect(),
        seed: args.seed_path.map(|path| SeedRequest { path: path.into(), respect_ignore: args.respect_ignore }),
        allow_host_compat: args.allow_host_compat,
    }
}
