//! Batches of revision 2025-03-26: the answers to the requests of one array are one array.

use serde_json::Value;
use std::collections::HashSet;

/// Batches whose answers are not complete.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    open: Vec<Batch>,
}

/// A batch whose requests are not all answered yet.
#[derive(Debug, Default)]
struct Batch {
    /// Ids of requests without an answer, as JSON.
    waiting: HashSet<String>,
    answers: Vec<Value>,
}

impl Batches {
    /// Wait for the answers to requests with these ids; some answers may be there already. All of
    /// them, where no other is to come.
    pub(crate) fn open(
        &mut self,
        ids: impl IntoIterator<Item = Value>,
        answers: Vec<Value>,
    ) -> Option<Value> {
        let waiting: HashSet<String> = ids.into_iter().map(|id| id.to_string()).collect();
        if waiting.is_empty() {
            return (!answers.is_empty()).then_some(Value::Array(answers));
        }
        self.open.push(Batch { waiting, answers });
        None
    }

    /// Whether an answer with this id belongs to a batch.
    pub(crate) fn holds(&self, id: &Value) -> bool {
        let id = id.to_string();
        self.open.iter().any(|batch| batch.waiting.contains(&id))
    }

    /// Take an answer; none where the client gets none, because it cancelled the request. All
    /// answers of the batch, where this was the last.
    pub(crate) fn close(&mut self, id: &Value, answer: Option<Value>) -> Option<Value> {
        let id = id.to_string();
        let at = self.open.iter().position(|batch| batch.waiting.contains(&id))?;
        let batch = &mut self.open[at];
        batch.waiting.remove(&id);
        batch.answers.extend(answer);
        if !batch.waiting.is_empty() {
            return None;
        }
        let answers = self.open.swap_remove(at).answers;
        (!answers.is_empty()).then_some(Value::Array(answers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_wait_for_the_last_one() {
        let mut batches = Batches::default();
        assert_eq!(batches.open([json!(1), json!("1")], vec![json!("refused")]), None);
        assert!(batches.holds(&json!(1)) && !batches.holds(&json!(2)));
        assert_eq!(batches.close(&json!("1"), Some(json!("b"))), None);
        assert_eq!(batches.close(&json!("1"), Some(json!("again"))), None);
        assert_eq!(batches.close(&json!(1), Some(json!("a"))), Some(json!(["refused", "b", "a"])));
        assert!(!batches.holds(&json!(1)));
    }

    #[test]
    fn a_batch_without_requests_is_answered_at_once_or_not_at_all() {
        assert_eq!(Batches::default().open([], vec![]), None);
        assert_eq!(Batches::default().open([], vec![json!(1)]), Some(json!([1])));
    }

    #[test]
    fn a_cancelled_request_holds_nothing_up() {
        let mut batches = Batches::default();
        batches.open([json!(1), json!(2)], vec![]);
        assert_eq!(batches.close(&json!(1), None), None);
        assert_eq!(batches.close(&json!(2), Some(json!("a"))), Some(json!(["a"])));
        batches.open([json!(1)], vec![]);
        assert_eq!(batches.close(&json!(1), None), None);
        assert!(!batches.holds(&json!(1)));
    }
}
