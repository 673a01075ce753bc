//! The search, over sysroots made of shell scripts.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::*;

/// An empty folder, removed at the end of the test.
///
/// One test at a time has it: a program that is just being written cannot be run, and it would stay open for writing in
/// whatever process another test starts at that moment.
struct Scratch {
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Scratch {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = env::temp_dir().join(format!("nvptx_builder-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder, _turn: turn }
    }

    fn rustup_home(&self) -> PathBuf {
        self.folder.join("rustup")
    }

    /// A sysroot whose rustc answers as a real one would, with `release` for its version.
    fn sysroot(&self, place: &str, release: &str, lacking: &[Lack]) -> PathBuf {
        let sysroot = self.folder.join(place);
        let library = sysroot.join("lib/rustlib/src/rust/library");
        if !lacking.contains(&Lack::Source) {
            fs::create_dir_all(library.join("core")).unwrap();
            fs::write(library.join("core/Cargo.toml"), "").unwrap();
            fs::write(library.join("Cargo.lock"), "").unwrap();
        }
        let targets = if lacking.contains(&Lack::Gpu) {
            "echo 'error: no such target' >&2; exit 1"
        } else {
            "echo '    sm_80'; echo '    sm_90   - the default'"
        };
        let rustc = format!(
            "#!/bin/sh\ncase \"$*\" in\n\
             '--print sysroot') echo '{}' ;;\n\
             '--version') echo 'rustc {release}' ;;\n\
             '-vV') echo 'rustc {release}'; echo 'release: {release}' ;;\n\
             *target-cpus*) {targets} ;;\n\
             *) exit 9 ;;\nesac\n",
            sysroot.display()
        );
        write_program(&sysroot.join("bin/rustc"), &rustc);
        if !lacking.contains(&Lack::Cargo) {
            write_program(&sysroot.join("bin/cargo"), "#!/bin/sh\n");
        }
        sysroot
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings { rustup_home: Some(self.rustup_home()), ..Surroundings::default() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[derive(PartialEq)]
enum Lack {
    Source,
    Gpu,
    Cargo,
}

fn write_program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_active_rustup_toolchain_comes_first() {
    let scratch = Scratch::new();
    let stable = scratch.sysroot("rustup/toolchains/stable", "1.95.0", &[]);
    scratch.sysroot("rustup/toolchains/nightly", "1.97.0-nightly", &[]);
    let surroundings = Surroundings { rustup_toolchain: Some("stable".to_owned()), ..scratch.surroundings() };
    let found = surroundings.find().unwrap();
    assert_eq!(found.rustc(), stable.join("bin/rustc"));
    assert_eq!(found.cargo(), stable.join("bin/cargo"));
    assert_eq!(found.version(), "rustc 1.95.0");
}

#[test]
fn without_an_active_one_the_newest_release_comes_first() {
    let scratch = Scratch::new();
    scratch.sysroot("rustup/toolchains/a", "1.99.0", &[]);
    let newest = scratch.sysroot("rustup/toolchains/b", "1.100.0", &[]);
    scratch.sysroot("rustup/toolchains/c", "1.97.0-nightly", &[]);
    let found = scratch.surroundings().find().unwrap();
    assert_eq!(found.rustc(), newest.join("bin/rustc"));
}

#[test]
fn a_toolchain_without_source_or_target_is_passed_over_for_the_system() {
    let scratch = Scratch::new();
    scratch.sysroot("rustup/toolchains/stable", "1.95.0", &[Lack::Source]);
    scratch.sysroot("rustup/toolchains/old", "1.10.0", &[Lack::Gpu]);
    let system = scratch.sysroot("usr", "1.96.0", &[]);
    let surroundings =
        Surroundings { path: vec![scratch.folder.join("empty"), system.join("bin")], ..scratch.surroundings() };
    assert_eq!(surroundings.find().unwrap().rustc(), system.join("bin/rustc"));
}

#[test]
fn a_proxy_is_resolved_to_the_compiler_behind_it() {
    let scratch = Scratch::new();
    let real = scratch.sysroot("elsewhere", "1.96.0", &[]);
    let script = fs::read_to_string(real.join("bin/rustc")).unwrap();
    write_program(&scratch.folder.join("proxies/rustc"), &script);
    let surroundings = Surroundings { path: vec![scratch.folder.join("proxies")], ..scratch.surroundings() };
    assert_eq!(surroundings.find().unwrap().rustc(), real.join("bin/rustc"));
}

#[test]
fn the_outer_cargo_serves_a_compiler_that_has_none() {
    let scratch = Scratch::new();
    let named = scratch.sysroot("usr", "1.96.0", &[Lack::Cargo]);
    let surroundings = Surroundings {
        named: Some(named.join("bin/rustc")),
        outer_cargo: Some("/outer/cargo".into()),
        ..scratch.surroundings()
    };
    assert_eq!(surroundings.find().unwrap().cargo(), Path::new("/outer/cargo"));
}

#[test]
fn a_named_compiler_is_taken_or_refused_but_never_replaced() {
    let scratch = Scratch::new();
    scratch.sysroot("rustup/toolchains/stable", "1.95.0", &[]);
    let named = scratch.sysroot("usr", "1.96.0", &[Lack::Source]);
    let surroundings = Surroundings { named: Some(named.join("bin/rustc")), ..scratch.surroundings() };
    let message = surroundings.find().unwrap_err().to_string();
    assert!(message.contains(RUSTC_VARIABLE), "{message}");
    assert!(message.contains("no library source"), "{message}");
}

#[test]
fn only_architectures_that_the_compiler_lists_are_supported() {
    let scratch = Scratch::new();
    scratch.sysroot("rustup/toolchains/stable", "1.95.0", &[]);
    let found = scratch.surroundings().find().unwrap();
    assert!(found.supports(NvvmArch::Compute90));
    assert!(!found.supports(NvvmArch::Compute120));
}

#[test]
fn the_message_names_the_commands_to_run() {
    let scratch = Scratch::new();
    scratch.sysroot("rustup/toolchains/stable", "1.95.0", &[Lack::Source]);
    let programs = scratch.folder.join("programs");
    write_program(&programs.join("rustup"), "#!/bin/sh\n");
    let surroundings = Surroundings {
        rustup_toolchain: Some("stable".to_owned()),
        path: vec![programs.clone()],
        ..scratch.surroundings()
    };
    let message = surroundings.find().unwrap_err().to_string();
    assert!(message.contains("cargo xtask setup"), "{message}");
    assert!(message.contains("rustup component add rust-src --toolchain stable"), "{message}");
    assert!(!message.contains("apt-get"), "{message}");
    assert!(message.contains("toolchains/stable/bin/rustc: no library source"), "{message}");

    write_program(&programs.join("apt-get"), "#!/bin/sh\n");
    let message = surroundings.find().unwrap_err().to_string();
    assert!(message.contains("apt-get install --no-install-recommends rustc-web"), "{message}");
}

#[test]
fn where_there_is_no_compiler_the_message_says_so() {
    let scratch = Scratch::new();
    let message = scratch.surroundings().find().unwrap_err().to_string();
    assert!(message.contains("no rustc at all"), "{message}");
}
