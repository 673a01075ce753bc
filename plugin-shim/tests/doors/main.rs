//! The calls by which TensorRT and the library meet, for every version of TensorRT there may be: dlopen, `loadLibrary`,
//! `getCreators` and `getPluginCreators`, `trts_register_plugins`. The TensorRTs are stand-ins, `programs/tensorrt.c`.

#[path = "../common/mod.rs"]
mod common;
mod process;
mod stand_in;

use common::layers::PLUGINS;
use process::run;
use stand_in::StandIn;

/// The number of plugins.
const ALL: usize = PLUGINS.len();

const OK: &str = "register 0 1\n";
const NO_TENSORRT: &str = "register 0 0\n";

/// What `trts_register_plugins` answers where there is only a TensorRT that the library has no plugins for.
fn refused(reason: &str) -> String {
    format!("register 7 0 {reason}\n")
}

fn only_8_5_to_11(version: &str) -> String {
    format!(
        "no plugins are registered with {version}: this library has plugins for TensorRT 8.5 to 11; use one of these, or a \
         newer version of this library"
    )
}

fn no_plugin_layers(version: &str) -> String {
    format!(
        "no plugins are registered with {version}: a network of TensorRT-RTX takes no plugin layers; use TensorRT 8.5 to 11 \
         for engines with these plugins"
    )
}

#[test]
fn every_served_release_gets_the_creators_of_its_generation() {
    let Some(plugins) = process::plugins("every_served_release_gets_the_creators_of_its_generation") else { return };
    for version in [8503, 8600, 8601, 9300, 100_001, 101_601, 110_400, 119_900] {
        let tensorrt = StandIn::of(version);
        let paths = [("TRT", tensorrt.path()), ("PLUGINS", &plugins)];
        let names = ["getPluginCreators", "getCreators"];
        let [own, other] = if version < 10_000 { names } else { [names[1], names[0]] };
        let doors = format!("open TRT open PLUGINS count TRT {other} PLUGINS {own} PLUGINS count TRT");
        assert_eq!(run(&doors, &paths).stdout, format!("count {ALL}\n{other} 0\n{own} {ALL}\ncount 0\n"), "{version}");
        let output = run("open TRT load TRT PLUGINS count TRT register PLUGINS", &paths);
        assert_eq!(output.stdout, format!("load {ALL}\ncount {ALL}\n{OK}"), "{version}");
        // A program that is linked with TensorRT finds it twice, by its global symbols and by its file.
        let output = run("global TRT open PLUGINS count TRT load TRT PLUGINS count TRT", &paths);
        assert_eq!(output.stdout, format!("count {ALL}\nload {ALL}\ncount {ALL}\n"), "{version}");
        // The library is there before TensorRT.
        let output = run("open PLUGINS register PLUGINS open TRT register PLUGINS count TRT", &paths);
        assert_eq!(output.stdout, format!("{NO_TENSORRT}{OK}count {ALL}\n"), "{version}");
        assert_eq!(output.stderr, "", "{version}");
    }
}

#[test]
fn any_other_release_gets_nothing_by_any_door_and_the_log_says_why_once() {
    let Some(plugins) = process::plugins("any_other_release_gets_nothing_by_any_door_and_the_log_says_why_once") else {
        return;
    };
    for (version, reason) in [
        (10_000, no_plugin_layers("TensorRT-RTX 1.0.0")),
        (10_701, no_plugin_layers("TensorRT-RTX 1.7.1")),
        (99_999, no_plugin_layers("TensorRT-RTX 9.99.99")),
        (120_000, only_8_5_to_11("TensorRT 12.0.0")),
        (130_201, only_8_5_to_11("TensorRT 13.2.1")),
        (8499, only_8_5_to_11("TensorRT 8.4.99").replace(", or a newer version of this library", "")),
        (0, only_8_5_to_11("TensorRT 0.0.0").replace(", or a newer version of this library", "")),
    ] {
        let tensorrt = StandIn::of(version);
        let paths = [("TRT", tensorrt.path()), ("PLUGINS", &plugins)];
        for open in ["open", "global"] {
            let doors = "open PLUGINS getCreators PLUGINS getPluginCreators PLUGINS register PLUGINS load TRT PLUGINS count TRT";
            let output = run(&format!("{open} TRT {doors}"), &paths);
            let answers = ["getCreators 0\ngetPluginCreators 0\n", &refused(&reason), "load 0\ncount 0\n"].concat();
            assert_eq!(output.stdout, answers, "{version}");
            assert_eq!(output.stderr, format!("tensorrt_scatter: {reason}\n"), "{version}");
        }
    }
}

#[test]
fn the_reason_is_on_the_log_of_a_tensorrt_whose_logger_is_known() {
    let Some(plugins) = process::plugins("the_reason_is_on_the_log_of_a_tensorrt_whose_logger_is_known") else {
        return;
    };
    for (version, name, is_known) in [
        (10_400, "TensorRT-RTX 1.4.0", true),
        (10_701, "TensorRT-RTX 1.7.1", true),
        (20_000, "TensorRT-RTX 2.0.0", false),
    ] {
        let tensorrt = StandIn::of(version);
        // The library is opened before TensorRT, so that its constructor finds nothing to say. loadLibrary sets a
        // logger finder.
        let paths = [("TRT", tensorrt.path()), ("PLUGINS", &plugins)];
        let output = run("open PLUGINS load TRT PLUGINS load TRT PLUGINS", &paths);
        let reason = format!("tensorrt_scatter: {}\n", no_plugin_layers(name));
        let (log, stderr) = if is_known {
            (format!("log of {version}, severity 2: {reason}"), String::new())
        } else {
            (String::new(), reason)
        };
        assert_eq!((output.stdout, output.stderr), (format!("{log}load 0\nload 0\n"), stderr), "{version}");
    }
}

#[test]
fn each_of_two_tensorrts_gets_the_creators_of_its_own_generation() {
    let Some(plugins) = process::plugins("each_of_two_tensorrts_gets_the_creators_of_its_own_generation") else {
        return;
    };
    let (old, new) = (StandIn::of(8601), StandIn::of(110_400));
    for (first, second) in [(&old, &new), (&new, &old)] {
        let paths = [("FIRST", first.path()), ("SECOND", second.path()), ("PLUGINS", &plugins)];
        let output = run("open FIRST open SECOND open PLUGINS count FIRST count SECOND", &paths);
        assert_eq!(output.stdout, format!("count {ALL}\ncount {ALL}\n"));
        // Each has its own registration taken over, and leaves the other's alone.
        let output = run("open FIRST open SECOND open PLUGINS load FIRST PLUGINS count SECOND", &paths);
        assert_eq!(output.stdout, format!("load {ALL}\ncount {ALL}\n"));
        let output = run("open FIRST open PLUGINS open SECOND count SECOND register PLUGINS count SECOND", &paths);
        assert_eq!(output.stdout, format!("count 0\n{OK}count {ALL}\n"));
    }
}

#[test]
fn a_tensorrt_beside_one_that_is_not_served_gets_its_plugins() {
    let Some(plugins) = process::plugins("a_tensorrt_beside_one_that_is_not_served_gets_its_plugins") else { return };
    let (rtx, tensorrt) = (StandIn::of(10_701), StandIn::of(110_400));
    let paths = [("RTX", rtx.path()), ("TRT", tensorrt.path()), ("PLUGINS", &plugins)];
    for opened in ["open RTX open TRT", "open TRT open RTX"] {
        let doors = "open PLUGINS register PLUGINS load RTX PLUGINS count TRT load TRT PLUGINS count TRT count RTX";
        let output = run(&format!("{opened} {doors}"), &paths);
        assert_eq!(output.stdout, format!("{OK}load 0\ncount {ALL}\nload {ALL}\ncount {ALL}\ncount 0\n"));
        assert_eq!(output.stderr, format!("tensorrt_scatter: {}\n", no_plugin_layers("TensorRT-RTX 1.7.1")));
    }
}

#[test]
fn registering_answers_what_the_registry_has() {
    let Some(plugins) = process::plugins("registering_answers_what_the_registry_has") else { return };
    for version in [8600, 8601, 101_601, 110_400] {
        let tensorrt = StandIn::of(version);
        let paths = [("TRT", tensorrt.path()), ("PLUGINS", &plugins)];
        // After deregisterLibrary the library registers again, and loadLibrary takes that over again.
        let unloaded = "open TRT load TRT PLUGINS unload TRT count TRT";
        let registered = "register PLUGINS count TRT register PLUGINS";
        let loaded = "load TRT PLUGINS count TRT load TRT PLUGINS unload TRT count TRT";
        let output = run(&format!("{unloaded} {registered} {loaded}"), &paths);
        let answers = format!("load {ALL}\ncount 0\n{OK}count {ALL}\n{OK}load {ALL}\ncount {ALL}\nload -1\ncount 0\n");
        assert_eq!(output.stdout, answers, "{version}");
    }
}

#[test]
fn a_second_copy_of_the_library_says_that_the_plugins_are_there() {
    let Some(plugins) = process::plugins("a_second_copy_of_the_library_says_that_the_plugins_are_there") else {
        return;
    };
    let copy = process::copy(&plugins, "second_copy");
    for version in [8601, 110_400] {
        let tensorrt = StandIn::of(version);
        let paths = [("TRT", tensorrt.path()), ("PLUGINS", &plugins), ("COPY", &copy)];
        let output = run("open TRT open PLUGINS open COPY register COPY count TRT", &paths);
        assert_eq!((output.stdout, output.stderr), (format!("{OK}count {ALL}\n"), String::new()), "{version}");
    }
    std::fs::remove_file(copy).unwrap();
}

#[test]
fn a_registry_that_takes_no_more_plugins_is_named() {
    let Some(plugins) = process::plugins("a_registry_that_takes_no_more_plugins_is_named") else { return };
    let tensorrt = StandIn::with_room_for(110_400, 7);
    let paths = [("TRT", tensorrt.path()), ("PLUGINS", &plugins)];
    let output = run("open TRT open PLUGINS register PLUGINS count TRT", &paths);
    let refused = PLUGINS[7..].iter().map(|(name, _)| name.to_str().unwrap()).collect::<Vec<_>>().join(", ");
    let answer = format!("register 7 0 the plugin registry of TensorRT 11.4.0 did not take {refused}\n");
    assert_eq!(output.stdout, format!("{answer}count 7\n"));
}
