//! `Masked`: files of an export without the secrets of their workspace.

use crate::redaction::{Masking, Redactor};
use pyro_protocol::tree::Record;

/// Stands between a stream of records and whoever makes files of them.
pub(super) struct Masked(Option<Masking>);

impl Masked {
    /// Lets all pass where there is nothing to keep out.
    pub(super) fn new(redactor: Option<&Redactor>) -> Self {
        Self(redactor.map(Redactor::masking))
    }

    /// Take a record.
    ///
    /// # Errors
    /// Those of `put`.
    pub(super) fn put<E>(
        &mut self,
        record: &Record<'_>,
        put: &mut impl FnMut(&Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(masking) = &mut self.0 else { return put(record) };
        let mut give = |offset, bytes: &[u8]| put(&Record::Data { offset, bytes });
        match record {
            Record::Data { offset, bytes } => return masking.put(*offset, bytes, &mut give),
            Record::Entry { .. } => masking.restart(0),
            Record::End { .. } => masking.finish(&mut give)?,
            _ => {}
        }
        put(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::Secret;
    use pyro_protocol::tree::{Kind, Meta};

    #[test]
    fn a_file_keeps_its_length_and_its_holes() {
        let redactor = Redactor::new(&[Secret::from("s3cret-value")]).unwrap();
        let mut masked = Masked::new(Some(&redactor));
        let (mut file, mut ends) = (vec![b'.'; 60], 0);
        let entry = Record::Entry { path: b"a", meta: Meta::new(Kind::File, 0o644), target: b"" };
        let data = |offset, bytes| Record::Data { offset, bytes };
        for record in [
            entry.clone(),
            data(0, b"a s3cret-"),
            data(9, b"value b s3c"),
            data(30, b"ret-value s3cret-value"),
            data(52, b"s3cret"),
            Record::End { size: 60, changed: false, errno: 0 },
            entry,
            data(0, b"-value"),
            Record::End { size: 6, changed: false, errno: 0 },
        ] {
            let put = |record: &Record<'_>| {
                match record {
                    Record::Data { offset, bytes } => {
                        let at = usize::try_from(*offset).unwrap();
                        file[at..at + bytes.len()].copy_from_slice(bytes);
                    }
                    Record::End { .. } if ends == 0 => {
                        let told = String::from_utf8(file.clone()).unwrap();
                        let expected =
                            "a ************ b s3c..........ret-value ************s3cret..";
                        assert_eq!(told, expected);
                        ends += 1;
                    }
                    _ => {}
                }
                Ok::<_, ()>(())
            };
            let mut put = put;
            masked.put(&record, &mut put).unwrap();
        }
        assert_eq!((&file[..6], ends), (&b"-value"[..], 1));
    }
}
