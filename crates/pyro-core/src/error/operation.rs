//! `OperationId`: the operations of the contract that a hint may lead to.

super::named::named! {
    /// An operation by its id in `contract.toml`; a surface finds its own name for it there.
    pub enum OperationId {
        /// The environments that there are.
        EnvironmentList = "environment.list",
        /// Install an environment.
        EnvironmentPull = "environment.pull",
        /// Remove environments that nothing uses.
        EnvironmentPrune = "environment.prune",
        /// Run a command in a vm of its own.
        Run = "run",
        /// Examine the host.
        Doctor = "doctor",
        /// Create a vm.
        VmCreate = "vm.create",
        /// Start a vm.
        VmStart = "vm.start",
        /// Run a command in a vm.
        VmExec = "vm.exec",
        /// Stop a vm.
        VmStop = "vm.stop",
        /// Delete a vm.
        VmDelete = "vm.delete",
        /// The state of a vm.
        VmStatus = "vm.status",
        /// Create a workspace.
        WorkspaceCreate = "workspace.create",
        /// The workspaces that there are.
        WorkspaceList = "workspace.list",
        /// Change a workspace's name, labels or lifetime.
        WorkspaceUpdate = "workspace.update",
        /// The state of a workspace.
        WorkspaceStatus = "workspace.status",
        /// Run a command in a workspace.
        WorkspaceExec = "workspace.exec",
        /// Copy files into a workspace.
        WorkspaceSyncPush = "workspace.sync.push",
        /// Copy files out of a workspace.
        WorkspaceExport = "workspace.export",
        /// List a directory of a workspace.
        WorkspaceFileList = "workspace.file.list",
        /// Read a file of a workspace.
        WorkspaceFileRead = "workspace.file.read",
        /// Write a file of a workspace.
        WorkspaceFileWrite = "workspace.file.write",
        /// Open a shell in a workspace.
        WorkspaceShellOpen = "workspace.shell.open",
        /// The shells of a workspace.
        WorkspaceShellList = "workspace.shell.list",
        /// Read what a shell has printed.
        WorkspaceShellRead = "workspace.shell.read",
        /// Signal what runs in a shell.
        WorkspaceShellSignal = "workspace.shell.signal",
        /// End a shell.
        WorkspaceShellClose = "workspace.shell.close",
        /// Start a service in a workspace.
        WorkspaceServiceStart = "workspace.service.start",
        /// The services of a workspace.
        WorkspaceServiceList = "workspace.service.list",
        /// Stop a service.
        WorkspaceServiceStop = "workspace.service.stop",
        /// Put a workspace back to its baseline.
        WorkspaceReset = "workspace.reset",
        /// Take a snapshot of a workspace.
        WorkspaceSnapshotCreate = "workspace.snapshot.create",
        /// The snapshots of a workspace.
        WorkspaceSnapshotList = "workspace.snapshot.list",
        /// Delete a snapshot of a workspace.
        WorkspaceSnapshotDelete = "workspace.snapshot.delete",
        /// List a directory on the disk of a stopped workspace.
        WorkspaceDiskList = "workspace.disk.list",
        /// Copy a workspace.
        WorkspaceFork = "workspace.fork",
        /// Stop a workspace.
        WorkspaceStop = "workspace.stop",
        /// Start a workspace.
        WorkspaceStart = "workspace.start",
        /// Delete a workspace.
        WorkspaceDelete = "workspace.delete",
    }
}
