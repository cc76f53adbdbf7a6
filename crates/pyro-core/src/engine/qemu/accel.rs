//! Which accelerator a host has: KVM is measured before it is trusted.

use crate::config::AccelChoice;
use crate::engine::error::EngineError;
use crate::engine::spec::Accel;
use kvm_bindings::{KVM_MAX_CPUID_ENTRIES, kvm_segment, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};
use serde::{Deserialize, Serialize};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// Instructions a second below which KVM is of no use: a processor does billions, QEMU's own
/// translator hundreds of millions, and a kernel that interprets each instruction about two million
/// (measured on a `kvm_pvm` host: 1,400 cycles each).
const USABLE_RATE: u64 = 100_000_000;

/// Instructions that the guest loop executes between two looks at the clock.
const LOOP_INSTRUCTIONS: u64 = 10_000;

/// How long the loop is timed.
const PROBE_TIME: Duration = Duration::from_millis(5);

/// How long the probe may take as a whole before KVM is given up as stuck.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// What the probe found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum KvmVerdict {
    /// It runs guest code at speed.
    Usable {
        /// Guest instructions a second.
        instructions_per_second: u64,
    },
    /// It opens, but runs guest code slower than emulation does.
    Slow {
        /// Guest instructions a second.
        instructions_per_second: u64,
    },
    /// It cannot be used.
    Unusable {
        /// Why.
        reason: String,
    },
}

impl KvmVerdict {
    /// Whether `auto` takes KVM.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Usable { .. })
    }
}

impl std::fmt::Display for KvmVerdict {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millions = |rate: &u64| rate / 1_000_000;
        match self {
            Self::Usable { instructions_per_second: rate } => {
                write!(out, "usable ({} million instructions per second)", millions(rate))
            }
            Self::Slow { instructions_per_second: rate } => write!(
                out,
                "opens but runs only {} million instructions per second; an ordinary kernel would never finish booting",
                millions(rate)
            ),
            Self::Unusable { reason } => out.write_str(reason),
        }
    }
}

/// Choose the accelerator. `verdict` is asked only when it decides.
///
/// # Errors
/// [`EngineError::KvmUnusable`] when KVM was asked for and does not open.
pub fn choose(
    choice: AccelChoice,
    kernel_accels: &[Accel],
    verdict: impl FnOnce() -> KvmVerdict,
) -> Result<Accel, EngineError> {
    let allowed = |accel| kernel_accels.contains(&accel);
    match choice {
        AccelChoice::Tcg => Ok(Accel::Tcg),
        // Whoever asks for KVM may have a kernel that runs where the probe's loop does not: only a
        // closed device stops it.
        AccelChoice::Kvm => match Kvm::new() {
            Ok(_) => Ok(Accel::Kvm),
            Err(error) => Err(EngineError::KvmUnusable { reason: open_failure(&error) }),
        },
        AccelChoice::Auto if !allowed(Accel::Kvm) => Ok(Accel::Tcg),
        AccelChoice::Auto if verdict().is_usable() => Ok(Accel::Kvm),
        AccelChoice::Auto => Ok(Accel::Tcg),
    }
}

/// Measure KVM: a short 64-bit loop in a throw-away vCPU.
#[must_use]
pub fn probe() -> KvmVerdict {
    // KVM_RUN cannot be interrupted from here, so it runs on a thread that is left behind if it
    // never returns.
    let (sender, receiver) = std::sync::mpsc::channel();
    let spawned = std::thread::Builder::new().name("kvm-probe".to_owned()).spawn(move || {
        let _ = sender.send(measure());
    });
    if spawned.is_err() {
        return KvmVerdict::Unusable { reason: "no thread for the probe".to_owned() };
    }
    match receiver.recv_timeout(PROBE_LIMIT) {
        Ok(Ok(instructions_per_second)) if instructions_per_second >= USABLE_RATE => {
            KvmVerdict::Usable { instructions_per_second }
        }
        Ok(Ok(instructions_per_second)) => KvmVerdict::Slow { instructions_per_second },
        Ok(Err(reason)) => KvmVerdict::Unusable { reason },
        Err(_) => KvmVerdict::Unusable {
            reason: "a throw-away vm did not finish its first instructions".to_owned(),
        },
    }
}

fn open_failure(error: &kvm_ioctls::Error) -> String {
    let cause = std::io::Error::from_raw_os_error(error.errno());
    match cause.kind() {
        std::io::ErrorKind::NotFound => "/dev/kvm does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "/dev/kvm may not be opened by this user".to_owned()
        }
        _ => format!("/dev/kvm cannot be opened: {cause}"),
    }
}

/// Guest-physical layout of the probe: page tables, then code; one page each.
const PML4: u64 = 0x1000;
const PDPT: u64 = 0x2000;
const PD: u64 = 0x3000;
const CODE: u64 = 0x4000;
const MEMORY_LEN: usize = 0x5000;

/// `mov ecx, N; 1: dec ecx; jnz 1b; out 0x80, al; jmp start`: two instructions a turn.
const PROGRAM: [u8; 15] = {
    let turns = (LOOP_INSTRUCTIONS / 2).to_le_bytes();
    [
        0xb9, turns[0], turns[1], turns[2], turns[3], 0xff, 0xc9, 0x75, 0xfc, 0xe6, 0x80, 0xeb,
        0xf3, 0x90, 0x90,
    ]
};

fn measure() -> Result<u64, String> {
    let kvm = Kvm::new().map_err(|error| open_failure(&error))?;
    let words =
        |what: &'static str| move |error: kvm_ioctls::Error| format!("{what} failed: {error}");
    let memory = GuestMemory::new().map_err(|error| format!("no memory for the probe: {error}"))?;
    let vm = kvm.create_vm().map_err(words("creating a vm"))?;
    memory.give_to(&vm).map_err(words("giving memory to a vm"))?;
    let mut vcpu = vm.create_vcpu(0).map_err(words("creating a vCPU"))?;
    let cpuid = kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).map_err(words("reading CPUID"))?;
    vcpu.set_cpuid2(&cpuid).map_err(words("setting CPUID"))?;
    enter_long_mode(&vcpu).map_err(words("entering 64-bit mode"))?;
    run_loop(&mut vcpu)
}

fn run_loop(vcpu: &mut VcpuFd) -> Result<u64, String> {
    let mut rounds: u64 = 0;
    let mut start = Instant::now();
    loop {
        match vcpu.run() {
            Ok(VcpuExit::IoOut(0x80, _)) => {}
            Ok(exit) => return Err(format!("a throw-away vm stopped: {exit:?}")),
            Err(error) if error.errno() == libc::EINTR => continue,
            Err(error) => return Err(format!("running a vCPU failed: {error}")),
        }
        rounds += 1;
        if rounds == 1 {
            // The first round pays for page faults of the vm's own memory.
            start = Instant::now();
            continue;
        }
        let spent = start.elapsed();
        if spent >= PROBE_TIME {
            let instructions = u128::from((rounds - 1) * LOOP_INSTRUCTIONS);
            return Ok(u64::try_from(instructions * 1_000_000_000 / spent.as_nanos().max(1))
                .unwrap_or(u64::MAX));
        }
    }
}

fn enter_long_mode(vcpu: &VcpuFd) -> Result<(), kvm_ioctls::Error> {
    let mut sregs = vcpu.get_sregs()?;
    let segment = |selector, kind, long| kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector,
        type_: kind,
        present: 1,
        s: 1,
        g: 1,
        l: long,
        db: 1 - long,
        ..Default::default()
    };
    sregs.cs = segment(0x8, 0xb, 1);
    let data = segment(0x10, 0x3, 0);
    (sregs.ds, sregs.es, sregs.fs, sregs.gs, sregs.ss) = (data, data, data, data, data);
    sregs.cr3 = PML4;
    sregs.cr4 |= 1 << 5; // PAE
    sregs.cr0 |= 1 | (1 << 31); // protected mode, paging
    sregs.efer |= (1 << 8) | (1 << 10); // long mode enabled and active
    vcpu.set_sregs(&sregs)?;
    let mut regs = vcpu.get_regs()?;
    regs.rip = CODE;
    regs.rflags = 2;
    vcpu.set_regs(&regs)
}

/// The probe's guest memory: page tables that map the first 2 MiB to themselves, and the loop.
struct GuestMemory(NonNull<c_void>);

impl GuestMemory {
    fn new() -> std::io::Result<Self> {
        use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
        // SAFETY: a fresh private mapping at an address of the kernel's choice touches no memory of
        // ours.
        let start = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                MEMORY_LEN,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )?
        };
        let Some(start) = NonNull::new(start) else {
            return Err(std::io::ErrorKind::OutOfMemory.into());
        };
        // SAFETY: the mapping is MEMORY_LEN bytes of zeroes, readable and writable, and nobody else
        // knows it.
        let bytes =
            unsafe { std::slice::from_raw_parts_mut(start.as_ptr().cast::<u8>(), MEMORY_LEN) };
        const PRESENT_WRITABLE: u64 = 3;
        const LARGE_PAGE: u64 = 1 << 7;
        let mut put = |at: u64, value: &[u8]| {
            let at = usize::try_from(at).unwrap_or(0);
            bytes[at..at + value.len()].copy_from_slice(value);
        };
        put(PML4, &(PDPT | PRESENT_WRITABLE).to_le_bytes());
        put(PDPT, &(PD | PRESENT_WRITABLE).to_le_bytes());
        put(PD, &(PRESENT_WRITABLE | LARGE_PAGE).to_le_bytes());
        put(CODE, &PROGRAM);
        Ok(Self(start))
    }

    fn give_to(&self, vm: &VmFd) -> Result<(), kvm_ioctls::Error> {
        let region = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: 0,
            memory_size: MEMORY_LEN as u64,
            userspace_addr: self.0.as_ptr() as u64,
        };
        // SAFETY: the region is a mapping of exactly this size that outlives the vm: `measure`
        // drops it last.
        unsafe { vm.set_user_memory_region(region) }
    }
}

impl Drop for GuestMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new` with this size and is unmapped once.
        let _ = unsafe { rustix::mm::munmap(self.0.as_ptr(), MEMORY_LEN) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_kvm_only_when_it_was_measured_usable() {
        let usable = || KvmVerdict::Usable { instructions_per_second: 2_000_000_000 };
        let slow = || KvmVerdict::Slow { instructions_per_second: 2_000_000 };
        let both = [Accel::Kvm, Accel::Tcg];
        assert_eq!(choose(AccelChoice::Auto, &both, usable).unwrap(), Accel::Kvm);
        assert_eq!(choose(AccelChoice::Auto, &both, slow).unwrap(), Accel::Tcg);
        assert_eq!(
            choose(AccelChoice::Tcg, &both, || panic!("asked for nothing")).unwrap(),
            Accel::Tcg
        );
        assert_eq!(
            choose(AccelChoice::Auto, &[Accel::Tcg], || panic!("asked for nothing")).unwrap(),
            Accel::Tcg
        );
    }

    #[test]
    fn the_probe_always_ends_with_a_verdict() {
        let verdict = probe();
        assert_eq!(verdict.is_usable(), matches!(verdict, KvmVerdict::Usable { .. }));
        assert!(!verdict.to_string().is_empty());
    }
}
