//! What `mgconsole` does for scripts: statements from standard input, tables to standard output,
//! with the same flags. There is no line editor.

mod client;
mod print;
mod split;
mod tls;

pub use client::{Client, ClientError, Outcome, Patience};
pub use print::{Format, show, table};

use crate::settings::name_of;
use bolt::message::AuthMap;
use std::io::{self, BufRead, Write};
use std::time::Duration;

/// How long the server may take for one answer: as long as a commit with a hung replica takes.
const LIMIT: Duration = Duration::from_secs(90);

/// The text of `--help`.
const HELP: &str = "\
Runs statements from standard input on a Memgraph instance.

Usage: mgconsole [--flag=value | --flag value]... < statements

  --host           host of the server [default: 127.0.0.1]
  --port           port of the server [default: 7687]
  --username       user [default: none]
  --password       password [default: none]
  --use-ssl        TLS; the certificate is not checked [default: false]
  --output-format  tabular or csv [default: tabular]
";

/// Why the console ends.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The command line is wrong.
    #[error("{0}; --help lists the flags")]
    Usage(String),
    /// There is no session, or it broke.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Input or output failed.
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
}

/// What the console was called with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Options {
    host: String,
    port: u16,
    username: String,
    password: String,
    use_ssl: bool,
    format: Format,
    /// Names of flags of the real console that change nothing here.
    without_effect: Vec<String>,
}

impl Options {
    /// Reads a command line.
    fn parse(arguments: &[String]) -> Result<Self, ConsoleError> {
        let mut options = Self {
            host: "127.0.0.1".into(),
            port: 7687,
            username: String::new(),
            password: String::new(),
            use_ssl: false,
            format: Format::Tabular,
            without_effect: Vec::new(),
        };
        let mut rest = arguments.iter().peekable();
        while let Some(argument) = rest.next() {
            let wrong = |what: &str| ConsoleError::Usage(format!("{argument}: {what}"));
            let body = argument.trim_start_matches('-');
            if body.len() == argument.len() {
                return Err(wrong("this is no flag"));
            }
            let (name, mut value) = match body.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (body, None),
            };
            let name = name.replace('_', "-");
            let is_switch = name == "use-ssl";
            let follows = |next: &&String| !next.starts_with('-') && (!is_switch || is_bool(next));
            if value.is_none() {
                value = rest.next_if(follows).cloned();
            }
            let value =
                value.unwrap_or_else(|| if is_switch { "true".into() } else { String::new() });
            match name.as_str() {
                "host" => options.host = value,
                "port" => options.port = value.parse().map_err(|_| wrong("expected a port"))?,
                "username" => options.username = value,
                "password" => options.password = value,
                "use-ssl" => options.use_ssl = value == "true",
                "output-format" => {
                    options.format = match value.as_str() {
                        "tabular" => Format::Tabular,
                        "csv" => Format::Csv,
                        _ => return Err(wrong("expected tabular or csv")),
                    }
                }
                _ => options.without_effect.push(name_of(argument)),
            }
        }
        Ok(options)
    }
}

fn is_bool(text: &str) -> bool {
    matches!(text, "true" | "false")
}

/// Runs the console on the standard streams. The first statement that fails ends it.
///
/// # Errors
/// Why it ended early.
pub fn run(arguments: &[String]) -> Result<(), ConsoleError> {
    let mut out = io::stdout().lock();
    if arguments.iter().any(|argument| argument == "--help") {
        out.write_all(HELP.as_bytes())?;
        return Ok(());
    }
    let options = Options::parse(arguments)?;
    for flag in &options.without_effect {
        eprintln!("mgconsole: {flag} has no effect here");
    }
    let mut client = connect(&options)?;
    let mut text = String::new();
    let mut input = io::stdin().lock();
    while input.read_line(&mut text)? > 0 {
        if text.trim_end().ends_with(';') {
            run_all(&mut client, split::take_statements(&mut text), options.format, &mut out)?;
        }
    }
    // The last statement needs no semicolon; a comment or a quotation that it leaves open is the
    // server's to refuse.
    text.push_str("\n;");
    let mut last = split::take_statements(&mut text);
    if !text.is_empty() {
        last.push(text);
    }
    run_all(&mut client, last, options.format, &mut out)
}

fn run_all(
    client: &mut Client,
    statements: Vec<String>,
    format: Format,
    out: &mut impl Write,
) -> Result<(), ConsoleError> {
    for statement in statements {
        let outcome = client.run(&statement)?;
        out.write_all(table(&outcome, format).as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

fn connect(options: &Options) -> Result<Client, ConsoleError> {
    let auth = if options.username.is_empty() {
        AuthMap(bolt::value::map([("scheme", "none")]))
    } else {
        AuthMap::basic(&options.username, &options.password)
    };
    let address = (options.host.as_str(), options.port);
    if !options.use_ssl {
        return Ok(Client::connect(address, &auth, LIMIT)?);
    }
    Ok(Client::connect_tls(&options.host, address, &auth, LIMIT)?)
}

#[cfg(test)]
mod tests {
    use super::{Format, Options};

    fn parse(arguments: &[&str]) -> Options {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Options::parse(&arguments).unwrap()
    }

    #[test]
    fn flags_come_in_both_forms() {
        let spaced = parse(&["--host", "h", "--port", "1", "--use-ssl", "--output-format", "csv"]);
        let joined = parse(&["--host=h", "--port=1", "--use_ssl=true", "--output-format=csv"]);
        assert_eq!(spaced, joined);
        assert_eq!(spaced.format, Format::Csv);
        assert!(spaced.use_ssl);
    }

    #[test]
    fn a_flag_without_an_effect_is_told_and_takes_no_other_along() {
        let options =
            parse(&["--csv-delimiter", ";", "--key=secret", "--no-history", "--port", "5"]);
        assert_eq!(options.without_effect, ["--csv-delimiter", "--key", "--no-history"]);
        assert_eq!(options.port, 5);
    }

    #[test]
    fn an_empty_password_is_one() {
        let options = parse(&["--username", "u", "--password=", "--port", "5"]);
        assert_eq!((options.password.as_str(), options.port), ("", 5));
    }
}
