//! The user: whom a command runs as, looked up in the lists that lie below the command's own root.

use crate::failure::{failure, from_errno};
use crate::files::Root;
use crate::person::{Credentials, Person, SH};
use crate::place::Place;
use crate::workers::Workers;
use pyro_protocol::limits::MAX_ACCOUNT_ID;
use pyro_protocol::message::{Failure, FailureKind};
use pyro_protocol::tree::Kind;
use pyro_protocol::user::Account;
use pyro_protocol::{GuestPath, User};
use pyro_tree::node;
use rustix::fs::{OFlags, Stat};
use rustix::io::Errno;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::time::Duration;

/// Login shells that run a line as `/bin/sh` does, by the names of their files. What another one
/// makes of `-lc -- LINE` cannot be known.
const SHELLS: [&[u8]; 7] = [b"bash", b"sh", b"dash", b"ash", b"ksh", b"ksh93", b"mksh"];

/// Longest list that is read without a thread, in bytes.
const MAX_QUICK_LEN: i64 = 64 * 1024;

/// The lists, below the root.
const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// Longest list that is read, in bytes; a distribution's own has some thousand.
const MAX_LIST_LEN: u64 = 1 << 20;

/// How long the lists may take to be read: what they lie on may be a filesystem of the guest's
/// making.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(5);

/// Find out whom a command is to run as and which shell is theirs: `user`, or root where none is
/// given.
pub(crate) async fn look_up(
    place: &RefCell<Place>,
    workers: &Workers,
    user: Option<&User>,
) -> Result<Person, Failure> {
    if !place.borrow().is_guest() {
        return beside_the_agent(place, workers, user).await;
    }
    let (root, wanted) = (Root::of(&place.borrow())?, user.cloned());
    let lists: &[&str] = if user.is_some() { &[PASSWD, GROUP] } else { &[PASSWD] };
    let is_quick = lists.iter().all(|list| is_small(&root, list));
    let find = move || {
        let (credentials, shell) = match &wanted {
            Some(user) => {
                let (credentials, shell) =
                    resolve(user, &read(&root, PASSWD)?, &read(&root, GROUP)?)?;
                (Some(credentials), shell)
            }
            // Root needs no list to be root.
            None => (None, read(&root, PASSWD).ok().and_then(|passwd| shell_of_root(&passwd))),
        };
        Ok(Person { credentials, shell: Some(usable(&root, shell)) })
    };
    // The first thread costs an emulated guest 10 ms.
    let found = if is_quick { find() } else { in_time(workers, find).await };
    match found {
        Err(Failure { kind: FailureKind::UnknownUser, .. }) if user.is_none() => {
            Ok(Person { credentials: None, shell: Some(SH.into()) })
        }
        found => found,
    }
}

/// Do what reads the lists.
async fn in_time<T: Send + 'static>(
    workers: &Workers,
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::time::timeout(LOOK_UP_LIMIT, workers.run(read)).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Err(failure(FailureKind::Busy, "no thread can be had")),
        Err(_) => Err(unknown(format!(
            "cannot read {PASSWD} and {GROUP} of the guest: they take too long"
        ))),
    }
}

/// Without a guest everything runs as the agent's own user, who may be named.
async fn beside_the_agent(
    place: &RefCell<Place>,
    workers: &Workers,
    user: Option<&User>,
) -> Result<Person, Failure> {
    let Some(user) = user else { return Ok(Person::default()) };
    let (root, wanted) = (Root::of(&place.borrow())?, user.clone());
    let found =
        in_time(workers, move || resolve(&wanted, &read(&root, PASSWD)?, &read(&root, GROUP)?))
            .await;
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    if found
        .is_ok_and(|(found, _)| found.uid == uid && (user.group().is_none() || found.gid == gid))
    {
        return Ok(Person::default());
    }
    Err(failure(
        FailureKind::Unsupported,
        format!("without a guest a command runs as user {uid}:{gid}, not as {user}"),
    ))
}

/// The shell, where it can run a line: a known one, there, and executable. Otherwise `/bin/sh`.
fn usable(root: &Root, shell: Option<Vec<u8>>) -> Vec<u8> {
    let runs = |shell: &Vec<u8>| {
        let name = shell.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let meta = root.open(shell, OFlags::PATH).and_then(|opened| rustix::fs::fstat(&opened));
        let executable =
            |meta: Stat| node::meta(&meta).kind == Kind::File && meta.st_mode & 0o111 != 0;
        shell.starts_with(b"/") && SHELLS.contains(&name) && meta.is_ok_and(executable)
    };
    shell.filter(runs).unwrap_or_else(|| SH.into())
}

/// The shell that the list has for user 0.
fn shell_of_root(passwd: &[u8]) -> Option<Vec<u8>> {
    lines(passwd)
        .filter_map(PasswdEntry::parse)
        .find(|entry| entry.uid == 0)
        .map(|entry| entry.shell.to_vec())
}

fn unknown(message: String) -> Failure {
    failure(FailureKind::UnknownUser, message)
}

/// Whether a list can be read at once: a small file on the disk that the root is on.
fn is_small(root: &Root, path: &str) -> bool {
    let stat =
        |path: &[u8]| root.open(path, OFlags::PATH).and_then(|opened| rustix::fs::fstat(&opened));
    let (Ok(list), Ok(top)) = (stat(path.as_bytes()), stat(b"/")) else { return false };
    node::meta(&list).kind == Kind::File
        && list.st_dev == top.st_dev
        && list.st_size <= MAX_QUICK_LEN
}

/// A list as a whole; empty where there is none. Links are followed below the root.
fn read(root: &Root, path: &str) -> Result<Vec<u8>, Failure> {
    let failed =
        |errno| unknown(from_errno(&format!("cannot read {path} of the guest"), errno).message);
    let opened = match root.open(path.as_bytes(), OFlags::PATH) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        opened => opened.map_err(failed)?,
    };
    let kind = node::meta(&rustix::fs::fstat(&opened).map_err(failed)?).kind;
    if kind != Kind::File {
        return Err(unknown(format!("{path} of the guest is a {}, not a file", kind.name())));
    }
    let file = File::from(node::reopen(&opened, node::CONTENT).map_err(failed)?);
    let mut list = Vec::new();
    let read = file.take(MAX_LIST_LEN + 1).read_to_end(&mut list);
    read.map_err(|err| failed(Errno::from_io_error(&err).unwrap_or(Errno::IO)))?;
    if list.len() as u64 > MAX_LIST_LEN {
        return Err(unknown(format!("{path} of the guest has more than {MAX_LIST_LEN} bytes")));
    }
    Ok(list)
}

/// Whom `user` means, as `--user` of docker and podman has it: a number needs no entry, and stands
/// for group 0 where it has none; only a user without a group of its own choice is in the other
/// groups that list it. Beside it the shell of its entry.
fn resolve(
    user: &User,
    passwd: &[u8],
    group: &[u8],
) -> Result<(Credentials, Option<Vec<u8>>), Failure> {
    let no_such = |what: &str, name: &str, list: &str| {
        unknown(format!("there is no {what} {name:?} in {list} of the guest"))
    };
    let is_meant = |account: &Account, name: &[u8], id: u32| match account {
        Account::Id(wanted) => *wanted == id,
        Account::Name(wanted) => wanted.as_bytes() == name,
    };
    let entry = lines(passwd)
        .filter_map(PasswdEntry::parse)
        .find(|entry| is_meant(user.account(), entry.name, entry.uid));
    let uid = match (user.account(), &entry) {
        (Account::Id(uid), _) => *uid,
        (_, Some(entry)) => entry.uid,
        (Account::Name(name), None) => return Err(no_such("user", name, PASSWD)),
    };
    let mut listed = lines(group).filter_map(GroupEntry::parse);
    let (gid, mut groups) = match (user.group(), &entry) {
        (Some(Account::Id(gid)), _) => (*gid, BTreeSet::new()),
        (Some(Account::Name(name)), _) => {
            match listed.find(|entry| entry.name == name.as_bytes()) {
                Some(entry) => (entry.gid, BTreeSet::new()),
                None => return Err(no_such("group", name, GROUP)),
            }
        }
        (None, Some(entry)) => (
            entry.gid,
            listed.filter(|group| group.holds(entry.name)).map(|group| group.gid).collect(),
        ),
        (None, None) => (0, BTreeSet::new()),
    };
    groups.insert(gid);
    let home = entry
        .as_ref()
        .and_then(|entry| GuestPath::parse(entry.home).ok())
        .unwrap_or_else(GuestPath::root);
    let shell = entry.as_ref().map(|entry| entry.shell.to_vec());
    let name = entry.map_or_else(|| uid.to_string().into_bytes(), |entry| entry.name.to_vec());
    Ok((Credentials { uid, gid, groups: groups.into_iter().collect(), name, home }, shell))
}

fn lines(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b'\n')
}

/// An id; none for what the kernel would take for "leave it as it is".
fn id(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok().filter(|id| *id <= MAX_ACCOUNT_ID)
}

/// What a line of passwd(5) says; none for one that is no entry.
struct PasswdEntry<'a> {
    name: &'a [u8],
    uid: u32,
    gid: u32,
    home: &'a [u8],
    shell: &'a [u8],
}

impl<'a> PasswdEntry<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, _password, uid, gid) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let (home, shell) = (fields.nth(1).unwrap_or_default(), fields.next().unwrap_or_default());
        let is_name = !name.is_empty() && !name.contains(&0);
        Some(Self { name, uid: id(uid)?, gid: id(gid)?, home, shell }).filter(|_| is_name)
    }
}

/// What a line of group(5) says; none for one that is no entry.
struct GroupEntry<'a> {
    name: &'a [u8],
    gid: u32,
    members: &'a [u8],
}

impl<'a> GroupEntry<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, _password, gid) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Self { name, gid: id(gid)?, members: fields.next().unwrap_or_default() })
    }

    fn holds(&self, member: &[u8]) -> bool {
        self.members.split(|byte| *byte == b',').any(|name| name == member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PASSWD_LINES: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n\
        # app:x:1:1::/nowhere:\n\
        app:x:1000:1001:An App,,,:/home//app/:/bin/bash\n\
        app:x:0:0:a second one:/root:/bin/sh\n\
        bare:x:1002:1002\n\
        dots:x:1003:1003::../etc:\n\
        relative:x:1004:1004::home:\n\
        \xff\xfe:x:1005:1005::/\xff:\n\
        nul\0:x:1006:1006::/:\n\
        same:x:4294967295:0::/:\n\
        huge:x:99999999999:0::/:\n\
        minus:x:-1:0::/:\n\
        short:x:7";

    const GROUP_LINES: &[u8] =
        b"root:x:0:\nadm:x:4:app,other\napp:x:1001:\nstaff:x:50:other,app\nstaff:x:51:\n\
        appendix:x:60:append,xapp,app \nsame:x:4294967295:app\nbad:x:y:app\n\xff:x:70:app";

    fn found(user: &str) -> Result<Credentials, Failure> {
        resolve(&User::parse(user).unwrap(), PASSWD_LINES, GROUP_LINES)
            .map(|(credentials, _)| credentials)
    }

    #[test]
    fn a_login_shell_is_that_of_the_entry() {
        let shell =
            |user: &str| resolve(&User::parse(user).unwrap(), PASSWD_LINES, GROUP_LINES).unwrap().1;
        assert_eq!(shell("app").as_deref(), Some(&b"/bin/bash"[..]));
        assert_eq!((shell("bare").as_deref(), shell("12345")), (Some(&b""[..]), None));
        assert_eq!(
            shell_of_root(b"# x:0\ntoor:x:0:0::/:/bin/ksh\nroot:x:0:0::/:/bin/bash"),
            Some(b"/bin/ksh".to_vec())
        );
        assert_eq!(shell_of_root(b""), None);
    }

    #[test]
    fn a_shell_that_cannot_run_a_line_gives_way() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32| {
            let path = place.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for (name, mode) in
            [("bin/bash", 0o755), ("bin/ksh", 0o644), ("sbin/nologin", 0o755), ("bin/fish", 0o755)]
        {
            make(name, mode);
        }
        symlink("/bin/bash", place.path().join("bin/dash")).unwrap();
        symlink("/../../../bin/sh", place.path().join("bin/sh")).unwrap();
        std::fs::create_dir(place.path().join("bin/mksh")).unwrap();
        let root = Root::at(place.path());
        let usable = |shell: &str| String::from_utf8(usable(&root, Some(shell.into()))).unwrap();
        assert_eq!(
            (usable("/bin/bash"), usable("/bin/dash")),
            ("/bin/bash".to_owned(), "/bin/dash".to_owned())
        );
        for shell in [
            "/bin/ksh",
            "/sbin/nologin",
            "/bin/fish",
            "/bin/mksh",
            "/bin/ash",
            "bin/bash",
            "bash",
            "",
            "/",
            "/bin/bash\0",
        ] {
            assert_eq!(usable(shell), "/bin/sh", "{shell:?}");
        }
        assert_eq!(super::usable(&root, None), b"/bin/sh");
    }

    #[test]
    fn a_user_is_found_as_docker_and_podman_find_it() {
        type Row<'a> = (&'a str, u32, u32, &'a [u32], &'a [u8], &'a str);
        let table: [Row; 12] = [
            ("root", 0, 0, &[0], b"root", "/root"),
            ("app", 1000, 1001, &[4, 50, 70, 1001], b"app", "/home/app"),
            ("1000", 1000, 1001, &[4, 50, 70, 1001], b"app", "/home/app"),
            // A group of its own choice is the only one.
            ("app:adm", 1000, 4, &[4], b"app", "/home/app"),
            ("app:staff", 1000, 50, &[50], b"app", "/home/app"),
            ("1000:1", 1000, 1, &[1], b"app", "/home/app"),
            ("0:1001", 0, 1001, &[1001], b"root", "/root"),
            ("12345", 12345, 0, &[0], b"12345", "/"),
            ("12345:4294967294", 12345, 4_294_967_294, &[4_294_967_294], b"12345", "/"),
            ("bare", 1002, 1002, &[1002], b"bare", "/"),
            ("dots", 1003, 1003, &[1003], b"dots", "/"),
            ("relative", 1004, 1004, &[1004], b"relative", "/"),
        ];
        for (user, uid, gid, groups, name, home) in table {
            let home = GuestPath::parse(home.as_bytes()).unwrap();
            let expected =
                Credentials { uid, gid, groups: groups.to_vec(), name: name.to_vec(), home };
            assert_eq!(found(user).unwrap(), expected, "{user}");
        }
        let odd = found("1005").unwrap();
        assert_eq!((odd.name.as_slice(), odd.home.as_bytes()), (&b"\xff\xfe"[..], &b"/\xff"[..]));
        assert_eq!(
            found("1006").unwrap().name,
            b"1006",
            "a name that no variable can hold is none"
        );
    }

    #[test]
    fn one_that_is_not_there_is_named() {
        for (user, message) in [
            ("ghost", "there is no user \"ghost\" in /etc/passwd of the guest"),
            ("app:ghost", "there is no group \"ghost\" in /etc/group of the guest"),
            // To the kernel this number would mean to stay root.
            ("same", "there is no user \"same\" in /etc/passwd of the guest"),
            ("app:same", "there is no group \"same\" in /etc/group of the guest"),
            ("huge", "there is no user \"huge\" in /etc/passwd of the guest"),
            ("minus", "there is no user \"minus\" in /etc/passwd of the guest"),
            ("short", "there is no user \"short\" in /etc/passwd of the guest"),
        ] {
            assert_eq!(found(user).unwrap_err(), unknown(message.to_owned()), "{user}");
        }
        assert_eq!(resolve(&User::parse("1").unwrap(), b"", b"").unwrap().0.uid, 1);
    }

    fn list() -> impl Strategy<Value = Vec<u8>> {
        let line = "(a|b|[0-9]{1,10}|\\PC{0,3})(:|(:(x|a|b|0|1|4294967295|\\PC{0,3}))){0,7}\n";
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat().into_bytes()),
        ]
    }

    proptest! {
        #[test]
        fn any_lists_give_a_user_that_the_kernel_takes_or_an_error(
            user in "(a|b|0|1|2)(:(a|b|0|1|2))?", passwd in list(), group in list(),
        ) {
            match resolve(&User::parse(&user).unwrap(), &passwd, &group) {
                Ok((found, _)) => {
                    prop_assert!(found.uid <= MAX_ACCOUNT_ID && found.groups.iter().all(|gid| *gid <= MAX_ACCOUNT_ID));
                    prop_assert!(found.groups.contains(&found.gid) && !found.name.contains(&0));
                }
                Err(failure) => prop_assert_eq!(failure.kind, FailureKind::UnknownUser),
            }
        }
    }
}
