//! `User`: whom a command runs as, checked where it enters.

use crate::limits::{MAX_ACCOUNT_ID, MAX_ACCOUNT_NAME_LEN};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whom a command runs as: `NAME|UID[:GROUP|GID]`.
///
/// It says nothing about who is there: names are looked up by the guest, in its own files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct User {
    account: Account,
    group: Option<Account>,
}

/// A user or a group: by its number, or by a name that stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// At most [`MAX_ACCOUNT_ID`].
    Id(u32),
    /// ASCII letters, digits, `_`, `.`, `-`, `@` and `$`, at most [`MAX_ACCOUNT_NAME_LEN`], not
    /// beginning with a sign.
    Name(String),
}

/// Why text names no user.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UserError {
    /// Nothing stands where a user or a group should.
    #[error("the name of a user or of its group is empty")]
    Empty,
    /// It is longer than any name.
    #[error("name of {0} bytes, more than {MAX_ACCOUNT_NAME_LEN}")]
    TooLong(usize),
    /// It holds what no name holds.
    #[error("{0:?} is no name of a user or a group")]
    Name(String),
    /// The number is greater than any.
    #[error("{0} is no id of a user or a group, the greatest is {MAX_ACCOUNT_ID}")]
    Id(String),
}

impl User {
    /// Parse `NAME|UID[:GROUP|GID]`; what consists of digits is a number, never a name.
    ///
    /// # Errors
    /// Each variant of [`UserError`].
    pub fn parse(text: &str) -> Result<Self, UserError> {
        let (account, group) = match text.split_once(':') {
            Some((account, group)) => (account, Some(group)),
            None => (text, None),
        };
        Ok(Self {
            account: Account::parse(account)?,
            group: group.map(Account::parse).transpose()?,
        })
    }

    /// The user.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The group; the user's own where none is given.
    #[must_use]
    pub fn group(&self) -> Option<&Account> {
        self.group.as_ref()
    }
}

impl Account {
    fn parse(text: &str) -> Result<Self, UserError> {
        if text.is_empty() {
            return Err(UserError::Empty);
        }
        if text.len() > MAX_ACCOUNT_NAME_LEN {
            return Err(UserError::TooLong(text.len()));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let id = text.parse().ok().filter(|id| *id <= MAX_ACCOUNT_ID);
            return id.map(Self::Id).ok_or_else(|| UserError::Id(text.to_owned()));
        }
        // A sign in front has a meaning of its own in the lists of old, and to every program's
        // options.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-@$".contains(&byte);
        if text.bytes().all(fits) && !text.starts_with(['.', '-', '@', '$']) {
            Ok(Self::Name(text.to_owned()))
        } else {
            Err(UserError::Name(text.to_owned()))
        }
    }
}

impl fmt::Display for User {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(out, "{}:{group}", self.account),
            None => self.account.fmt(out),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(out),
            Self::Name(name) => name.fmt(out),
        }
    }
}

impl From<User> for String {
    fn from(user: User) -> Self {
        user.to_string()
    }
}

impl TryFrom<String> for User {
    type Error = UserError;
    fn try_from(text: String) -> Result<Self, UserError> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_user_is_a_name_or_a_number_with_or_without_a_group() {
        let name = |text: &str| Account::Name(text.to_owned());
        for (text, account, group) in [
            ("app", name("app"), None),
            ("_apt", name("_apt"), None),
            ("1000", Account::Id(1000), None),
            ("007:4294967294", Account::Id(7), Some(Account::Id(4_294_967_294))),
            ("www-data:adm", name("www-data"), Some(name("adm"))),
            ("1st:0", name("1st"), Some(Account::Id(0))),
            ("M.N@dom$", name("M.N@dom$"), None),
        ] {
            let user = User::parse(text).unwrap();
            assert_eq!((user.account(), user.group()), (&account, group.as_ref()), "{text}");
        }
        assert_eq!(User::parse("007:x").unwrap().to_string(), "7:x");
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for text in ["", ":", ":0", "0:", "a:"] {
            assert_eq!(User::parse(text), Err(UserError::Empty), "{text:?}");
        }
        for text in
            ["-u", "+1", "a b", "a\n", "a\0", "ä", "a/b", "a,b", "x:1:2", "-1", "$", ".", "@x"]
        {
            assert!(matches!(User::parse(text), Err(UserError::Name(_))), "{text:?}");
        }
        // To the kernel the greatest number of 32 bits means that nothing is to change.
        for text in ["4294967295", "0:4294967295", "99999999999999999999"] {
            assert!(matches!(User::parse(text), Err(UserError::Id(_))), "{text:?}");
        }
        assert_eq!(User::parse(&"a".repeat(256)), Err(UserError::TooLong(256)));
        assert!(User::parse(&"a".repeat(255)).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_taken_can_be_said_again(text in "\\PC*|[a-z0-9:_.$@+-]{0,12}|[0-9]{1,11}(:[0-9]{1,11})?") {
            if let Ok(user) = User::parse(&text) {
                prop_assert_eq!(User::parse(&user.to_string()), Ok(user));
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/,\\\"'".contains(&byte)));
            }
        }
    }
}
