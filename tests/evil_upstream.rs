//! Whatever an upstream does, no record counts as delivered that is not there, status says why nothing goes, and
//! the forwarder goes on when the upstream becomes honest.

use std::sync::Arc;

use childsync::domain::record::Lane;
use childsync::store::ForwarderHealth;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::support::database::Engine;
use crate::support::eventually;
use crate::support::evil::{Evil, Fault, PushFault, ReceiptFault, SECRET};
use crate::support::forwarding::{Province, nation};
use crate::support::hub::free_port;
use crate::support::on_both_engines;
use crate::support::pki::Pki;

on_both_engines![
    no_misbehaviour_counts_as_delivery_or_stops_the_forwarder,
    what_is_no_hub_at_all_counts_as_unreachable,
];

/// More than one request, so that some can be answered and others not.
const CHILDREN: u32 = 520;

async fn health(province: &Province) -> ForwarderHealth {
    let mut reading = province.store.read().await.expect("a transaction");
    reading.forwarder_health().await.expect("readable")
}

/// Forwards until an attempt has failed, and checks what status says of it then.
async fn assert_fails(province: &Province, url: &str, fault: &str, expected: &str) {
    let mut writing = province.store.write().await.expect("a transaction");
    let healthy = ForwarderHealth::default();
    let cleared = writing.set_forwarder_health(Lane::Routine, &healthy).await;
    cleared.expect("noted");
    writing.commit().await.expect("committed");

    let forwarding = province.forward(province.line(url), CancellationToken::new());
    eventually("an attempt has failed", || async {
        health(province).await.failed_attempts > 0
    })
    .await;

    forwarding.abort();
    drop(forwarding.await);
    let said = health(province).await.last_error;
    assert_eq!(said, expected, "{fault}");
    assert!(!said.contains(SECRET));
    assert_eq!(
        province.position().await,
        0,
        "{fault}: nothing is delivered"
    );
}

/// The real nation takes the address over, and everything goes up once.
async fn assert_recovers(province: Province, pki: &Arc<Pki>, engine: Engine, port: u16) {
    let nation = nation(pki, engine, port).await;
    let stop = CancellationToken::new();
    let forwarding = province.forward(province.line(&nation.url), stop.clone());
    eventually("the nation holds what the province says", || async {
        let said = province.hub.status().await;
        let held = nation.node_status("province").await;
        held.digest == said.golden_digest && province.position().await > 0
    })
    .await;
    let counted = nation.node_status("province").await.accepted;
    assert_eq!(counted, u64::from(CHILDREN));
    stop.cancel();
    forwarding.await.expect("no panic");
    province.stop().await;
    nation.stop().await;
}

async fn no_misbehaviour_counts_as_delivery_or_stops_the_forwarder(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let (port, stop) = (free_port(), CancellationToken::new());
    let (evil, serving) = Evil::serve(&pki, port, stop.clone()).await;
    let province = Province::with_children(&pki, engine, CHILDREN).await;
    let url = format!("https://127.0.0.1:{port}");

    for (fault, expected) in PushFault::ALL {
        evil.misbehave(Fault::Push(fault));
        assert_fails(&province, &url, &format!("{fault:?}"), expected).await;
    }
    for (fault, expected) in ReceiptFault::ALL {
        evil.misbehave(Fault::Receipt(fault));
        assert_fails(&province, &url, &format!("{fault:?}"), expected).await;
    }

    stop.cancel();
    serving.await.expect("no panic");
    assert_recovers(province, &pki, engine, port).await;
}

/// Something listens on the upstream's port that speaks another language.
async fn what_is_no_hub_at_all_counts_as_unreachable(engine: Engine) {
    let pki = Arc::new(Pki::new());
    let port = free_port();
    let url = format!("https://127.0.0.1:{port}");
    let province = Province::with_children(&pki, engine, CHILDREN).await;
    assert_fails(&province, &url, "nobody listens", "UNREACHABLE").await;

    for greeting in [&b""[..], b"220 mail.example ESMTP\r\n", &[0x16; 400]] {
        let socket = TcpListener::bind(("127.0.0.1", port)).await.expect("bound");
        let speaking = tokio::spawn(async move {
            while let Ok((mut stream, _)) = socket.accept().await {
                drop(stream.write_all(greeting).await);
            }
        });
        assert_fails(&province, &url, "no hub", "UNREACHABLE").await;
        speaking.abort();
        drop(speaking.await);
    }

    assert_recovers(province, &pki, engine, port).await;
}
