//! What clients are told, and what they are not.

use std::sync::Arc;

use super::*;

#[test]
fn an_inner_cause_never_reaches_the_client() {
    let cause = StoreError::Unsafe("password=Bi-Mat".to_owned());

    let status = Status::from(IngestError::Store(Arc::new(cause)));

    assert_eq!(status.code(), Code::Internal);
    assert!(!format!("{status:?}").contains("Bi-Mat"));
    assert!(status.get_error_details().error_info().is_some());
}

#[test]
fn where_waiting_helps_the_client_is_told_how_long() {
    for status in [Status::from(IngestError::QueueFull), draining()] {
        assert!(
            status.get_error_details().retry_info().is_some(),
            "{status:?}"
        );
    }
}

#[test]
fn an_upstream_cannot_put_a_text_into_our_log() {
    let status = plain(Code::Internal, "Nguyễn Bí Mật", "Nguyễn Bí Mật");

    assert!(!read_upstream_error(&status).to_string().contains("Mật"));
}
