//! System calls that a QEMU built without a sandbox of its own may not make.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
use std::io;

/// Added to a call's number by the x32 way into the kernel, where a kernel has that.
const X32: i64 = 0x4000_0000;

/// What a machine never needs: new processes, other processes, new sockets (all it has are given to
/// it), other rights, and control over resources. `execve` is missing, for the filter is put on
/// before it: what Landlock lets QEMU execute runs under the same filter and the same Landlock.
const REFUSED: &[libc::c_long] = &[
    // Processes.
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_msgget,
    libc::SYS_semget,
    // Sockets.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Rights.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    libc::SYS_personality,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_seccomp,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_fanotify_init,
    // The host as a whole.
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    // Resources.
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setaffinity,
    libc::SYS_setrlimit,
    libc::SYS_mbind,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_set_mempolicy,
];

/// The filters, to be put on in this order.
///
/// # Errors
/// When they cannot be compiled.
pub(super) fn filters() -> io::Result<[BpfProgram; 2]> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for &call in REFUSED {
        refused.insert(call, Vec::new());
        refused.insert(call | X32, Vec::new());
    }
    // A thread is started as before; without that flag it would be a process.
    let thread = u64::from(libc::CLONE_THREAD.cast_unsigned());
    let is_process =
        SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), 0);
    let rule = is_process
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(io::Error::other)?;
    refused.insert(libc::SYS_clone, vec![rule.clone()]);
    refused.insert(libc::SYS_clone | X32, vec![rule]);
    // The C library asks for its own limits this way; another process's are none of its business.
    let is_other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0);
    let rule = is_other
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(io::Error::other)?;
    refused.insert(libc::SYS_prlimit64, vec![rule.clone()]);
    refused.insert(libc::SYS_prlimit64 | X32, vec![rule]);
    // Its flags are in memory, out of a filter's sight: told that there is no such call, the C
    // library takes `clone`.
    let unknown = [libc::SYS_clone3, libc::SYS_clone3 | X32].map(|call| (call, Vec::new()));
    // The one that refuses further filters is the last.
    Ok([compile(unknown.into(), libc::ENOSYS)?, compile(refused, libc::EPERM)?])
}

fn compile(
    refused: BTreeMap<i64, Vec<SeccompRule>>,
    answer: libc::c_int,
) -> io::Result<BpfProgram> {
    let answer = SeccompAction::Errno(answer.cast_unsigned());
    SeccompFilter::new(refused, SeccompAction::Allow, answer, TargetArch::x86_64)
        .and_then(TryInto::try_into)
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Exit status and words of a line of Perl under the filters.
    #[allow(
        clippy::disallowed_methods,
        reason = "what is tried is the moment between fork and exec"
    )]
    fn under_filters(line: &str) -> (Option<i32>, String) {
        use std::os::unix::process::CommandExt;
        let filters = filters().unwrap();
        let mut command = Command::new("perl");
        command.args(["-e", line]);
        // SAFETY: between fork and exec only system calls are made; what they need was compiled
        // before.
        unsafe {
            command.pre_exec(move || {
                rustix::thread::set_no_new_privs(true)?;
                filters.iter().try_for_each(|filter| {
                    seccompiler::apply_filter(filter).map_err(io::Error::other)
                })
            });
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[test]
    fn a_program_starts_and_can_do_its_work() {
        assert_eq!(
            under_filters("open my $f, '<', '/proc/self/stat' or die; print 'read'"),
            (Some(0), "read".into())
        );
    }

    #[test]
    fn no_process_and_no_socket_is_made() {
        let refused = |what: &str| {
            format!("{what}; print $!{{EPERM}} ? 'EPERM' : $!{{ENOSYS}} ? 'ENOSYS' : 'done'")
        };
        for what in [
            "fork",
            "syscall(57)",
            "syscall(56, 17, 0, 0, 0, 0)",
            "syscall(41, 2, 1, 0)",
            "syscall(62, $$, 0)",
            "syscall(302, 1, 0, 0, 0)",
            "syscall(29, 0, 4096, 0)",
            "syscall(165, 0, 0, 0, 0, 0)",
            "syscall(425, 8, 0)",
        ] {
            assert_eq!(under_filters(&refused(what)), (Some(0), "EPERM".into()), "{what}");
        }
        assert_eq!(under_filters(&refused("syscall(435, 0, 0)")), (Some(0), "ENOSYS".into()));
    }
}
