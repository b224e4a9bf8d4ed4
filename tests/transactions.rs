//! Whoever gives up waiting for a transaction leaves no trace of it.

use std::task::Poll;

use childsync::store::{Store, StoreOptions};

use crate::support::database::{Database, Engine};
use crate::support::on_both_engines;

on_both_engines![who_gives_up_beginning_leaves_a_clean_connection];

/// Gives up a future when it has been polled so often, however fast the machine is.
async fn polled_at_most<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// There is one connection, so the next transaction gets the one that was given up. In a transaction that
/// was left open for reading it could not write.
async fn who_gives_up_beginning_leaves_a_clean_connection(engine: Engine) {
    const POLLS_MAX: usize = 12;
    let database = Database::new(engine).await;
    let options = StoreOptions {
        url: database.url.clone(),
        connections_max: 1,
    };
    let store = Store::open(&options).await.expect("a store");
    let other = database.open().await;
    let mut given_up = 0;
    for round in 0..200 {
        let polls = 1 + round % POLLS_MAX;

        let read = polled_at_most(store.read(), polls).await;
        given_up += usize::from(read.is_none());
        drop(read);
        let mut transaction = store.write().await.expect("a transaction");
        let value = i64::try_from(round).expect("small");
        let set = transaction.set_counter("log", value).await;
        set.expect("a transaction that may write");
        transaction.commit().await.expect("committed");
        let written = polled_at_most(store.write(), polls).await;
        given_up += usize::from(written.is_none());
        drop(written);

        let mut reading = other.read().await.expect("a transaction");
        assert_eq!(reading.read_counter("log").await.expect("a counter"), value);
        drop(reading);
        let mut reading = store.read().await.expect("a transaction");
        assert_eq!(reading.read_counter("log").await.expect("a counter"), value);
    }
    assert!(given_up > 30, "nobody gave up: {given_up}");
}
