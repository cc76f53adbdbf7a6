//! The pool with vms that are only said to be there.

use super::super::claimed::Claim;
use super::*;
use crate::backing::Backing;
use crate::execution_mode::ExecutionMode;
use crate::id::Id;
use tokio::sync::oneshot::{self, Receiver};

const ENOUGH: Option<u64> = Some(100_000);

fn pool(count: usize) -> Arc<Pool> {
    let config =
        Config::from_variables("/pyro", |name| (name == "HOME").then(|| "/nonexistent".into()));
    Pool::new(config.unwrap(), count, "a")
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// What the keeper does next, once nothing is to be waited for.
fn next(pool: &Pool) -> Next {
    pool.next(ENOUGH, later())
}

/// A started vm; it has ended when the receiver is dropped.
fn vm(environment: &str) -> (Waiting, Receiver<Claim>) {
    let (claim, claimed) = oneshot::channel();
    let waiting = Waiting {
        id: Id::random().unwrap(),
        environment: environment.into(),
        backing: Backing::Image("image".to_owned().into()),
        environment_version: None,
        execution_mode: ExecutionMode::GuestTcg,
        claim,
    };
    (waiting, claimed)
}

/// Start all that is missing: the environment, the id and the life of each.
fn fill(pool: &Arc<Pool>) -> Vec<(String, Id, Receiver<Claim>)> {
    let mut started = Vec::new();
    while let Next::Start(environment) = next(pool) {
        let (vm, life) = vm(&environment);
        started.push((environment, vm.id, life));
        Starting::of(pool).into_waiting(vm);
    }
    started
}

fn environments(started: &[(String, Id, Receiver<Claim>)]) -> Vec<&str> {
    started.iter().map(|(environment, ..)| environment.as_str()).collect()
}

fn claim(pool: &Pool, environment: &str) -> Option<Claimed> {
    pool.claim(environment, Some("image"))
}

#[test]
fn as_many_wait_as_are_kept_and_one_starts_at_a_time() {
    let pool = pool(2);
    assert_eq!(next(&pool), Next::Start("a".into()));
    assert_eq!(next(&pool), Next::Look(LOOK_AGAIN), "one is on its way");
    drop(Starting::of(&pool));
    assert_eq!(
        pool.next(ENOUGH, Instant::now()),
        Next::Look(LOOK_AGAIN),
        "what failed is not tried again at once"
    );
    let started = fill(&pool);
    assert_eq!(environments(&started), ["a", "a"]);
    assert_eq!(pool.counts(), StandbyCounts { wanted: 2, ready: 2, in_use: 0 });
}

#[test]
fn a_failure_is_forgotten_when_somebody_started_one() {
    let pool = pool(1);
    assert_eq!(next(&pool), Next::Start("a".into()));
    drop(Starting::of(&pool));
    pool.want("b");
    assert_eq!(pool.next(ENOUGH, Instant::now() + HEAD_START), Next::Start("b".into()));
}

#[test]
fn each_is_claimed_once_the_oldest_first_and_counted_until_it_is_gone() {
    let pool = pool(2);
    let started = fill(&pool);
    let claimed = [claim(&pool, "a").unwrap(), claim(&pool, "a").unwrap()];
    assert_eq!(
        claimed.each_ref().map(|vm| vm.id).to_vec(),
        started.iter().map(|vm| vm.1).collect::<Vec<_>>()
    );
    assert!(claim(&pool, "a").is_none());
    assert_eq!(pool.counts(), StandbyCounts { wanted: 2, ready: 0, in_use: 2 });
    drop(claimed);
    assert_eq!(pool.counts().in_use, 2, "its claimant is gone, not the vm");
    drop(started);
    assert_eq!(pool.counts().in_use, 0);
}

#[test]
fn a_command_has_a_head_start() {
    let pool = pool(1);
    let _started = fill(&pool);
    let _claimed = claim(&pool, "a").unwrap();
    // Asked as if it were earlier: a busy host may need longer for these lines than the head start
    // is.
    let claimed_at = Instant::now().checked_sub(HEAD_START / 2).unwrap();
    let Next::Look(when) = pool.next(ENOUGH, claimed_at) else { panic!("started at once") };
    assert!(when <= HEAD_START * 3 / 2 + claimed_at.elapsed());
    assert_eq!(next(&pool), Next::Start("a".into()));
}

#[test]
fn one_that_died_is_not_handed_out_and_is_replaced() {
    let pool = pool(2);
    let mut started = fill(&pool);
    let (_, dead, life) = started.remove(0);
    drop(life);
    assert_eq!(pool.counts().ready, 1);
    let claimed = claim(&pool, "a").unwrap();
    assert!(claimed.id != dead && claim(&pool, "a").is_none());
    assert_eq!(fill(&pool).len(), 2);
}

#[test]
fn a_claim_that_the_vm_did_not_live_to_take_is_not_counted() {
    let pool = pool(1);
    let (vm, life) = vm("a");
    Starting::of(&pool).into_waiting(vm);
    let claimed = claim(&pool, "a").unwrap();
    drop(life);
    assert_eq!(pool.counts().in_use, 0);
    drop(claimed);
}

#[test]
fn what_stands_on_another_image_is_let_go() {
    let pool = pool(2);
    let started = fill(&pool);
    assert!(pool.claim("a", Some("newer")).is_none() && pool.claim("a", None).is_none());
    assert!(started.into_iter().all(|(.., mut life)| life.try_recv().is_err()));
    assert_eq!(pool.counts().ready, 0);
}

#[test]
fn each_environment_has_the_share_that_was_asked_for() {
    let pool = pool(2);
    let _a = fill(&pool);
    assert!(claim(&pool, "b").is_none());
    assert_eq!(pool.counts().ready, 2, "a name alone changes nothing");
    pool.want("b");
    let b = fill(&pool);
    assert_eq!((environments(&b), pool.counts().ready), (vec!["b"], 2), "one of the others went");
    let mut alive = Vec::new();
    for environment in ["a", "b", "a"] {
        assert!(claim(&pool, environment).is_some(), "{environment}");
        let started = fill(&pool);
        assert_eq!(environments(&started), [environment]);
        alive.extend(started);
    }
    for expected in [vec!["b"], vec!["b"]] {
        pool.want("b");
        let started = fill(&pool);
        assert!(environments(&started) == expected || started.is_empty());
        alive.extend(started);
    }
    assert_eq!(pool.counts().ready, 2);
    assert!(claim(&pool, "a").is_none());
}

#[test]
fn short_memory_lets_all_go_and_starts_none_that_would_have_to_go_soon() {
    let pool = pool(2);
    let _started = fill(&pool);
    assert_eq!(pool.next(Some(LEAST_MEMORY_MIB), later()), Next::Look(LOOK_AGAIN));
    assert_eq!(pool.counts().ready, 2);
    assert_eq!(pool.next(Some(LEAST_MEMORY_MIB - 1), later()), Next::Look(LOOK_AGAIN));
    assert_eq!(pool.counts().ready, 0);
    assert_eq!(
        pool.next(Some(LEAST_MEMORY_MIB + ONE_MORE_MIB - 1), later()),
        Next::Look(LOOK_AGAIN)
    );
    assert_eq!(
        pool.next(None, later()),
        Next::Start("a".into()),
        "a host that does not say has enough"
    );
}

#[tokio::test]
async fn closed_it_keeps_nothing_that_comes_late() {
    let pool = pool(1);
    assert_eq!(next(&pool), Next::Start("a".into()));
    let starting = Starting::of(&pool);
    pool.close().await;
    let (vm, mut life) = vm("a");
    starting.into_waiting(vm);
    assert!(life.try_recv().is_err());
    assert_eq!(pool.counts().ready, 0);
}
