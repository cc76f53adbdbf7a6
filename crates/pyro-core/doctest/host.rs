// The settings of the examples in `src/lib.rs`: the `pyro` that cargo has built, a data directory of their own, and the
// environments that the guest tests have installed.

mod host {
    use pyro_core::Config;
    use std::path::{Path, PathBuf};

    /// Run an example, unless this machine cannot, which is told as tests do.
    pub fn run<F: Future<Output = Result<(), pyro_core::PyroError>>>(example: impl FnOnce(Config) -> F) {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or(target, PathBuf::from);
        let pyro = target.join("debug/pyro");
        let environments = target.join("tmp/environments");
        if !pyro.exists() || !environments.exists() {
            return skip("the guest tests have not run: there is no pyro or no environment in target/");
        }
        let home = std::env::temp_dir().join(format!("pyro-doctest-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let config = Config::from_variables(pyro, |name| match name {
            "HOME" => Some(home.clone().into()),
            "PYRO_ENVIRONMENT_CACHE_DIR" => Some(environments.clone().into()),
            "PYRO_ACCEL" => Some("tcg".into()),
            "PATH" | "PYRO_MIRROR" | "PYRO_QEMU" => std::env::var_os(name),
            _ => None,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let done = runtime.block_on(example(config.unwrap()));
        let _ = std::fs::remove_dir_all(&home);
        if let Err(error) = done {
            panic!("{error}: {:?}", error.causes());
        }
    }

    fn skip(reason: &str) {
        let name = "doctest of pyro-core";
        assert!(std::env::var("PYRO_TEST_STRICT").as_deref() != Ok("1"), "{name}: {reason}");
        if let Some(file) = std::env::var_os("PYRO_TEST_SKIPS") {
            use std::io::Write;
            let file = std::fs::File::options().append(true).create(true).open(file);
            let _ = file.and_then(|mut file| writeln!(file, "{name}: {reason}"));
        }
    }
}
