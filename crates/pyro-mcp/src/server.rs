//! `Server`: what answers a client's requests, and what all of its calls share.

use crate::contract;
use crate::ending::Ending;
use crate::instructions::instructions;
use crate::output;
use crate::refusal::Refusal;
use crate::resources;
use crate::state::{Settings, State};
use crate::tools;
use crate::tools::tool::Tool;
use crate::turn;
use pyro_contract::Tools;
use pyro_core::{ErrorKind, Pyro};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation,
    ListResourceTemplatesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities,
    ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// An MCP server; a clone is the same server for another client.
#[derive(Clone)]
pub struct Server {
    state: Arc<State>,
    tools: Arc<[Tool]>,
    instructions: Arc<str>,
}

impl Server {
    /// A server over this runtime; `ending` ends its calls.
    #[must_use]
    pub fn new(pyro: Pyro, settings: Settings, ending: Ending) -> Self {
        let names = settings.profile.tools();
        let reads_outputs = names.iter().any(|name| name == "output_read");
        let mut tools = tools::all(
            &settings.grants,
            reads_outputs,
            settings.profile == contract::Profile::WorkspaceFull,
        );
        tools.retain(|tool| names.iter().any(|name| *name == tool.model.name));
        tools.sort_by_key(|tool| contract::place(&tool.model.name));
        let settings = Settings { grants: settings.grants.settled(), ..settings };
        let instructions = instructions(&names, &settings);
        let state = State {
            pyro,
            grants: settings.grants,
            home: settings.home,
            at_once: settings.at_once,
            places: Arc::new(Semaphore::new(settings.at_once)),
            asides: Arc::new(Semaphore::new(turn::ASIDE)),
            ending,
            reads_outputs,
            wakes: !names.iter().any(|name| name == "workspace_start"),
        };
        Self { state: Arc::new(state), tools: tools.into(), instructions: instructions.into() }
    }

    /// What `tools/list` answers, to every client.
    #[must_use]
    pub fn tools(&self) -> ListToolsResult {
        ListToolsResult::with_all_items(self.tools.iter().map(|tool| tool.model.clone()).collect())
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> CallToolResult {
        let Some(tool) = self.tools.iter().find(|tool| tool.model.name == request.name) else {
            return self.unknown(&request.name).into_result();
        };
        let arguments = request.arguments.unwrap_or_default();
        let called =
            match crate::arguments::checked(&request.name, &tool.model.input_schema, arguments) {
                Ok(arguments) => tool.call(&self.state, arguments, context).await,
                Err(refusal) => Err(refusal),
            };
        called.unwrap_or_else(|refusal| {
            let words = Tools {
                offered: &self.names(),
                called: Some(&tool.model.name),
                parameters: &tool.parameters(),
                grants_host: self.state.grants.host_compat,
            };
            refusal.in_words_of(&words).into_result()
        })
    }

    /// The names of its tools.
    fn names(&self) -> Vec<&str> {
        self.tools.iter().map(|tool| &*tool.model.name).collect()
    }

    /// Whether workspaces' files are this server's to read.
    fn reads_files(&self) -> bool {
        self.tools.iter().any(|tool| tool.model.name == "workspace_file_read")
    }

    fn unknown(&self, name: &str) -> Refusal {
        let known = self.names();
        let name: String = name.chars().take(80).collect();
        Refusal::new(ErrorKind::NotFound, format!("unknown tool: {name}"))
            .hint(format!("this server offers: {}", known.join(", ")))
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        // Empty lists of prompts and resources are the contract's: some hosts ask for them whatever
        // is declared.
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .build();
        let about = Implementation::new("pyro", env!("CARGO_PKG_VERSION"))
            .with_title("pyro")
            .with_description("Runs commands in disposable virtual machines");
        ServerConfig::new(capabilities)
            .with_server_info(about)
            .with_instructions(&*self.instructions)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(self.tools())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(self.call(request, context).await.into())
    }

    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        self.tools.iter().find(|tool| tool.model.name == name).map(|tool| tool.model.clone())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let files = self.reads_files().then(resources::template);
        let templates = files.into_iter().chain([resources::output_template()]);
        Ok(ListResourceTemplatesResult::with_all_items(templates.collect()))
    }

    async fn read_resource(
        &self,
        asked: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if asked.uri.starts_with(output::ADDRESS) {
            return Ok(ReadResourceResult::new(
                resources::read_output(&self.state, &asked.uri).await?,
            )
            .into());
        }
        if !self.reads_files() {
            let about = serde_json::json!({ "uri": asked.uri });
            return Err(ErrorData::resource_not_found("there is no such resource", Some(about)));
        }
        let contents = resources::read(&self.state, &context, &asked.uri, &self.names()).await?;
        Ok(ReadResourceResult::new(contents).into())
    }
}
