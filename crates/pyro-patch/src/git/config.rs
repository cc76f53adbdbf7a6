//! A file of git settings, read and written anew. Pure.
//!
//! What is kept of a file is written in one plain form, so that git reads nothing else in it than
//! was read here.

/// A setting, as `git config --list` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// In lower case.
    pub section: String,
    /// As it stands there.
    pub subsection: Option<Vec<u8>>,
    /// In lower case.
    pub key: String,
    /// None where nothing but the key stands there, which means true.
    pub value: Option<Vec<u8>>,
}

impl Setting {
    /// Its name, as text for people.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.subsection {
            Some(subsection) => {
                format!("{}.{}.{}", self.section, subsection.escape_ascii(), self.key)
            }
            None => format!("{}.{}", self.section, self.key),
        }
    }

    /// Whether it is the one of this section, without a subsection, and key.
    #[must_use]
    pub fn is(&self, section: &str, key: &str) -> bool {
        self.section == section && self.subsection.is_none() && self.key == key
    }
}

/// The settings of a file, in its order; none where git would not read it.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Vec<Setting>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = Reader { text, at: 0 };
    let (mut section, mut settings): (Option<Section>, _) = (None, Vec::new());
    while let Some(byte) = reader.next() {
        match byte {
            b'#' | b';' => reader.skip_line(),
            b'[' => section = Some(reader.section()?),
            byte if byte.is_ascii_whitespace() => {}
            byte if byte.is_ascii_alphabetic() => {
                let (section, subsection) = section.clone()?;
                let (key, value) = reader.setting(byte)?;
                settings.push(Setting { section, subsection, key, value });
            }
            _ => return None,
        }
    }
    Some(settings)
}

/// A file of these settings.
#[must_use]
pub fn write(settings: &[Setting]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut last = None;
    for setting in settings {
        let section = (&setting.section, &setting.subsection);
        if last != Some(section) {
            text.push(b'[');
            text.extend_from_slice(setting.section.as_bytes());
            if let Some(subsection) = &setting.subsection {
                text.extend_from_slice(b" \"");
                text.extend(subsection.iter().flat_map(|byte| escaped(*byte, b"\"\\")));
                text.push(b'"');
            }
            text.extend_from_slice(b"]\n");
            last = Some(section);
        }
        text.push(b'\t');
        text.extend_from_slice(setting.key.as_bytes());
        if let Some(value) = &setting.value {
            text.extend_from_slice(b" = \"");
            for byte in value {
                match byte {
                    b'\n' => text.extend_from_slice(b"\\n"),
                    byte => text.extend(escaped(*byte, b"\"\\")),
                }
            }
            text.push(b'"');
        }
        text.push(b'\n');
    }
    text
}

fn escaped(byte: u8, special: &[u8]) -> impl Iterator<Item = u8> {
    special.contains(&byte).then_some(b'\\').into_iter().chain([byte])
}

/// A section and its subsection.
type Section = (String, Option<Vec<u8>>);

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// The next byte; an end of a line is one byte, and so is the end.
    fn next(&mut self) -> Option<u8> {
        let rest = &self.text[self.at.min(self.text.len())..];
        let (byte, len) = match rest {
            [b'\r', b'\n', ..] => (b'\n', 2),
            [byte, ..] => (*byte, 1),
            [] => return None,
        };
        self.at += len;
        Some(byte)
    }

    fn skip_line(&mut self) {
        while self.next().is_some_and(|byte| byte != b'\n') {}
    }

    fn section(&mut self) -> Option<Section> {
        let mut name = String::new();
        loop {
            match self.next()? {
                b']' => break,
                b' ' | b'\t' => return Some((plain_section(&name)?, Some(self.subsection()?))),
                byte if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') => {
                    name.push(char::from(byte.to_ascii_lowercase()));
                }
                _ => return None,
            }
        }
        // The old form has its subsection, in lower case, behind a dot.
        match name.split_once('.') {
            Some((section, subsection)) => {
                Some((plain_section(section)?, Some(subsection.as_bytes().to_vec())))
            }
            None => Some((plain_section(&name)?, None)),
        }
    }

    fn subsection(&mut self) -> Option<Vec<u8>> {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        if self.next()? != b'"' {
            return None;
        }
        let mut name = Vec::new();
        loop {
            match self.next()? {
                b'"' => break,
                b'\n' | 0 => return None,
                b'\\' => name.push(self.next().filter(|byte| *byte != b'\n')?),
                byte => name.push(byte),
            }
        }
        (self.next()? == b']').then_some(name)
    }

    fn setting(&mut self, first: u8) -> Option<(String, Option<Vec<u8>>)> {
        let mut key = String::from(char::from(first.to_ascii_lowercase()));
        let mut next = self.next();
        while let Some(byte) = next.filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
            key.push(char::from(byte.to_ascii_lowercase()));
            next = self.next();
        }
        while matches!(next, Some(b' ' | b'\t')) {
            next = self.next();
        }
        match next {
            None | Some(b'\n') => Some((key, None)),
            Some(b'=') => Some((key, Some(self.value()?))),
            Some(_) => None,
        }
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let (mut value, mut end, mut is_quoted) = (Vec::new(), 0, false);
        loop {
            match self.next() {
                None | Some(b'\n') if is_quoted => return None,
                None | Some(b'\n') => break,
                Some(0) => return None,
                Some(b'#' | b';') if !is_quoted => {
                    self.skip_line();
                    break;
                }
                Some(b' ' | b'\t') if !is_quoted => {
                    if end > 0 {
                        value.push(b' ');
                    }
                    continue;
                }
                Some(b'"') => is_quoted = !is_quoted,
                Some(b'\\') => match self.next()? {
                    b'\n' => continue,
                    b'n' => value.push(b'\n'),
                    b't' => value.push(b'\t'),
                    b'b' => value.push(8),
                    byte @ (b'\\' | b'"') => value.push(byte),
                    _ => return None,
                },
                Some(byte) => value.push(byte),
            }
            end = value.len();
        }
        value.truncate(end);
        Some(value)
    }
}

fn plain_section(name: &str) -> Option<String> {
    (!name.is_empty() && !name.contains('.')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Option<Vec<String>> {
        let told = |setting: Setting| match &setting.value {
            Some(value) => format!("{}={}", setting.name(), value.escape_ascii()),
            None => setting.name(),
        };
        parse(text.as_bytes()).map(|settings| settings.into_iter().map(told).collect())
    }

    #[test]
    fn settings_are_read_as_git_reads_them_and_written_so_that_they_are_the_same() {
        let text = "\u{feff}# c\r\n[Core]\r\n\tBare = false ; c\n\tfsmonitor\n\
                    [remote \"a\\\"b\"] url = \"x # y\" z\\\n w\n\
                    [branch.Main]merge=\\n\\t\\\\\n[a]\n k = \n";
        let expected = [
            "core.bare=false",
            "core.fsmonitor",
            "remote.a\\\"b.url=x # y z w",
            "branch.main.merge=\\n\\t\\\\",
            "a.k=",
        ];
        assert_eq!(names(text).unwrap(), expected);
        let settings = parse(text.as_bytes()).unwrap();
        assert_eq!(parse(&write(&settings)).unwrap(), settings);
    }

    #[test]
    fn what_git_does_not_read_is_none() {
        for text in [
            "k = v",
            "[a",
            "[a]\n=",
            "[a]\nk = \"x",
            "[a]\nk v",
            "[a b]\n",
            "[a \"b]\n",
            "[a]\nk = \\x",
            "[a_b]\n",
            "[]\n",
        ] {
            assert_eq!(names(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(text in "[\\[\\]a-c.\" \\t=#;\\\\\n-]{0,60}") {
            if let Some(settings) = parse(text.as_bytes()) {
                assert_eq!(parse(&write(&settings)).unwrap(), settings);
            }
        }
    }
}
