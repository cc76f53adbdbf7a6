//! A list of tools is read by a model before anything else: it stays short.

use crate::contract::tools;
use pyro_mcp::{Grants, Profile};

/// Tokens that the list of the smallest profile may take.
const LIST_LIMIT: usize = 600;

/// Tokens that the list of workspaces' common tools may take.
const CORE_LIMIT: usize = 4600;

/// Tokens that one tool may take.
const TOOL_LIMIT: usize = 560;

#[test]
#[allow(clippy::print_stdout, reason = "the figures are for people")]
fn lists_and_tools_are_short() {
    let encoding = tiktoken_rs::o200k_base().unwrap();
    let tokens = |text: &str| encoding.encode_ordinary(text).len();
    for profile in Profile::ALL {
        let tools = tools(profile, Grants::default());
        let list = serde_json::json!({ "tools": tools }).to_string();
        println!(
            "{}: {} tools, {} bytes, {} tokens",
            profile.name(),
            tools.len(),
            list.len(),
            tokens(&list)
        );
        let limit = match profile {
            Profile::VmRun => LIST_LIMIT,
            Profile::WorkspaceCore | Profile::Task => CORE_LIMIT,
            Profile::WorkspaceFull => usize::MAX,
        };
        assert!(tokens(&list) < limit, "{}: {} tokens", profile.name(), tokens(&list));
        for tool in tools {
            let text = tool.to_string();
            println!("  {}: {} bytes, {} tokens", tool["name"], text.len(), tokens(&text));
            assert!(tokens(&text) < TOOL_LIMIT, "{}: {} tokens", tool["name"], tokens(&text));
        }
    }
}
