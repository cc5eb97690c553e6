//! The lease when an answer is lost.

use crate::common::{
    cluster, done,
    lease::{ONE, pods},
    server, within,
};
use shell_k8s::{
    api_server::{Refusal, Who},
    cluster::Written,
};

#[tokio::test]
async fn a_lost_answer_is_unknown() {
    let server = server().await;
    let one = cluster(&server, "one");
    let first = done(one.write_lease(None, Some(ONE), &pods(), 5_000).await);
    server.faults().lose_answers(Who::client("one"), 1);
    let written =
        within("the write", one.write_lease(Some(first), Some(ONE), &pods(), 5_000)).await;
    assert!(matches!(written, Written::Unknown(_)), "{written:?}");
    let now = one.read_lease().await.unwrap().unwrap();
    assert!(now.sample.version > first, "it landed");
    // A version that is not known here is read first; without an answer nothing was sent.
    let fresh = cluster(&server, "one");
    server.faults().refuse(Who::client("one"), 1, Refusal::InternalError);
    let written = fresh.write_lease(Some(now.sample.version), Some(ONE), &pods(), 5_000).await;
    let Written::Unknown(why) = written else { panic!("{written:?}") };
    assert!(why.starts_with("not sent: "), "{why}");
    assert_eq!(one.read_lease().await.unwrap().unwrap().sample.version, now.sample.version);
}
