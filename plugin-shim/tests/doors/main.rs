//! The doors by which TensorRT and the library meet, for every version of TensorRT there may be: dlopen, `loadLibrary`,
//! `getCreators` and `getPluginCreators`, `trts_register_plugins`. The TensorRTs are stand-ins, `programs/tensorrt.c`.

#[path = "../common/mod.rs"]
mod common;
mod process;
mod stand_in;

use process::run;
use stand_in::StandIn;

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
        let path = tensorrt.path();
        let (own, other) =
            if version < 10_000 { ("getPluginCreators", "getCreators") } else { ("getCreators", "getPluginCreators") };
        let output =
            run(&["open", path, "open", &plugins, "count", path, other, &plugins, own, &plugins, "count", path]);
        assert_eq!(output.stdout, format!("count 9\n{other} 0\n{own} 9\ncount 0\n"), "{version}");
        let output = run(&["open", path, "load", path, &plugins, "count", path, "register", &plugins]);
        assert_eq!(output.stdout, format!("load 9\ncount 9\n{OK}"), "{version}");
        // The library is there before TensorRT.
        let output = run(&["open", &plugins, "register", &plugins, "open", path, "register", &plugins, "count", path]);
        assert_eq!(output.stdout, format!("{NO_TENSORRT}{OK}count 9\n"), "{version}");
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
        let path = tensorrt.path();
        let doors = [
            "open",
            path,
            "open",
            &plugins,
            "getCreators",
            &plugins,
            "getPluginCreators",
            &plugins,
            "register",
            &plugins,
            "load",
            path,
            &plugins,
            "count",
            path,
        ];
        let output = run(&doors);
        let answers = ["getCreators 0\ngetPluginCreators 0\n", &refused(&reason), "load 0\ncount 0\n"].concat();
        assert_eq!(output.stdout, answers, "{version}");
        assert_eq!(output.stderr, format!("tensorrt_scatter: {reason}\n"), "{version}");
    }
}

#[test]
fn the_reason_is_on_the_log_of_a_tensorrt_whose_logger_is_known() {
    let Some(plugins) = process::plugins("the_reason_is_on_the_log_of_a_tensorrt_whose_logger_is_known") else {
        return;
    };
    // loadLibrary sets a finder before it asks; the library was opened, and so the reason not said, before there was a
    // TensorRT.
    for (version, name, logged) in [
        (10_400, "TensorRT-RTX 1.4.0", true),
        (10_701, "TensorRT-RTX 1.7.1", true),
        (20_000, "TensorRT-RTX 2.0.0", false),
    ] {
        let tensorrt = StandIn::of(version);
        let path = tensorrt.path();
        let output = run(&["open", &plugins, "load", path, &plugins, "load", path, &plugins]);
        let reason = format!("tensorrt_scatter: {}\n", no_plugin_layers(name));
        let (log, stderr) =
            if logged { (format!("log of {version}, severity 2: {reason}"), "") } else { ("".into(), &*reason) };
        assert_eq!((&*output.stdout, &*output.stderr), (&*format!("{log}load 0\nload 0\n"), stderr), "{version}");
    }
}

#[test]
fn each_of_two_tensorrts_gets_the_creators_of_its_own_generation() {
    let Some(plugins) = process::plugins("each_of_two_tensorrts_gets_the_creators_of_its_own_generation") else {
        return;
    };
    let (old, new) = (StandIn::of(8601), StandIn::of(110_400));
    let (old, new) = (old.path(), new.path());
    for (first, second) in [(old, new), (new, old)] {
        let output = run(&["open", first, "open", second, "open", &plugins, "count", first, "count", second]);
        assert_eq!(output.stdout, "count 9\ncount 9\n");
        // Each has its own registration taken over, and leaves the other's alone.
        let doors = ["open", first, "open", second, "open", &plugins, "load", first, &plugins, "count", second];
        assert_eq!(run(&doors).stdout, "load 9\ncount 9\n");
        let doors =
            ["open", first, "open", &plugins, "open", second, "count", second, "register", &plugins, "count", second];
        assert_eq!(run(&doors).stdout, format!("count 0\n{OK}count 9\n"));
    }
}

#[test]
fn a_tensorrt_beside_one_that_is_not_served_gets_its_plugins() {
    let Some(plugins) = process::plugins("a_tensorrt_beside_one_that_is_not_served_gets_its_plugins") else { return };
    let (rtx, tensorrt) = (StandIn::of(10_701), StandIn::of(110_400));
    let (rtx, tensorrt) = (rtx.path(), tensorrt.path());
    for (first, second) in [(rtx, tensorrt), (tensorrt, rtx)] {
        let doors = [
            "open", first, "open", second, "open", &plugins, "register", &plugins, "load", rtx, &plugins, "count",
            tensorrt, "load", tensorrt, &plugins, "count", tensorrt, "count", rtx,
        ];
        let output = run(&doors);
        assert_eq!(output.stdout, format!("{OK}load 0\ncount 9\nload 9\ncount 9\ncount 0\n"));
        assert_eq!(output.stderr, format!("tensorrt_scatter: {}\n", no_plugin_layers("TensorRT-RTX 1.7.1")));
    }
}

#[test]
fn registering_answers_what_the_registry_has() {
    let Some(plugins) = process::plugins("registering_answers_what_the_registry_has") else { return };
    for version in [8600, 8601, 101_601, 110_400] {
        let tensorrt = StandIn::of(version);
        let path = tensorrt.path();
        // After deregisterLibrary the library registers again, and loadLibrary takes that over again.
        let doors = [
            "open", path, "load", path, &plugins, "unload", path, "count", path, "register", &plugins, "count", path,
            "register", &plugins, "load", path, &plugins, "count", path, "load", path, &plugins, "unload", path,
            "count", path,
        ];
        let answers = format!("load 9\ncount 0\n{OK}count 9\n{OK}load 9\ncount 9\nload -1\ncount 0\n");
        assert_eq!(run(&doors).stdout, answers, "{version}");
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
        let path = tensorrt.path();
        let output = run(&["open", path, "open", &plugins, "open", &copy, "register", &copy, "count", path]);
        assert_eq!((output.stdout, output.stderr), (format!("{OK}count 9\n"), String::new()), "{version}");
    }
    std::fs::remove_file(copy).unwrap();
}

#[test]
fn a_registry_that_takes_no_more_plugins_is_named() {
    let Some(plugins) = process::plugins("a_registry_that_takes_no_more_plugins_is_named") else { return };
    let tensorrt = StandIn::with_room_for(110_400, 7);
    let path = tensorrt.path();
    let output = run(&["open", path, "open", &plugins, "register", &plugins, "count", path]);
    let answer =
        "register 7 0 the plugin registry of TensorRT 11.4.0 did not take TRTS_ScatterLogSumExp, TRTS_ScatterStd\n";
    assert_eq!(output.stdout, format!("{answer}count 7\n"));
}
