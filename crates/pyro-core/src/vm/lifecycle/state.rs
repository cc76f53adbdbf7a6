//! The states of a vm as a table: what each operation meets in each of them.

use crate::store::vm::{VmRecord, VmState};
use crate::vm::error::VmError;
use crate::vm::operation::Operation;

/// What an operation meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may be done.
    Go,
    /// The state is not one for it; this operation is.
    First(Operation),
    /// Somebody is changing the state at this moment.
    Wait,
}

/// The table.
#[must_use]
pub fn answer(state: VmState, operation: Operation) -> Answer {
    use Operation::{Delete, Exec, Start, Status, Stop};
    use VmState::{Created, Deleting, Started, Starting, Stopped, Stopping};
    match (state, operation) {
        (_, Status) => Answer::Go,
        (Deleting, _) => Answer::Wait,
        (_, Delete) => Answer::Go,
        (Created | Stopped, Start) => Answer::Go,
        (Started, Exec | Stop) => Answer::Go,
        (Created | Stopped, Exec | Stop) => Answer::First(Start),
        (Started, Start) => Answer::First(Exec),
        (Starting | Stopping, Start | Exec | Stop) => Answer::Wait,
    }
}

/// Whether `operation` may be done with `vm`.
///
/// # Errors
/// [`VmError::WrongState`], [`VmError::Changing`].
pub fn check(vm: &VmRecord, operation: Operation) -> Result<(), VmError> {
    match answer(vm.state, operation) {
        Answer::Go => Ok(()),
        Answer::First(next) => {
            Err(VmError::WrongState { id: vm.id, state: vm.state, operation, next })
        }
        Answer::Wait => Err(VmError::Changing { id: vm.id, state: vm.state }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_its_answer_in_each_state() {
        const GO: Answer = Answer::Go;
        const WAIT: Answer = Answer::Wait;
        const START: Answer = Answer::First(Operation::Start);
        const EXEC: Answer = Answer::First(Operation::Exec);
        let table = [
            // Start, Exec, Stop, Delete, Status
            (VmState::Created, [GO, START, START, GO, GO]),
            (VmState::Starting, [WAIT, WAIT, WAIT, GO, GO]),
            (VmState::Started, [EXEC, GO, GO, GO, GO]),
            (VmState::Stopping, [WAIT, WAIT, WAIT, GO, GO]),
            (VmState::Stopped, [GO, START, START, GO, GO]),
            (VmState::Deleting, [WAIT, WAIT, WAIT, WAIT, GO]),
        ];
        assert_eq!(table.map(|(state, _)| state), VmState::ALL);
        for (state, answers) in table {
            assert_eq!(
                Operation::ALL.map(|operation| answer(state, operation)),
                answers,
                "{state:?}"
            );
        }
    }

    #[test]
    fn what_is_to_be_done_first_can_be_done() {
        for state in VmState::ALL {
            for operation in Operation::ALL {
                if let Answer::First(next) = answer(state, operation) {
                    assert_eq!(answer(state, next), Answer::Go, "{state:?} {operation:?}");
                }
            }
        }
    }
}
