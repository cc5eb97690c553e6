//! The page in a real browser: what it shows of a settled cluster, of a failover that is stuck, of a
//! controller that does not lead, and of one that is gone. Needs Chromium, hence ignored:
//!
//! ```text
//! cargo test -p shell-k8s --test http_page -- --ignored
//! ```
//!
//! It is looked for in `PATH`, or named by `CHROMIUM`; without one the test says so and ends. The
//! pictures, in two widths and both colour schemes, are left in `target/tmp/page` for people to see.

mod http_support;

use ha_core::{
    action::Action,
    history::Outcome,
    ids::InstanceId,
    observation::{RecordContent, RoleView, Row, RowState, SyncMode},
    reading::{Age, Reading, Why},
};
use http_support::{Lease, Served, StandIn, question, raw};
use serde_json::Value;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "chrome"];

fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let all = |folder: PathBuf| NAMES.iter().map(move |name| folder.join(name));
    std::env::split_paths(&path).flat_map(all).find(|file| file.is_file())
}

/// How a page is looked at.
#[derive(Clone, Copy, Default)]
struct View {
    /// When, after it was asked for.
    ms: u64,
    /// When it is cut off from its controller, if it is.
    cut_ms: Option<u64>,
    /// In the width of a phone: narrower than a browser without a screen can be.
    narrow: bool,
}

/// Stands before a controller and makes the page load slowly: a browser without a screen takes its
/// picture when everything is loaded, and the status arrives after that.
async fn slow(controller: SocketAddr, view: View) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        let cut = Instant::now() + Duration::from_millis(view.cut_ms.unwrap_or(3_600_000));
        while let Ok((socket, _)) = listener.accept().await {
            open.spawn(pass_on(socket, controller, view, cut));
        }
    });
    (at, tasks)
}

async fn pass_on(mut socket: TcpStream, controller: SocketAddr, view: View, cut: Instant) {
    let mut bytes = vec![0; 16 << 10];
    let count = socket.read(&mut bytes).await.unwrap_or(0);
    let request = &bytes[..count];
    if request.starts_with(b"GET /slow ") {
        sleep(Duration::from_millis(view.ms)).await;
        let _ = socket.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    } else if request.starts_with(b"GET / ") {
        let page = raw(controller, request).await;
        let narrow = if view.narrow { "<style>body{width:390px}</style>" } else { "" };
        let slow = format!("{narrow}<img src=\"/slow\" alt=\"\"></body>");
        let body = page.body.replace("</body>", &slow);
        // The page's own policy stays as it is but for this.
        let policy = page.head.lines().find(|line| line.starts_with("content-security-policy"));
        let policy = policy.expect("a policy").replace("img-src data:", "img-src 'self' data:");
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n{policy}\r\ncontent-length: {length}\r\nconnection: close"
        );
        let _ = socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
    } else if Instant::now() < cut
        && let Ok(mut upstream) = TcpStream::connect(controller).await
    {
        upstream.write_all(request).await.expect("a controller");
        let copied = tokio::io::copy_bidirectional(&mut socket, &mut upstream);
        let _ = timeout_at(cut, copied).await;
    }
}

/// A browser without a screen, with a profile of its own.
struct Browser {
    program: PathBuf,
    folder: PathBuf,
}

impl Browser {
    /// Opens the page, and does what `arguments` say.
    async fn open(&self, at: SocketAddr, view: View, arguments: &[&str]) -> Output {
        let (at, _before) = slow(at, view).await;
        let profile = format!("--user-data-dir={}", self.folder.join("profile").display());
        let run = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
            .args(["--no-first-run", "--disable-background-networking", &profile])
            .args(arguments)
            .arg(format!("http://{at}/"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        timeout(Duration::from_secs(60), run).await.expect("an end").expect("a browser")
    }

    /// What the page holds after `ms`.
    async fn text(&self, at: SocketAddr, ms: u64) -> String {
        let view = View { ms, ..View::default() };
        let output = self.open(at, view, &["--dump-dom"]).await;
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Pictures of it, in two widths and both schemes.
    async fn pictures(&self, at: SocketAddr, view: View, name: &str) {
        for (width, size, narrow) in [("wide", "1360,1180", false), ("phone", "500,2000", true)] {
            for (scheme, number) in [("dark", 0), ("light", 1)] {
                let file = self.folder.join(format!("{name}-{width}-{scheme}.png"));
                let to = format!("--screenshot={}", file.display());
                let size = format!("--window-size={size}");
                let scheme = format!("--blink-settings=preferredColorScheme={number}");
                self.open(at, View { narrow, ..view }, &[&to, &size, &scheme]).await;
                assert!(file.is_file(), "{} was not made", file.display());
            }
        }
    }
}

/// Late enough for the status to have arrived.
const SOON: View = View { ms: 1_500, cut_ms: None, narrow: false };

fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "the page lacks {part:?}:\n{page}");
    }
}

async fn settled(browser: &Browser) {
    let world = StandIn::from("settled.json", Lease::Free);
    let served = Served::running(&world).await;
    served.settled().await;
    let asked = served.ask("POST", "/v1/grant", &question(1, None, 0)).await;
    assert_eq!(asked.status, 200);
    let page = browser.text(served.at, 1_500).await;
    has(&page, &["Settled", "memgraph-ha-0", "STRICT_SYNC ready", "Nothing. Every replica"]);
    browser.pictures(served.at, SOON, "settled").await;
}

async fn failed_over(browser: &Browser) {
    let world = StandIn::from("settled.json", Lease::Free);
    let served = Served::running(&world).await;
    served.settled().await;
    world.refuse(0);
    served.until("a failover", |now| !now["moves"][0]["open_ms"].is_null()).await;
    world.change_answer(1, |view| {
        if let RoleView::Main { rows, .. } = &mut view.role
            && let Some(row) = rows.values_mut().next()
        {
            row.state = RowState::Recovery;
            row.behind = -12;
        }
    });
    let page = browser.text(served.at, 1_500).await;
    has(&page, &["Failover mg-0 → mg-1", "former main, may ship", "Commits wait for a vote"]);
    browser.pictures(served.at, SOON, "failed-over").await;
}

async fn stuck(browser: &Browser) {
    let world = StandIn::from("settled.json", Lease::Free);
    let served = Served::running(&world).await;
    served.settled().await;
    world.fail(|action| matches!(action, Action::Promote { .. }), Outcome::Refused);
    // What an instance says is never markup.
    world.spoil(2, Why::Unrecognized("<b id=hurt>".to_owned()));
    world.set(Ok(Some(5)));
    world.refuse(0);
    served.until("a refused promotion", |now| now["stepped"].as_u64() > Some(4)).await;
    let page = browser.text(served.at, 1_500).await;
    has(
        &page,
        &[
            "asks for 5 pods",
            "Failover under way",
            "promote mg-1 term=2",
            "refused",
            "&lt;b id=hurt&gt;",
        ],
    );
    assert!(!page.contains("<b id="), "{page}");
    browser.pictures(served.at, SOON, "under-way").await;
}

async fn stands_by(browser: &Browser) {
    let world = StandIn::from("settled.json", Lease::Others);
    let served = Served::running(&world).await;
    served.until("a pass", |now| now["observation"]["leadership"]["lease"]["other"] == "b0b").await;
    // An old main came back, and ships to the voter.
    let row = Row {
        mode: SyncMode::StrictSync,
        state: RowState::Invalid,
        behind: 0,
        since: Age::Fresh,
        still: Age::Fresh,
    };
    world.change_answer(2, |view| {
        let rows = [(InstanceId(1), row)].into();
        view.role = RoleView::Main { rows, strangers: ["by_hand".to_owned()].into() };
    });
    served
        .until("two mains", |now| {
            let bolt = &now["observation"]["instances"]["mg-2"]["bolt"];
            !bolt["known"]["value"]["role"]["main"].is_null()
        })
        .await;
    let page = browser.text(served.at, 1_500).await;
    has(
        &page,
        &[
            "(of mg-2)",
            "by_hand",
            "does not lead",
            "The leader is b0b",
            "Standing by",
            "the leader alone",
        ],
    );
    browser.pictures(served.at, SOON, "standing-by").await;
}

/// A cluster of the predecessor's, before it is adopted.
async fn not_adopted(browser: &Browser) {
    let world = StandIn::from("settled.json", Lease::Others);
    world.change(|seen| {
        if let Reading::Known { value, .. } = &mut seen.record {
            value.content = RecordContent::Earlier { main: InstanceId(0) };
        }
    });
    let served = Served::running(&world).await;
    let is_read = |now: &Value| !now["observation"]["record"]["known"].is_null();
    served.until("the record of before", is_read).await;
    let page = browser.text(served.at, 1_500).await;
    has(&page, &["An earlier controller names", "Standing by"]);
}

async fn gone(browser: &Browser) {
    let world = StandIn::from("settled.json", Lease::Free);
    let mut served = Served::running(&world).await;
    served.settled().await;
    let cut = View { ms: 5_500, cut_ms: Some(2_500), narrow: false };
    browser.pictures(served.at, cut, "cut-off").await;
    let at = served.at;
    let leaving = async {
        // The page is there by then.
        sleep(Duration::from_secs(3)).await;
        served.stop();
    };
    let (page, ()) = tokio::join!(browser.text(at, 7_000), leaving);
    has(&page, &["Not connected to this controller", "What is shown is of", "Last seen: settled"]);
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_page_shows_what_is() {
    let Some(program) = browser() else {
        eprintln!("no Chromium in PATH, none named by CHROMIUM: the page is not looked at");
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&folder).expect("a folder");
    let browser = Browser { program, folder };
    settled(&browser).await;
    failed_over(&browser).await;
    stuck(&browser).await;
    stands_by(&browser).await;
    not_adopted(&browser).await;
    gone(&browser).await;
}
