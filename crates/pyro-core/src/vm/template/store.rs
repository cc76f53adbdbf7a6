//! The templates of a cache: found, set aside when they fail, bounded in number and size.

use super::key::TemplateKey;
use crate::config::Config;
use crate::host::fs::{self, FsError, Stamp};
use crate::host::lock::FileLock;
use crate::host::process;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How much is kept.
struct Bounds {
    /// Most templates.
    count: usize,
    /// Most disk space that they take together, in bytes.
    bytes: u64,
}

/// One template of a 1 GiB guest takes about 100 MB, and a shape has one without a disk and one for
/// each environment.
const BOUNDS: Bounds = Bounds { count: 16, bytes: 2 << 30 };

/// Longest `template.json`, in bytes.
const MAX_RECORD: u64 = 4096;

const RAM: &str = "ram";
const STATE: &str = "state";
const LAYER: &str = "layer.qcow2";

/// Begin of the name of a directory in which a template is being made.
const STAGING: &str = ".making-";

/// A file that has been in the making for longer was left by a process that died.
const WRITTEN_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Begin of the name of the file that holds the counter's rate; the rest is the host's boot.
const TSC_KHZ: &str = ".tsc-khz-";

/// The templates of one cache.
#[derive(Clone, Debug)]
pub struct TemplateStore {
    directory: PathBuf,
}

/// A template whose files are as they were saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    directory: PathBuf,
}

/// What `template.json` holds: the files as they were when the template was saved.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    ram: Stamp,
    state: Stamp,
    /// Of the disk's layer; none where no disk is mounted.
    #[serde(default)]
    layer: Option<Stamp>,
}

impl Record {
    fn of(directory: &Path) -> Result<Self, FsError> {
        let stamp = |name| Stamp::of(&directory.join(name));
        let layer = match stamp(LAYER) {
            Err(error) if error.is_not_found() => None,
            layer => Some(layer?),
        };
        Ok(Self { ram: stamp(RAM)?, state: stamp(STATE)?, layer })
    }
}

impl Template {
    /// The guest's memory.
    #[must_use]
    pub fn ram(&self) -> PathBuf {
        self.directory.join(RAM)
    }

    /// The devices' state.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.join(STATE)
    }

    /// Where a disk is mounted: the layer that every vm which starts from this has a copy of.
    #[must_use]
    pub fn layer(&self) -> Option<PathBuf> {
        let layer = self.directory.join(LAYER);
        layer.exists().then_some(layer)
    }
}

/// Held by the one process that makes templates.
#[derive(Debug)]
pub struct MakerLock {
    _lock: FileLock,
}

impl TemplateStore {
    /// The templates of the configured cache.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { directory: config.environment_cache_dir.join("templates") }
    }

    fn path(&self, key: &TemplateKey) -> PathBuf {
        self.directory.join(key.name())
    }

    /// The template of this key, where there is one whose files nobody touched since they were
    /// saved; one that is damaged is removed.
    #[must_use]
    pub fn find(&self, key: &TemplateKey) -> Option<Template> {
        let template = Template { directory: self.path(key) };
        match is_intact(&template) {
            Ok(true) => {
                // The last use decides what goes first when there is too much.
                let _ = fs::touch(&template.directory.join("used"));
                Some(template)
            }
            Err(error) if error.is_not_found() && !template.directory.is_dir() => None,
            damaged => {
                tracing::warn!(key = key.name(), ?damaged, "a template is damaged and is removed");
                self.set_aside(key);
                None
            }
        }
    }

    /// Take a template away that failed; vms that run from it keep its files open.
    pub fn set_aside(&self, key: &TemplateKey) {
        if let Err(error) = fs::remove_tree(&self.path(key)) {
            tracing::warn!(%error, "a template that failed cannot be removed");
        }
    }

    /// The rate of the host's time stamp counter in kHz, as the first vm of this boot of the host
    /// measured it. It is part of what guests are told, so all that share these templates must
    /// agree on it; where it cannot be kept, each has its own.
    #[must_use]
    pub fn tsc_khz(&self, measure: impl FnOnce() -> u32) -> u32 {
        let path = self.directory.join(format!("{TSC_KHZ}{}", process::boot_id()));
        let read = || std::str::from_utf8(&fs::read_bounded(&path, 16).ok()?).ok()?.parse().ok();
        if let Some(khz) = read() {
            return khz;
        }
        let khz = measure();
        let kept = fs::private_dir(&self.directory)
            .and_then(|()| fs::write_first(&path, khz.to_string().as_bytes()));
        match kept {
            Ok(true) => khz,
            Ok(false) => read().unwrap_or(khz),
            Err(error) => {
                tracing::warn!(%error, "the counter's rate is measured again at the next start");
                khz
            }
        }
    }

    /// Be the one that makes templates; none when another process is at it.
    ///
    /// # Errors
    /// When the cache cannot be written to.
    pub fn lock(&self) -> Result<Option<MakerLock>, FsError> {
        fs::private_dir(&self.directory)?;
        let Some(lock) = FileLock::try_acquire(&self.directory.join(".lock"))? else {
            return Ok(None);
        };
        self.remove_staging()?;
        Ok(Some(MakerLock { _lock: lock }))
    }

    /// Begin to make a template.
    ///
    /// # Errors
    /// When the cache cannot be written to.
    pub fn begin<'l>(
        &self,
        lock: &'l MakerLock,
        key: &TemplateKey,
    ) -> Result<Staging<'l>, FsError> {
        let directory = fs::unique_dir(&self.directory, STAGING)?;
        Ok(Staging { directory, target: self.path(key), store: self.clone(), _lock: lock })
    }

    /// Remove what killed processes left half made; whoever calls this holds the lock, so nobody is
    /// making any.
    fn remove_staging(&self) -> Result<(), FsError> {
        for name in fs::names_in(&self.directory)? {
            let path = self.directory.join(&name);
            // The counter's rate is kept by whoever comes, without the lock.
            let is_left = || {
                name.starts_with(".new-") && fs::age(&path).is_some_and(|age| age > WRITTEN_WITHIN)
            };
            if name.starts_with(STAGING) || is_left() {
                fs::remove_tree(&path)?;
            }
        }
        Ok(())
    }

    /// Remove the least recently used ones beyond the bounds; `keep` stays.
    fn evict(&self, keep: &Path, bounds: &Bounds) -> Result<(), FsError> {
        let mut all = Vec::new();
        for name in self.names()? {
            let directory = self.directory.join(name);
            let age = fs::age(&directory.join("used")).unwrap_or(Duration::MAX);
            let bytes = fs::metadata(&directory.join("ram")).map_or(0, |meta| meta.blocks() * 512);
            all.push((age, bytes, directory));
        }
        all.sort();
        let (mut count, mut total) = (0, 0);
        for (_, bytes, directory) in all {
            count += 1;
            total += bytes;
            if (count > bounds.count || total > bounds.bytes) && directory != keep {
                // What is older goes too, however small it is: both sums only grow.
                fs::remove_tree(&directory)?;
            }
        }
        Ok(())
    }

    /// Names of the templates, sorted.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn names(&self) -> Result<Vec<String>, FsError> {
        let mut names = fs::names_in(&self.directory)?;
        names.retain(|name| !name.starts_with('.'));
        Ok(names)
    }

    /// Remove every template and what was left half made, unless it is being made; their names,
    /// sorted.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn prune(&self) -> Result<Vec<String>, FsError> {
        let names = self.names()?;
        for name in &names {
            fs::remove_tree(&self.directory.join(name))?;
        }
        let boot = process::boot_id();
        for name in fs::names_in(&self.directory)? {
            if name.strip_prefix(TSC_KHZ).is_some_and(|of| of != boot) {
                fs::remove_file(&self.directory.join(name))?;
            }
        }
        if !self.directory.is_dir() {
            return Ok(names);
        }
        // Taking the lock clears away what was left half made.
        drop(self.lock()?);
        Ok(names)
    }
}

/// Whether the files of a template are those that were saved.
fn is_intact(template: &Template) -> Result<bool, FsError> {
    let record = fs::read_bounded(&template.directory.join("template.json"), MAX_RECORD)?;
    let now = Record::of(&template.directory)?;
    Ok(serde_json::from_slice::<Record>(&record).is_ok_and(|record| record == now))
}

/// A template that is being made; dropped before it is published, it is removed.
#[derive(Debug)]
pub struct Staging<'l> {
    directory: PathBuf,
    target: PathBuf,
    store: TemplateStore,
    _lock: &'l MakerLock,
}

impl Staging<'_> {
    /// Where the guest's memory is to be written.
    #[must_use]
    pub fn ram(&self) -> PathBuf {
        self.directory.join(RAM)
    }

    /// Where the devices' state is to be written.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.join(STATE)
    }

    /// Where the disk's layer is to be copied to.
    #[must_use]
    pub fn layer(&self) -> PathBuf {
        self.directory.join(LAYER)
    }

    /// Let others start from it.
    ///
    /// # Errors
    /// When it cannot be moved into place.
    pub fn publish(self) -> Result<(), FsError> {
        let record = Record::of(&self.directory)?;
        let text = serde_json::to_vec(&record).unwrap_or_default();
        fs::write_new(&self.directory.join("template.json"), &text)?;
        fs::write_new(&self.directory.join("used"), b"")?;
        // Not flushed: a template does not outlive this boot of the host.
        fs::remove_tree(&self.target)?;
        fs::rename_unsynced(&self.directory, &self.target)?;
        self.store.evict(&self.target, &BOUNDS)
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        // Published, it is no longer there.
        if let Err(error) = fs::remove_tree(&self.directory) {
            tracing::warn!(%error, "a half made template waits for the next one");
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make and damage files as anybody can")]
mod tests {
    use super::*;
    use std::time::SystemTime;

    const MIB: u64 = 1 << 20;

    fn store(directory: &Path) -> TemplateStore {
        TemplateStore { directory: directory.join("templates") }
    }

    fn key(name: &str) -> TemplateKey {
        serde_json::from_value(name.into()).unwrap()
    }

    /// A template of `mib` MiB that was last used so many seconds ago.
    fn publish(store: &TemplateStore, name: &str, mib: u64, seconds_ago: u64) {
        let lock = store.lock().unwrap().unwrap();
        let staging = store.begin(&lock, &key(name)).unwrap();
        std::fs::write(staging.ram(), vec![1; usize::try_from(mib * MIB).unwrap()]).unwrap();
        std::fs::write(staging.state(), b"state").unwrap();
        staging.publish().unwrap();
        let used = std::fs::File::open(store.directory.join(name).join("used")).unwrap();
        used.set_modified(SystemTime::now() - Duration::from_secs(seconds_ago)).unwrap();
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        let fill = || {
            for (name, mib, seconds_ago) in
                [("new", 2, 10), ("young", 3, 20), ("old", 1, 30), ("oldest", 1, 40)]
            {
                publish(&store, name, mib, seconds_ago);
            }
        };
        let evict = |keep: &str, count, bytes| {
            fill();
            store.evict(&store.directory.join(keep), &Bounds { count, bytes }).unwrap();
            store.names().unwrap()
        };
        assert_eq!(evict("new", 4, 8 * MIB), ["new", "old", "oldest", "young"]);
        assert_eq!(evict("new", 2, 8 * MIB), ["new", "young"]);
        assert_eq!(evict("new", 4, 4 * MIB), ["new"], "the older ones would fit, but go first");
        assert_eq!(evict("oldest", 1, MIB), ["oldest"], "the one that was just made stays");
        fill();
        assert!(store.find(&key("old")).is_some());
        store.evict(Path::new("/"), &Bounds { count: 1, bytes: 8 * MIB }).unwrap();
        assert_eq!(store.names().unwrap(), ["old"], "found is used");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        for number in 0..BOUNDS.count + 3 {
            publish(&store, &format!("{number:02}"), 0, 1000 - number as u64);
        }
        let names = store.names().unwrap();
        assert_eq!((names.len(), names[0].as_str()), (BOUNDS.count, "03"));
    }

    #[test]
    fn only_untouched_files_are_found() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        assert!(store.find(&key("a")).is_none() && store.names().unwrap().is_empty());
        let spoils: [fn(&Path); 5] = [
            |template| std::fs::remove_file(template.join("state")).unwrap(),
            |template| std::fs::remove_file(template.join("template.json")).unwrap(),
            |template| std::fs::write(template.join("template.json"), vec![b' '; 5000]).unwrap(),
            |template| std::fs::write(template.join("ram"), vec![1; 1 << 20]).unwrap(),
            |template| {
                std::fs::rename(template.join("ram"), template.join("x")).unwrap();
                std::fs::copy(template.join("x"), template.join("ram")).unwrap();
            },
        ];
        for spoil in spoils {
            publish(&store, "a", 1, 0);
            let found = store.find(&key("a")).unwrap();
            assert!(found.ram().is_file() && found.state().is_file());
            spoil(&store.directory.join("a"));
            assert!(store.find(&key("a")).is_none());
            assert!(!store.directory.join("a").exists(), "a damaged one is removed");
        }
    }

    #[test]
    fn one_at_a_time_is_made_and_nothing_is_left_half_made() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        let lock = store.lock().unwrap().unwrap();
        let first = store.begin(&lock, &key("a")).unwrap();
        assert!(store.lock().unwrap().is_none());
        assert!(store.prune().unwrap().is_empty());
        assert!(first.directory.is_dir(), "the one in progress stays");
        let left = first.directory.clone();
        drop(first);
        drop(lock);
        assert!(!left.exists());
        // As a killed process leaves it.
        std::fs::create_dir(&left).unwrap();
        publish(&store, "a", 1, 0);
        assert!(!left.exists());
        std::fs::create_dir(&left).unwrap();
        for (name, age) in
            [(".new-old", WRITTEN_WITHIN + Duration::from_secs(1)), (".new-young", Duration::ZERO)]
        {
            let file = std::fs::File::create(store.directory.join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        assert_eq!(store.prune().unwrap(), ["a"]);
        assert_eq!(fs::names_in(&store.directory).unwrap(), [".lock", ".new-young"]);
    }
}
