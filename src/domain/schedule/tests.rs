//! What a schedule promises.

use super::*;
use crate::domain::job::Job;

fn schedule(cron: &str) -> Schedule {
    Schedule {
        cron: cron.parse().expect("an expression"),
        time_zone: TimeZone::VIETNAM,
        jitter: Duration::ZERO,
        allowed_hours: AllowedHours::ALL_DAY,
        missed: MissedTicks::RunOnce,
    }
}

fn at(text: &str) -> Timestamp {
    let instant = DateTime::parse_from_rfc3339(text).expect("an instant");
    Timestamp::from_micros(instant.timestamp_micros())
}

fn handled(text: &str) -> TickKey {
    TickKey {
        job: Job::Purge,
        due: at(text),
    }
}

#[test]
fn hours_count_in_the_time_zone() {
    let nightly = schedule("0 2 * * *");

    let next = nightly.next_after(at("2026-01-10T12:00:00+07:00"));

    assert_eq!(next, Some(at("2026-01-11T02:00:00+07:00")));
    let there = Schedule {
        time_zone: "Europe/Berlin".parse().expect("a zone"),
        ..nightly
    };
    let summer = there.next_after(at("2026-07-10T12:00:00Z"));
    assert_eq!(summer, Some(at("2026-07-11T00:00:00Z")));
    let winter = there.next_after(at("2026-01-10T12:00:00Z"));
    assert_eq!(winter, Some(at("2026-01-11T01:00:00Z")));
}

#[test]
fn the_latest_due_time_may_be_now() {
    let nightly = schedule("0 2 * * *");
    let due = at("2026-01-11T02:00:00+07:00");

    assert_eq!(nightly.latest_until(due), Some(due));
    assert_eq!(
        nightly.latest_until(due.plus(Duration::from_micros(1))),
        Some(due)
    );
    assert_eq!(
        nightly.latest_until(Timestamp::from_micros(due.as_micros() - 1)),
        Some(at("2026-01-10T02:00:00+07:00"))
    );
}

#[test]
fn a_hub_that_was_down_runs_the_latest_tick_once() {
    let nightly = schedule("0 2 * * *");
    let now = at("2026-01-14T09:30:00+07:00");

    let due = nightly.due(handled("2026-01-10T02:00:00+07:00"), "hub", now);

    assert_eq!(due, Due::Begin(at("2026-01-14T02:00:00+07:00")));
    let due = nightly.due(handled("2026-01-14T02:00:00+07:00"), "hub", now);
    assert_eq!(due, Due::Wait(at("2026-01-15T02:00:00+07:00")));
}

#[test]
fn a_missed_tick_is_left_out_where_the_rule_says_so() {
    let nightly = Schedule {
        missed: MissedTicks::Skip,
        ..schedule("0 2 * * *")
    };
    let before = handled("2026-01-10T02:00:00+07:00");

    let late = nightly.due(before, "hub", at("2026-01-11T02:01:01+07:00"));
    let punctual = nightly.due(before, "hub", at("2026-01-11T02:01:00+07:00"));

    let due = at("2026-01-11T02:00:00+07:00");
    assert_eq!((late, punctual), (Due::Skip(due), Due::Begin(due)));
}

#[test]
fn a_missed_tick_waits_for_its_allowed_hours() {
    let nightly = Schedule {
        allowed_hours: "22-5".parse().expect("hours"),
        ..schedule("0 2 * * *")
    };
    let before = handled("2026-01-10T02:00:00+07:00");

    let noon = nightly.due(before, "hub", at("2026-01-11T12:10:00+07:00"));
    let evening = nightly.due(before, "hub", at("2026-01-11T22:00:00+07:00"));

    assert_eq!(noon, Due::Wait(at("2026-01-11T13:00:00+07:00")));
    assert_eq!(evening, Due::Begin(at("2026-01-11T02:00:00+07:00")));
}

#[test]
fn allowed_hours_may_go_over_midnight() {
    let cases: [(&str, &[u32]); 5] = [
        ("22-5", &[22, 23, 0, 1, 2, 3, 4]),
        ("8-10", &[8, 9]),
        ("0-24", &(0..24).collect::<Vec<_>>()),
        ("7-7", &(0..24).collect::<Vec<_>>()),
        ("23-24", &[23]),
    ];
    for (text, allowed) in cases {
        let hours: AllowedHours = text.parse().expect("hours");
        for hour in 0..24 {
            assert_eq!(
                hours.contains(hour),
                allowed.contains(&hour),
                "{text} {hour}"
            );
        }
        assert_eq!(hours.to_string(), text);
    }
    for wrong in ["", "22", "24-5", "1-25", "a-b", "-1-3"] {
        assert_eq!(wrong.parse::<AllowedHours>(), Err(HoursInvalid), "{wrong}");
    }
}

#[test]
fn the_jitter_spreads_hubs_and_is_one_for_all_replicas() {
    let spread = Schedule {
        jitter: Duration::from_mins(10),
        ..schedule("0 2 * * *")
    };
    let tick = handled("2026-01-10T02:00:00+07:00");

    let delays: Vec<i64> = (0..100)
        .map(|hub| spread.begins_at(tick, &format!("hub-{hub}")).as_micros() - tick.due.as_micros())
        .collect();

    assert!(delays.iter().all(|delay| (0..=600_000_000).contains(delay)));
    assert!(delays.iter().any(|delay| *delay < 100_000_000));
    assert!(delays.iter().any(|delay| *delay > 500_000_000));
    assert_eq!(spread.begins_at(tick, "a"), spread.begins_at(tick, "a"));
}

#[test]
fn a_tick_that_waits_for_its_jitter_does_not_hide_an_earlier_one() {
    let spread = Schedule {
        jitter: Duration::from_mins(5),
        ..schedule("* * * * *")
    };
    let now = at("2026-01-10T12:00:00+07:00");

    let due = spread.due(handled("2026-01-10T08:00:00+07:00"), "hub", now);

    let Due::Begin(due) = due else {
        panic!("{due:?}");
    };
    assert!(due >= at("2026-01-10T11:54:00+07:00"), "{due:?}");
}

#[test]
fn nothing_is_due_until_the_next_time() {
    let hourly = schedule("15 * * * *");
    let now = at("2026-01-10T12:15:00+07:00");

    let due = hourly.due(handled("2026-01-10T12:15:00+07:00"), "hub", now);

    assert_eq!(due, Due::Wait(at("2026-01-10T13:15:00+07:00")));
}

#[test]
fn an_expression_that_cannot_be_used_is_refused_with_an_example() {
    for wrong in ["", "2", "61 * * * *", "a b c d e", "0 0 30 2 *", "* * * *"] {
        let refused = wrong.parse::<CronExpression>().expect_err(wrong);
        assert!(refused.to_string().contains("30 1 * * *"), "{refused}");
    }
    assert_eq!(schedule("0 2 * * *").cron.with_seconds(), "0 0 2 * * *");
    assert_eq!(schedule("5 0 2 * * *").cron.with_seconds(), "5 0 2 * * *");
    assert_eq!("Asia/Saigon_".parse::<TimeZone>(), Err(TimeZoneUnknown));
}
