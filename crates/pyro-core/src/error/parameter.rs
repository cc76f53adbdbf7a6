//! `Parameter`: the parameters of operations that a hint may name.

super::named::named! {
    /// A parameter by the name that it has in the API; a surface may write it as a flag.
    pub enum Parameter {
        /// Run on the host where no guest can be had.
        AllowHostCompat = "allow_host_compat",
        /// The command that a benchmark compares with.
        Against = "against",
        /// Columns of a terminal.
        Cols = "cols",
        /// The command to run.
        Command = "command",
        /// How many.
        Count = "count",
        /// The directory that a command runs in.
        Cwd = "cwd",
        /// Delete what the source does not have.
        Delete = "delete",
        /// The environment.
        Environment = "environment",
        /// Replace what is there.
        Force = "force",
        /// The form of an export.
        Format = "format",
        /// Let git's settings and hooks out.
        KeepGitConfig = "keep_git_config",
        /// Bytes of a page.
        Length = "length",
        /// Characters of a text.
        MaxChars = "max_chars",
        /// Memory of a vm.
        MemMib = "mem_mib",
        /// The mirror that packages come from.
        Mirror = "mirror",
        /// Give a guest a network.
        Network = "network",
        /// Where on the host an export goes.
        OutputPath = "output_path",
        /// A path in a workspace.
        Path = "path",
        /// Directories below as well.
        Recursive = "recursive",
        /// Leave out what git ignores.
        RespectIgnore = "respect_ignore",
        /// Rows of a terminal.
        Rows = "rows",
        /// What on the host a workspace begins with.
        SeedPath = "seed_path",
        /// The shell of a command.
        Shell = "shell",
        /// The name of a service.
        ServiceName = "service_name",
        /// A shell of a workspace.
        ShellId = "shell_id",
        /// What a workspace goes back to.
        Snapshot = "snapshot",
        /// The name of a snapshot.
        SnapshotName = "snapshot_name",
        /// The limit of a command.
        TimeoutSeconds = "timeout_seconds",
        /// The lifetime.
        TtlSeconds = "ttl_seconds",
        /// Whom a command runs as.
        User = "user",
        /// Virtual CPUs of a vm.
        VcpuCount = "vcpu_count",
        /// A vm.
        VmId = "vm_id",
        /// Lines of a log.
        TailLines = "tail_lines",
        /// How long a service may take until it is ready.
        ReadyTimeoutSeconds = "ready_timeout_seconds",
        /// How long to wait between two looks at it.
        ReadyIntervalMs = "ready_interval_ms",
        /// How long a shell is to be quiet.
        WaitForIdleMs = "wait_for_idle_ms",
        /// A workspace.
        WorkspaceId = "workspace_id",
    }
}

impl Parameter {
    /// The parameter of this name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|parameter| parameter.name() == name)
    }
}
