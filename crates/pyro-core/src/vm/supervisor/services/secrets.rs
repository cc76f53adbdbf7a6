//! The secrets of a workspace, for its services.

use crate::redaction::Redactor;
use crate::vm::control::services::ServiceDefinition;
use crate::vm::secrets::{KeptError, KeptSecrets};

/// The secrets of a workspace, and what keeps them out of what its services print.
#[derive(Debug)]
pub(super) struct ServiceSecrets {
    kept: KeptSecrets,
    redactor: Option<Redactor>,
}

impl ServiceSecrets {
    pub(super) fn new(kept: KeptSecrets) -> Result<Self, KeptError> {
        Ok(Self { redactor: kept.redactor()?, kept })
    }

    pub(super) fn redactor(&self) -> Option<&Redactor> {
        self.redactor.as_ref()
    }

    /// A service with the values of its secrets.
    pub(super) fn given_to(
        &self,
        service: &ServiceDefinition,
    ) -> Result<ServiceDefinition, KeptError> {
        let env = self.kept.variables(&service.env, &service.secret_env)?;
        Ok(ServiceDefinition { env, ..service.clone() })
    }

    /// A service as records have it: one that is started again with all that it was given, any
    /// other without values.
    pub(super) fn recorded(&self, service: &ServiceDefinition) -> ServiceDefinition {
        if service.restart {
            return service.clone();
        }
        let without = ServiceDefinition { env: Vec::new(), ..service.clone() };
        match &self.redactor {
            Some(redactor) => without.reworded(|text| redactor.text(text)),
            None => without,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::control::readiness::Readiness;
    use crate::vm::secrets::{KeptSecret, SecretSource};
    use pyro_protocol::variable::Variable;

    #[test]
    fn values_are_in_the_process_and_in_no_record() {
        let (name, source_kind) = ("TOKEN".to_owned(), SecretSource::Literal);
        let kept = vec![KeptSecret { name, source_kind, value: "s3cret-value".into() }];
        let secrets = ServiceSecrets::new(KeptSecrets::new(kept)).unwrap();
        let service = ServiceDefinition {
            command: "login s3cret-value".to_owned(),
            cwd: "/workspace".to_owned(),
            env: vec![Variable::new("A", "own"), Variable::new("B", "own")],
            user: None,
            readiness: Some(Readiness::Command { command: "ask s3cret-value".to_owned() }),
            ready_timeout_seconds: 1,
            ready_interval_ms: 1,
            restart: false,
            secret_env: vec![("TOKEN".to_owned(), "B".to_owned())],
        };
        let given = secrets.given_to(&service).unwrap();
        assert_eq!(given.env, [Variable::new("A", "own"), Variable::new("B", "s3cret-value")]);
        let recorded = serde_json::to_string(&secrets.recorded(&service)).unwrap();
        assert!(!recorded.contains("s3cret") && !recorded.contains("own"), "{recorded}");
        assert!(recorded.contains("login [REDACTED]"), "{recorded}");
        let again = ServiceDefinition { restart: true, ..service };
        assert_eq!(secrets.recorded(&again), again);
        let none = vec![("NONE".to_owned(), "A".to_owned())];
        let unknown = secrets.given_to(&ServiceDefinition { secret_env: none, ..again });
        assert!(matches!(unknown, Err(KeptError::Unknown { .. })));
    }
}
