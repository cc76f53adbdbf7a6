//! `pyro workspace service status`: what a service is at.

use super::super::Noun;
use super::super::call::{id, to_its_end};
use super::line;
use crate::cli::workspace_service::One;
use crate::printer;
use pyro_core::Pyro;

pub(super) fn run(args: &One) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let name = Pyro::service_name(&args.service_name)?;
        let service = pyro.status_service(id(&args.workspace_id)?, name).await?;
        if args.json {
            printer::json(&service);
        } else {
            line::tell("status", &service);
        }
        Ok(())
    })
}
