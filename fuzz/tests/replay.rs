//! Runs every target on every input of its corpus: inputs that together reach much of the code, and inputs that once
//! failed.
//!
//! TRTS_FUZZ_INPUT names a file to run instead.

use std::{
    env, fs, panic,
    path::{Path, PathBuf},
    sync::{Mutex, Once, PoisonError},
};

/// The message of a panic of the library or of a target. The library catches its own panics, also on its own threads.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// One target runs at a time, so that it is clear whose panic it is.
static TURN: Mutex<()> = Mutex::new(());

fn replay(name: &str) {
    static HOOK: Once = Once::new();
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic.to_string());
            report(panic);
        }));
    });
    let target = fuzz::target(name).unwrap();
    let inputs = inputs(name);
    assert!(!inputs.is_empty(), "the corpus of {name} is empty");
    for input in inputs {
        // With --nocapture, the last line names the input that ended the process.
        println!("{name}: {}", input.display());
        let data = fs::read(&input).unwrap();
        let returned = panic::catch_unwind(|| target(&data));
        let panicked = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
        assert!(returned.is_ok() && panicked.is_none(), "{}: {}", input.display(), panicked.unwrap_or_default());
    }
}

fn inputs(target: &str) -> Vec<PathBuf> {
    if let Some(input) = env::var_os("TRTS_FUZZ_INPUT") {
        return vec![input.into()];
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    inputs
}

macro_rules! replay {
    ($($target:ident),+) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })+

        #[test]
        fn every_target_is_replayed() {
            assert_eq!(fuzz::TARGETS.map(|(name, _)| name), [$(stringify!($target)),+]);
        }
    };
}

replay!(c_abi, c_abi_query, plugin_fields, plugin_tensors, ptx_text, serialized_v2);
