//! The stored record as a gateway watches it.

use crate::{
    common::{done, record::record, within},
    home::{Home, on_both},
};
use gateway::controllers::StoredTarget;
use ha_core::ids::Term;
use serde_json::json;
use shell_k8s::{
    api_server::{Part, resource::CONFIG_MAPS},
    cluster::StoredTerms,
};

const NAME: &str = "graph-state";

on_both!(each_term_is_told_once,);

async fn next(terms: &mut StoredTerms) -> Option<Term> {
    within("a term", terms.changed()).await
}

/// What stands there at first, each other term, and nothing of what else changes or cannot be read.
async fn each_term_is_told_once(home: &Home) {
    let cluster = home.cluster("c");
    let first = done(cluster.write_record(None, &record(3)).await);
    let mut terms = StoredTerms::watch(home.client(), home.namespace(), NAME);
    assert_eq!(next(&mut terms).await, Some(Term(3)));
    let note = json!({"metadata": {"annotations": {"note": "of a person"}}});
    home.patch(&CONFIG_MAPS, NAME, &note, Part::Main).await;
    let version = cluster.read_record().await.unwrap().version.unwrap();
    assert!(version > first);
    done(cluster.write_record(Some(version), &record(4)).await);
    assert_eq!(next(&mut terms).await, Some(Term(4)));
    let broken = json!({"data": {"record": "{"}});
    home.patch(&CONFIG_MAPS, NAME, &broken, Part::Main).await;
    home.delete(&CONFIG_MAPS, NAME).await;
    done(cluster.write_record(None, &record(5)).await);
    assert_eq!(next(&mut terms).await, Some(Term(5)));
}
