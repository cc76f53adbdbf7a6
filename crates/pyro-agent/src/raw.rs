//! System calls that touch nothing of this process but their arguments: not even the C library's
//! `errno`, which a child that borrows the agent's memory would share with it.

use std::arch::asm;

/// Make system call `number`; the kernel's answer, negative for an error.
///
/// # Safety
/// As the call itself: pointers must be what the kernel takes them for.
#[inline]
pub(crate) unsafe fn call(number: libc::c_long, arguments: [usize; 5]) -> isize {
    let answer: isize;
    let [first, second, third, fourth, fifth] = arguments;
    // SAFETY: the kernel preserves all registers but rax, rcx and r11; memory is as the caller
    // promises.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => answer,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            in("r10") fourth,
            in("r8") fifth,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    answer
}

/// `clone3` for a child that runs `entry(argument)` on the stack that `arguments` names; the
/// child's pid, or a negative `errno`.
///
/// # Safety
/// `arguments` names a stack of its own for the child and lives as long as the child needs it;
/// `entry` never returns and does with the shared memory nothing but read what outlives it.
pub(crate) unsafe fn clone_onto_stack(
    arguments: &libc::clone_args,
    entry: unsafe extern "C" fn(usize) -> !,
    argument: usize,
) -> isize {
    let answer: isize;
    // SAFETY: in the parent this is a plain system call. The child starts behind it with the stack
    // pointer at the top of its own stack (aligned by the caller) and goes to `entry`, never coming
    // back to this frame.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 as isize => answer,
            inlateout("rdi") arguments as *const libc::clone_args => _,
            in("rsi") size_of::<libc::clone_args>(),
            in("r12") entry,
            in("r13") argument,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    answer
}
