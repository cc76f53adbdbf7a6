//! The QEMU command line as a pure function of the machine.

use super::confine::Sandbox;
use crate::engine::spec::{Accel, DiskSpec, MachineSpec, Memory};
use pyro_protocol::limits::PORT_NAME;
use std::ffi::OsString;
use std::path::Path;

/// Descriptor numbers that QEMU inherits: connected sockets, so that there is no path, no race and
/// no listener.
pub mod fd {
    /// QMP.
    pub const QMP: i32 = 3;
    /// The agent's port.
    pub const CHANNEL: i32 = 4;
    /// The serial console.
    pub const CONSOLE: i32 = 5;
    /// Device state of the template that the machine starts from.
    pub const STATE: i32 = 6;
    /// Memory that the starter shares.
    pub const MEMORY: i32 = 7;
}

/// Arguments of QEMU for `spec`, without the program's name.
#[must_use]
pub fn argv(spec: &MachineSpec, sandbox: Sandbox) -> Vec<OsString> {
    let mut args = Args::default();
    args.flag("-no-user-config").flag("-nodefaults");
    // Named after the program, whatever loader starts it.
    args.pair("-name", "pyro,process=qemu-system-x86,debug-threads=on");
    if sandbox == Sandbox::Qemu {
        args.pair(
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        );
    }
    args.pair("-display", "none").flag("-no-reboot");
    args.pair("-machine", &machine(spec));
    match spec.accel {
        Accel::Kvm => args.pair("-accel", "kvm").pair("-cpu", "host,arch-capabilities=off"),
        Accel::Tcg => {
            let off: String = spec.switched_off.iter().map(|name| format!(",{name}=off")).collect();
            args.pair("-accel", "tcg,thread=multi").pair("-cpu", &format!("max{off}"))
        }
    };
    args.pair("-smp", &spec.vcpu_count.to_string());
    args.pair("-m", &format!("{}M", spec.mem_mib));
    memory(&mut args, spec);
    args.path("-kernel", &spec.kernel.vmlinux).path("-initrd", &spec.kernel.initramfs);
    args.pair("-append", &kernel_args(spec));
    args.pair("-chardev", &format!("socket,id=qmp,fd={}", fd::QMP));
    args.pair("-mon", "chardev=qmp,mode=control");
    args.pair("-chardev", &format!("socket,id=console,fd={}", fd::CONSOLE))
        .pair("-serial", "chardev:console");
    args.pair("-device", "virtio-serial-device,max_ports=2");
    args.pair("-chardev", &format!("socket,id=channel,fd={}", fd::CHANNEL));
    args.pair("-device", &format!("virtserialport,chardev=channel,name={PORT_NAME}"));
    disk(&mut args, spec);
    args.0
}

/// The vm's layers over their image, all named here: what a layer's own header names is never
/// opened.
fn disk(args: &mut Args, spec: &MachineSpec) {
    let DiskSpec { layers, image, durable } = &spec.disk;
    args.option(
        "-blockdev",
        "driver=file,node-name=image-file,read-only=on,aio=threads,filename=",
        image,
    );
    args.pair("-blockdev", "driver=raw,node-name=image,file=image-file,read-only=on");
    let Some((layer, below)) = layers.split_last() else { return };
    let mut backing = "image".to_owned();
    for (index, layer) in below.iter().enumerate() {
        let node = format!("layer{index}");
        // Closed for ever, whatever lock an engine still holds that wrote to it once: the records
        // keep writers away.
        let options = format!(
            "driver=file,node-name={node}-file,read-only=on,locking=off,aio=threads,filename="
        );
        args.option("-blockdev", &options, layer);
        let options = format!(
            "driver=qcow2,node-name={node},file={node}-file,backing={backing},read-only=on"
        );
        args.pair("-blockdev", &options);
        backing = node;
    }
    args.option(
        "-blockdev",
        "driver=file,node-name=layer-file,discard=unmap,aio=threads,filename=",
        layer,
    );
    let mut options =
        format!("driver=qcow2,node-name=layer,file=layer-file,backing={backing},discard=unmap");
    if !durable {
        // The guest's disk dies with a disposable vm, so its flushes need not reach the host's
        // platter.
        options.push_str(",cache.no-flush=on");
    }
    args.pair("-blockdev", &options).pair("-device", "virtio-blk-device,drive=layer,id=disk");
}

/// The memory's backend; from a template also the state to go on from.
fn memory(args: &mut Args, spec: &MachineSpec) {
    let options = |share| {
        format!("memory-backend-file,id=ram,size={}M,share={share},mem-path=", spec.mem_mib)
    };
    match &spec.memory {
        Memory::Anonymous => {}
        Memory::Shared => {
            args.pair("-object", &format!("{}/proc/self/fd/{}", options("on"), fd::MEMORY));
        }
        Memory::Template(path) => {
            args.option("-object", &options("off"), path);
            args.pair("-incoming", "defer");
        }
    }
}

fn machine(spec: &MachineSpec) -> String {
    let on = |flag| if flag { "on" } else { "off" };
    let acpi = spec.kernel.acpi;
    // Without ACPI the kernel learns of its devices from its command line.
    let mut machine = format!("microvm,acpi={},rtc=on,pit=off,pic=off,usb=off", on(acpi));
    machine.push_str(&format!(",auto-kernel-cmdline={}", on(!acpi)));
    if spec.memory != Memory::Anonymous {
        machine.push_str(",memory-backend=ram");
    }
    machine
}

/// The kernel's command line.
#[must_use]
pub fn kernel_args(spec: &MachineSpec) -> String {
    // What the kernel says of its boot tells how far one that hangs had come; the agent ends it.
    // Random numbers come from the processor until the hello brings the host's. The second half
    // takes a quarter of a second off an emulated boot: nothing is waited for that a machine
    // without hardware has not.
    let mut args = "console=ttyS0 panic=-1 reboot=t random.trust_cpu=on \
                    rcupdate.rcu_expedited=1 no_timer_check cryptomgr.notests 8250.nr_uarts=1"
        .to_owned();
    // A guest has one user, and what bounds it is the machine. Each hook of a security module, and
    // the accounting below, is code that an emulated processor translates anew in every vm;
    // Landlock stays for programs that bring a sandbox.
    args.push_str(" lsm=landlock audit=0 psi=0 noautogroup numa_balancing=disable");
    if spec.accel == Accel::Tcg {
        // There is no speculation to mitigate, and a loaded host fails the guest's calibration of
        // its clock.
        args.push_str(" mitigations=off");
        // Translated code is found by its virtual address: with random ones every program that
        // starts is translated anew, the loader and the libraries included, some 7,800 blocks for
        // `git --version` in a shell.
        args.push_str(" norandmaps");
        if spec.tsc_khz > 0 {
            args.push_str(&format!(" tsc_early_khz={} tsc=reliable", spec.tsc_khz));
        }
    }
    if !spec.kernel.args.is_empty() {
        args.push(' ');
        args.push_str(&spec.kernel.args);
    }
    args
}

#[derive(Default)]
struct Args(Vec<OsString>);

impl Args {
    fn flag(&mut self, flag: &str) -> &mut Self {
        self.0.push(flag.into());
        self
    }

    fn pair(&mut self, flag: &str, value: &str) -> &mut Self {
        self.flag(flag).flag(value)
    }

    fn path(&mut self, flag: &str, path: &Path) -> &mut Self {
        self.flag(flag).0.push(path.into());
        self
    }

    /// An option list that ends in a path; QEMU wants a comma in a value doubled.
    fn option(&mut self, flag: &str, options: &str, path: &Path) -> &mut Self {
        let mut value = OsString::from(options);
        value.push(double_commas(path));
        self.flag(flag).0.push(value);
        self
    }
}

fn double_commas(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let bytes = path.as_os_str().as_bytes();
    OsString::from_vec(
        bytes
            .iter()
            .flat_map(|&byte| if byte == b',' { vec![b',', b','] } else { vec![byte] })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::spec::KernelSpec;

    fn spec(accel: Accel) -> MachineSpec {
        MachineSpec {
            memory: match accel {
                Accel::Tcg => Memory::Anonymous,
                Accel::Kvm => Memory::Template("/t/ram".into()),
            },
            accel,
            switched_off: vec!["erms".into(), "fsrm".into()],
            vcpu_count: 2,
            mem_mib: 1024,
            kernel: KernelSpec {
                vmlinux: "/k/vmlinux".into(),
                initramfs: "/k/init.cpio".into(),
                acpi: accel == Accel::Tcg,
                args: "extra=1".into(),
            },
            disk: DiskSpec {
                layers: vec!["/vm/a,b/layer.qcow2".into()],
                image: "/img".into(),
                durable: false,
            },
            tsc_khz: 2_300_000,
        }
    }

    #[test]
    fn the_command_line_is_under_snapshot() {
        for (accel, sandbox) in [(Accel::Tcg, Sandbox::Qemu), (Accel::Kvm, Sandbox::Ours)] {
            let lines: Vec<String> = argv(&spec(accel), sandbox)
                .iter()
                .map(|arg| arg.to_string_lossy().into_owned())
                .collect();
            insta::assert_snapshot!(format!("argv_{accel}"), lines.join("\n"));
        }
    }

    #[test]
    fn each_layer_stands_on_the_one_before_it_and_only_the_last_is_written() {
        let mut spec = spec(Accel::Tcg);
        let layers = vec!["/a.qcow2".into(), "/b.qcow2".into(), "/top.qcow2".into()];
        spec.disk = DiskSpec { layers, image: "/img".into(), durable: true };
        let args = argv(&spec, Sandbox::Qemu);
        let args: Vec<_> = args
            .iter()
            .map(|arg| arg.to_string_lossy())
            .filter(|arg| arg.contains("layer"))
            .collect();
        assert_eq!(
            args,
            [
                "driver=file,node-name=layer0-file,read-only=on,locking=off,aio=threads,filename=/a.qcow2",
                "driver=qcow2,node-name=layer0,file=layer0-file,backing=image,read-only=on",
                "driver=file,node-name=layer1-file,read-only=on,locking=off,aio=threads,filename=/b.qcow2",
                "driver=qcow2,node-name=layer1,file=layer1-file,backing=layer0,read-only=on",
                "driver=file,node-name=layer-file,discard=unmap,aio=threads,filename=/top.qcow2",
                "driver=qcow2,node-name=layer,file=layer-file,backing=layer1,discard=unmap",
                "virtio-blk-device,drive=layer,id=disk",
            ]
        );
    }
}
