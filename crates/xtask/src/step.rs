//! Runs a tool quietly: progress while it works, its time when it is done, its output only if it fails.

use std::{
    fmt,
    io::{self, BufRead, BufReader, IsTerminal},
    process::{Command, ExitStatus},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// How long a step may be silent before it shows that it is at work.
const QUIET: Duration = Duration::from_secs(2);

/// How often a step says that it is still at work where there is no terminal to draw a spinner on.
const REMINDER: Duration = Duration::from_secs(60);

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// What a tool did.
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output and standard error, in the order written.
    pub output: String,
    /// How long it took.
    pub time: Duration,
}

impl Finished {
    /// Prints what the tool wrote, without cargo's list of compiled crates, in which an error would be hard to find.
    pub fn print_output(&self) {
        self.output.lines().filter(|line| !is_progress(line)).for_each(|line| eprintln!("{line}"));
    }
}

/// Cargo indents these verbs; no other tool writes lines that look the same.
fn is_progress(line: &str) -> bool {
    const VERBS: [&str; 9] =
        ["Adding", "Blocking", "Checking", "Compiling", "Downloaded", "Downloading", "Finished", "Locking", "Updating"];
    line.starts_with(' ') && line.split_whitespace().next().is_some_and(|verb| VERBS.contains(&verb))
}

/// Runs the tool, which must succeed.
///
/// # Errors
/// Where the tool cannot be started, and where it fails; then its output has been printed.
pub fn run(name: &str, tool: Command) -> Result<Finished> {
    let finished = attempt(name, tool)?;
    if !finished.status.success() {
        finished.print_output();
        bail!("{name}: failed with {}", finished.status);
    }
    Ok(finished)
}

/// Runs the tool, which may fail.
///
/// # Errors
/// Where the tool cannot be started.
pub fn attempt(name: &str, tool: Command) -> Result<Finished> {
    let started = Instant::now();
    let (lines, running) = start(tool)?;
    let mut progress = Progress::new(name, started);
    let mut output = String::new();
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                progress.show(&line);
                output.push_str(&line);
                output.push('\n');
            }
            Err(mpsc::RecvTimeoutError::Timeout) => progress.tick(),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = running.join().expect("the reader does not panic")?;
    let time = started.elapsed();
    progress.end(status.success(), time);
    Ok(Finished { status, output, time })
}

type Running = thread::JoinHandle<io::Result<ExitStatus>>;

/// Starts the tool. The receiver gets each line when the tool writes it, and is disconnected when the tool closes its
/// output.
fn start(mut tool: Command) -> Result<(mpsc::Receiver<String>, Running)> {
    let program = tool.get_program().to_string_lossy().into_owned();
    let (reader, writer) = io::pipe().context("no pipe could be opened")?;
    let errors = writer.try_clone().context("no pipe could be opened")?;
    tool.stdin(std::process::Stdio::null()).stdout(writer).stderr(errors);
    let mut child = tool.spawn().with_context(|| format!("{program} could not be started"))?;
    // The command holds the pipe's writing end too: while it lives, reading does not end.
    drop(tool);
    let (sender, lines) = mpsc::channel();
    let running = thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n') {
            // The receiver lives until this thread has sent everything, so no line is lost.
            let _ = sender.send(String::from_utf8_lossy(&line?).into_owned());
        }
        child.wait()
    });
    Ok((lines, running))
}

struct Progress {
    name: String,
    started: Instant,
    spinner: Option<ProgressBar>,
    next_reminder: Duration,
}

impl Progress {
    fn new(name: &str, started: Instant) -> Self {
        let spinner = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed}  {wide_msg:.dim}");
            let style = style.expect("the template is well-formed");
            ProgressBar::new_spinner().with_style(style).with_prefix(name.to_owned())
        });
        Self { name: name.to_owned(), started, spinner, next_reminder: QUIET }
    }

    fn show(&mut self, line: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(line.trim().to_owned());
        }
        self.tick();
    }

    fn tick(&mut self) {
        let elapsed = self.started.elapsed();
        match &self.spinner {
            Some(spinner) if elapsed >= QUIET => spinner.tick(),
            None if elapsed >= self.next_reminder => {
                eprintln!("  {} … {}", self.name, Seconds(elapsed));
                self.next_reminder = elapsed + REMINDER;
            }
            _ => {}
        }
    }

    fn end(self, success: bool, time: Duration) {
        if let Some(spinner) = self.spinner {
            spinner.finish_and_clear();
        }
        let outcome = if success { "done" } else { "FAILED" };
        eprintln!("  {}: {outcome} in {}", self.name, Seconds(time));
    }
}

/// A duration as people read it: `0.4 s`, `43 s`, `2 min 5 s`.
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.as_secs();
        match whole {
            0..10 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            10..60 => write!(f, "{whole} s"),
            _ => write!(f, "{} min {} s", whole / 60, whole % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn both_outputs_are_kept_in_order() {
        let finished = attempt("echo", shell("echo one; echo two >&2; echo three; exit 3")).unwrap();
        assert_eq!(finished.output, "one\ntwo\nthree\n");
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    fn only_cargos_progress_is_left_out_of_a_failure() {
        assert!(is_progress("   Compiling libc v0.2.191"));
        assert!(is_progress(" Downloading crates ..."));
        assert!(!is_progress("error: could not compile `k`"));
        assert!(!is_progress("     Running tests/ptx.rs (target/debug/deps/ptx-0123)"));
        assert!(!is_progress("Checking is what this test does"));
    }

    #[test]
    fn a_failure_names_the_step() {
        let error = run("assemble", shell("exit 4")).err().unwrap().to_string();
        assert!(error.contains("assemble") && error.contains('4'), "{error}");
    }

    #[test]
    fn a_missing_tool_is_named() {
        let error = attempt("step", Command::new("no-such-tool")).err().unwrap();
        assert!(error.to_string().contains("no-such-tool"), "{error}");
    }
}
