//! Jobs spread over threads, their results in the order of the jobs.

use std::{
    panic,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Does the jobs `0..jobs` on up to `threads` threads, of which this is one; each takes the next
/// job that nobody took. A machine that gives fewer threads is only slower. A panic of a job
/// becomes one of the caller.
pub(super) fn spread<T: Send>(
    threads: usize,
    jobs: usize,
    job: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let threads = threads.min(jobs);
    if threads <= 1 {
        return (0..jobs).map(job).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let no = next.fetch_add(1, Ordering::Relaxed);
            if no >= jobs {
                return done;
            }
            done.push((no, job(no)));
        }
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, take).ok())
            .collect();
        let mut all = take();
        for other in others {
            match other.join() {
                Ok(done) => all.extend(done),
                Err(why) => panic::resume_unwind(why),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(no, _)| *no);
    all.into_iter().map(|(_, result)| result).collect()
}
