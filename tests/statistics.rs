//! PostgreSQL is told to look at tables that have just grown: by itself it does so minutes later, and until
//! then it plans as if each look-up found a two-hundredth of the table.

use sqlx::Connection;

use crate::support::database::Engine;
use crate::support::hub::TestHub;
use crate::support::records::tombstone;

/// Records of one request.
const PUSHED_AT_A_TIME: u128 = 250;
/// Far more than a leader reconciles before it asks for the first time.
const PUSHED_MAX: u128 = 25_000;

#[tokio::test]
async fn a_leader_has_the_database_look_at_tables_that_grow() {
    let hub = TestHub::province(Engine::Postgres).await;
    let mut connection = sqlx::PgConnection::connect(&hub.database.url)
        .await
        .expect("a server");
    let mut pushed = 0;
    // The server's own looks are counted apart.
    let looked_at = "SELECT COUNT(*) FROM pg_stat_user_tables \
                     WHERE schemaname = CURRENT_SCHEMA() \
                       AND relname IN ('source_record', 'submission') \
                       AND analyze_count > 0";
    loop {
        let tables: i64 = sqlx::query_scalar(looked_at)
            .fetch_one(&mut connection)
            .await
            .expect("a count");
        if tables == 2 {
            break;
        }
        assert!(pushed < PUSHED_MAX, "nobody had the tables looked at");
        let numbers = pushed..pushed + PUSHED_AT_A_TIME;
        hub.push(numbers.map(|number| tombstone(number + 1, 1)).collect())
            .await;
        pushed += PUSHED_AT_A_TIME;
    }
    connection.close().await.expect("an end");
    hub.stop().await;
}
