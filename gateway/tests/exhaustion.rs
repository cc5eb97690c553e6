//! What would use up a gateway that kept what it is sent: connections that say nothing, messages and
//! results without end. The memory stays bounded, and others notice nothing.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

mod support;

use bolt::{Request, message::Fetch};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{sync::atomic::Ordering::SeqCst, time::Duration};
use support::{
    client::{Client, is_done},
    net::{Instance, LONG, one, until},
    requests::run,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Mutex,
    time::{sleep, timeout},
};

/// Memory belongs to the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

const MIB: u64 = 1 << 20;

/// The memory of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// How many connections fit into the files that this process may have, both ends of each.
fn connections() -> usize {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    let files = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap());
    (files.saturating_sub(500) / 2).min(10_000)
}

/// The bytes that the instance got rid of, once there are no more of them for so long.
async fn settled(instance: &Instance, quiet: Duration) -> usize {
    let rest = async {
        let mut flooded = 0;
        while flooded != instance.knobs.flooded.load(SeqCst) {
            flooded = instance.knobs.flooded.load(SeqCst);
            sleep(quiet).await;
        }
        flooded
    };
    timeout(LONG, rest).await.expect("it comes to rest")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_that_say_nothing_cost_little_and_end_in_time() {
    let _alone = ALONE.lock().await;
    let count = connections();
    let most = (count + 1).to_string();
    let (_instance, _lead, running) =
        one(&[("max-connections", most.as_str()), ("login-timeout", "20s")]).await;
    let address = running.at.write.unwrap();
    let mut client = Client::connect(address).await.unwrap();
    let before = resident();
    let mut silent = Vec::new();
    for no in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if no % 2 == 0 {
            stream.write_all(&[0x60, 0x60]).await.unwrap();
        }
        silent.push(stream);
    }
    let active = "memgraph_gateway_connections_active{listener=\"write\"}";
    until(|| running.metric(active) == count as u64 + 1).await;
    let each = resident().saturating_sub(before) / count as u64;
    assert!(each < 24 << 10, "{each} bytes a connection, both of its ends together");
    assert!(is_done(&client.write(1).await), "others go on");
    let mut refused = TcpStream::connect(address).await.unwrap();
    assert_eq!(refused.read(&mut [0; 1]).await.unwrap_or(0), 0, "one too many");
    // They run out of time without another byte from them.
    let late = timeout(LONG * 3, async {
        while running.metric(active) > 1 {
            sleep(Duration::from_millis(100)).await;
        }
    });
    late.await.expect("they end");
    assert!(is_done(&client.write(2).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_without_end_is_taken_as_fast_as_its_client_reads() {
    let _alone = ALONE.lock().await;
    let (instance, _lead, running) = one(&[]).await;
    let address = running.at.write.unwrap();
    let mut other = Client::connect(address).await.unwrap();
    let mut client = Client::connect(address).await.unwrap();
    let before = resident();
    client.send(&[run("FLOOD"), Request::Pull(Fetch::ALL)]).await.unwrap();
    let mut buffer = vec![0; 256 << 10];
    let mut read = 0;
    while read < 200 << 20 {
        let more = timeout(LONG, client.stream.read(&mut buffer)).await.expect("more of it");
        let more = more.unwrap();
        assert!(more > 0, "it ends after {read} bytes");
        read += more;
    }
    // Nobody reads any more: what the sockets hold is all that is taken.
    let flooded = settled(&instance, Duration::from_millis(200)).await;
    let held = flooded.saturating_sub(read);
    assert!(held < 64 << 20, "{held} bytes are between instance and client");
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 * MIB, "{grown} bytes more");
    assert!(is_done(&other.write(1).await), "others go on");
    drop(client);
    let active = "memgraph_gateway_connections_active{listener=\"write\"}";
    until(|| running.metric(active) == 1).await;
    assert!(
        running.metric(
            "memgraph_gateway_bytes_transferred_total{listener=\"write\",direction=\"sent\"}"
        ) >= 200 << 20
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_end_passes_and_is_kept_nowhere() {
    let _alone = ALONE.lock().await;
    let (instance, _lead, running) = one(&[]).await;
    let mut client = Client::connect(running.at.write.unwrap()).await.unwrap();
    let before = resident();
    // RUN, a string of nearly 4 GiB that never ends, in the largest chunks there are.
    let mut chunk = vec![0xFF, 0xFF, 0xB3, 0x10, 0xD2, 0xFF, 0xFF, 0xFF, 0xFF];
    chunk.extend_from_slice(b"SWALLOW ");
    chunk.resize(2 + 0xFFFF, b'x');
    client.stream.write_all(&chunk).await.unwrap();
    chunk[2..].fill(b'x');
    let got = instance.knobs.got.load(SeqCst);
    for _ in 0..3_200 {
        client.stream.write_all(&chunk).await.unwrap();
    }
    until(|| instance.knobs.got.load(SeqCst) >= got + 3_000 * chunk.len()).await;
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 * MIB, "{grown} bytes more");
    let busy = running.metric("memgraph_gateway_connections_active{listener=\"write\"}");
    assert_eq!(busy, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_is_closed_and_others_go_on() {
    let _alone = ALONE.lock().await;
    let (instance, _lead, running) = one(&[("stall-timeout", "1s")]).await;
    let address = running.at.write.unwrap();
    let mut idle = Client::connect(address).await.unwrap();
    let mut busy = Client::connect(address).await.unwrap();
    let mut deaf = Client::connect(address).await.unwrap();
    deaf.send(&[run("FLOOD"), Request::Pull(Fetch::ALL)]).await.unwrap();
    let ended = "memgraph_gateway_ended_total{listener=\"write\",reason=\"stalled\"}";
    let mut writes = 0;
    while running.metric(ended) == 0 {
        writes += 1;
        assert!(is_done(&busy.write(writes).await), "others go on");
        assert!(writes < 2_000, "it is never closed");
        sleep(Duration::from_millis(20)).await;
    }
    // It is left too, and has nowhere to write to.
    let flooded = settled(&instance, Duration::from_millis(50)).await;
    assert!(flooded > 0 && instance.committed().len() == writes as usize);
    let active = "memgraph_gateway_connections_active{listener=\"write\"}";
    until(|| running.metric(active) == 2).await;
    // One that has nothing to read is not late.
    assert!(is_done(&idle.write(writes + 1).await));
    assert_eq!(running.metric(ended), 1);
    // What was on its way is there to be read, and then the end; it is not taken for a whole answer.
    let mut buffer = vec![0; 256 << 10];
    let last = loop {
        match timeout(LONG, deaf.stream.read(&mut buffer)).await.expect("its end") {
            Ok(count) if count > 0 => {}
            last => break last,
        }
    };
    assert!(last.is_err(), "reset, and not closed: {last:?}");
}
