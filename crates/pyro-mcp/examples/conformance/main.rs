//! The same HTTP stack as the product's, serving the fixtures that the official conformance suite
//! asks for; only tests start it. It prints the address that it listens at, and ends when its stdin
//! does.
#![allow(
    deprecated,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::wildcard_imports,
    missing_docs,
    unreachable_pub,
    reason = "a test's program: it also serves what is deprecated, and what it cannot do it may panic at"
)]

mod ask;
mod content;
mod prompts;
mod resources;
mod rounds;
mod tools;

use pyro_mcp::Ending;
use pyro_mcp::http::{Access, PATH, listen, serve};
use rmcp::model::*;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;
use tokio::io::AsyncReadExt;

type Context = RequestContext<RoleServer>;

#[derive(Clone)]
struct Fixtures;

/// A value of the model from its JSON form, which is how the suite describes what it wants.
fn from<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = json!({
            "tools": {}, "prompts": {}, "resources": { "subscribe": true }, "logging": {}, "completions": {},
        });
        ServerConfig::new(from(capabilities))
            .with_server_info(Implementation::new("pyro-conformance", "1"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        if rounds::NAMES.contains(&&*call.name) {
            return rounds::call(&call, &context);
        }
        if let Some(result) = ask::call(&call, &context).await? {
            return Ok(result.into());
        }
        tools::call(&call, &context).await.map(Into::into)
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::all()))
    }

    async fn get_prompt(
        &self,
        asked: GetPromptRequestParams,
        _: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&asked)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::all()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        asked: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(&asked.uri).map(Into::into)
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(
        &self,
        subscription: rmcp::service::SubscriptionContext,
    ) -> Result<(), ErrorData> {
        subscription.cancelled().await;
        Ok(())
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: Context,
    ) -> Result<CompleteResult, ErrorData> {
        let completion = json!({ "values": ["paris", "park"], "total": 2, "hasMore": false });
        Ok(from(json!({ "resultType": "complete", "completion": completion })))
    }
}

#[tokio::main]
async fn main() {
    let listener = listen("127.0.0.1:0".parse().unwrap(), &Access::default()).await.unwrap();
    println!("http://{}{PATH}", listener.local_addr().unwrap());
    let ending = Ending::default();
    let ends = ending.clone();
    tokio::spawn(async move {
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
        ends.begin();
    });
    serve(Fixtures, listener, Access::default(), &ending).await.unwrap();
    std::process::exit(0);
}
