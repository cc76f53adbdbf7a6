//! What a host may know of a tool before it lets a call happen.

use crate::grants::Grants;
use rmcp::model::ToolAnnotations;

/// Annotations of a tool that only looks.
pub(super) fn looks() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).open_world(false)
}

/// Annotations of a tool that ends vms, with what is in them.
pub(super) fn ends() -> ToolAnnotations {
    let changes = ToolAnnotations::new().read_only(false).destructive(true);
    changes.idempotent(false).open_world(false)
}

/// Annotations of a tool that may replace or delete what a workspace holds; the workspace stays.
pub(super) fn replaces() -> ToolAnnotations {
    ends()
}

/// Annotations of a tool that takes nothing away that a workspace holds.
pub(super) fn keeps() -> ToolAnnotations {
    let changes = ToolAnnotations::new().read_only(false).destructive(false);
    changes.idempotent(false).open_world(false)
}

/// Annotations of a tool that works on machines of its own. Where the machine was there before,
/// the tool is destructive too.
pub(super) fn works(grants: &Grants) -> ToolAnnotations {
    // A command on the host may destroy what is the user's; in a guest there is nothing but the
    // guest.
    ToolAnnotations::new()
        .read_only(false)
        .destructive(grants.host_compat)
        .idempotent(false)
        .open_world(grants.network || grants.host_compat)
}
