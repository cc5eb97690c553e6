//! What is amiss beside the plan is told: a StatefulSet of another size than the controllers keep, in the
//! status, in the log, in a metric and in one event; and the journal of the time before is there to be
//! decided again.

use crate::{
    PATIENCE,
    common::text,
    on_both,
    site::{Server, Site},
};
use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

on_both!(a_set_of_another_size_is_told, the_journal_is_told_over_its_files);

/// The events of that reason about the StatefulSet of this test, as JSON.
async fn told(site: &Site, reason: &str) -> Vec<Value> {
    let list = site.kubelet.events().list(&Default::default()).await.expect("an answer").items;
    let all = list.iter().map(|event| serde_json::to_value(event).expect("JSON"));
    let set = site.cluster.names().set();
    all.filter(|it| it["reason"] == reason && it["regarding"]["name"] == set).collect()
}

/// What a controller logged about it, by level.
fn logged(log: &std::path::Path) -> Vec<Value> {
    let log = std::fs::read_to_string(log).expect("a log");
    // The last line may still be written.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["kind"] == "set-size").map(|line| line["level"].clone()).collect()
}

async fn a_set_of_another_size_is_told(server: Server) {
    let site = Site::start(server, &[]).await;
    let no = site.settled().await;
    site.until_status("without a warning", |said| !said.contains("warning")).await;
    site.kubelet.scale(4).await.expect("it is there");
    let words = "asks for 4 pods, this controller keeps 3 instances (--instances)";
    let said = site.until_status("told", |said| said.contains(words)).await;
    assert_eq!(said.matches("set-size").count(), 1, "once for all controllers: {said}");
    assert!(said.contains("state       settled"), "nothing waits for it: {said}");
    // The one that leads may see it after the one that told it.
    let until = Instant::now() + PATIENCE;
    for line in [
        "memgraph_ha_warnings{kind=\"set-size\"} 1",
        "memgraph_ha_set_replicas 4",
        "memgraph_ha_instances 3",
    ] {
        loop {
            let metrics = site.get(no, "/metrics").await.body;
            if metrics.lines().any(|it| it == line) {
                break;
            }
            assert!(Instant::now() < until, "no {line}: {metrics}");
            sleep(Duration::from_millis(100)).await;
        }
    }
    let until = Instant::now() + PATIENCE;
    while told(&site, "SizeDiffers").await.is_empty() {
        assert!(Instant::now() < until, "no event");
        sleep(Duration::from_millis(200)).await;
    }
    // Longer than from one pass to the next, and than from one read of the set to the next.
    sleep(Duration::from_secs(11)).await;
    let events = told(&site, "SizeDiffers").await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["type"], "Warning");
    assert!(events[0]["series"].is_null(), "it was told once: {events:?}");
    assert!(events[0]["note"].as_str().is_some_and(|note| note.contains(words)), "{events:?}");
    site.kubelet.scale(3).await.expect("it is there");
    site.until_status("over", |said| !said.contains("set-size")).await;
    // Either says so itself, once when it begins and once when it ends.
    let until = Instant::now() + PATIENCE;
    for one in &site.controllers {
        while logged(&one.log).len() < 2 && Instant::now() < until {
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(logged(&one.log), ["WARN", "INFO"]);
    }
}

/// What a person gets can be decided again to the last fact, over all files that there are.
async fn the_journal_is_told_over_its_files(server: Server) {
    let site = Site::start(server, &["--journal-bytes=65536"]).await;
    let no = site.settled().await;
    let (path, from) = (site.path(&format!("journal-{no}")), site.controllers[no].at.to_string());
    let older = site.path(&format!("journal-{no}.1"));
    let until = Instant::now() + PATIENCE;
    while !older.exists() {
        assert!(Instant::now() < until, "no file becomes full");
        sleep(Duration::from_millis(100)).await;
    }
    let output = site.person(&["journal", "--of", &from]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let whole = text(&output.stdout);
    let begins = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        line["start"].is_object()
    };
    assert!(whole.lines().next().is_some_and(begins), "with all that was known");
    assert!(whole.lines().filter(|line| begins(line)).count() >= 2, "of more than one file");
    let count = |path| std::fs::read_to_string(path).expect("a file").lines().count();
    let lines = count(&path) + 10;
    let output = site.person(&["journal", "--of", &from, "--lines", &lines.to_string()]).await;
    assert_eq!(text(&output.stdout).lines().count(), lines, "into the file before");
    let kept = site.path("journal-of-a-person");
    std::fs::write(&kept, whole).expect("a file");
    let kept = kept.display().to_string();
    let again = tokio::task::spawn_blocking(move || crate::common::memgraph_ha(&["replay", &kept]));
    let again = again.await.expect("it ends");
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert!(text(&again.stdout).contains("0 differ from the journal"), "{}", text(&again.stdout));
}
