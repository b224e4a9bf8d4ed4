//! When a job is due: a cron expression in a time zone, spread by a jitter, within allowed hours.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Timelike, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use super::clock::Timestamp;
use super::job::TickKey;

/// Hours of a day.
const DAY_HOURS: u32 = 24;
/// Seconds of an hour.
const HOUR_SECONDS: u64 = 3_600;
/// A tick that begins later than this after its time counts as missed, in seconds.
const PUNCTUAL_SECONDS_MAX: u64 = 60;

/// A cron expression of five fields, or of six with seconds before them.
#[derive(Clone, Debug, PartialEq)]
pub struct CronExpression(Cron);

/// An expression that is never due.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}: write minute, hour, day of month, month and day of week, for example \"30 1 * * *\" for 01:30 every day"
)]
pub struct CronInvalid(String);

impl CronExpression {
    /// The expression with its field of seconds.
    pub fn with_seconds(&self) -> String {
        let text = self.to_string();
        if text.split_whitespace().count() == 5 {
            format!("0 {text}")
        } else {
            text
        }
    }
}

impl FromStr for CronExpression {
    type Err = CronInvalid;

    fn from_str(text: &str) -> Result<Self, CronInvalid> {
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser
            .parse(text)
            .map_err(|error| CronInvalid(error.to_string()))?;
        // The 30th of February is well written and never comes.
        let comes = cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, true);
        match comes {
            Ok(_) => Ok(Self(cron)),
            Err(_) => Err(CronInvalid("this day never comes".to_owned())),
        }
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

/// A time zone by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(Tz);

/// A name that is no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no time zone: write a name such as Asia/Ho_Chi_Minh")]
pub struct TimeZoneUnknown;

impl TimeZone {
    /// The one of Vietnam.
    pub const VIETNAM: Self = Self(Tz::Asia__Ho_Chi_Minh);

    /// The zone as the library of zones knows it.
    pub fn zone(self) -> Tz {
        self.0
    }
}

impl FromStr for TimeZone {
    type Err = TimeZoneUnknown;

    fn from_str(name: &str) -> Result<Self, TimeZoneUnknown> {
        name.parse().map(Self).map_err(|_| TimeZoneUnknown)
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.name())
    }
}

/// Hours of the day in which a tick may begin: from the full hour `from` until the full hour `until`, over
/// midnight when that is the smaller one, all day when both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedHours {
    from: u32,
    until: u32,
}

/// A text that names no hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be two hours of 0 to 24, for example \"22-5\" for 22:00 to 05:00, or \"0-24\" for all day"
)]
pub struct HoursInvalid;

impl AllowedHours {
    /// All day.
    pub const ALL_DAY: Self = Self { from: 0, until: 24 };

    fn contains(self, hour: u32) -> bool {
        let until = self.until % DAY_HOURS;
        let length = (until + DAY_HOURS - self.from - 1) % DAY_HOURS + 1;
        (hour + DAY_HOURS - self.from) % DAY_HOURS < length
    }
}

impl FromStr for AllowedHours {
    type Err = HoursInvalid;

    fn from_str(text: &str) -> Result<Self, HoursInvalid> {
        let (from, until) = text.split_once('-').ok_or(HoursInvalid)?;
        let hour = |text: &str| text.trim().parse().map_err(|_| HoursInvalid);
        let (from, until) = (hour(from)?, hour(until)?);
        if from < DAY_HOURS && until <= DAY_HOURS {
            Ok(Self { from, until })
        } else {
            Err(HoursInvalid)
        }
    }
}

impl fmt::Display for AllowedHours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.from, self.until)
    }
}

/// What becomes of ticks that passed while nobody could begin them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedTicks {
    /// The latest of them is run, once, as soon as somebody can.
    RunOnce,
    /// They are left out, and the history says so of the latest.
    Skip,
}

/// What is to be done about a schedule now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The tick of this due time is to begin.
    Begin(Timestamp),
    /// The tick of this due time was missed and is left out.
    Skip(Timestamp),
    /// Nothing before this moment.
    Wait(Timestamp),
}

/// When a job is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The expression.
    pub cron: CronExpression,
    /// Where its hours count.
    pub time_zone: TimeZone,
    /// A tick begins up to so much after its due time.
    pub jitter: Duration,
    /// When a tick may begin.
    pub allowed_hours: AllowedHours,
    /// What becomes of missed ticks.
    pub missed: MissedTicks,
}

impl Schedule {
    /// The first due time after a moment; `None` beyond the calendar.
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let moment = self.local_second(moment)?;
        let next = self.cron.0.find_next_occurrence(&moment, false).ok()?;
        Some(instant(&next))
    }

    /// The last due time not after a moment; `None` before the calendar.
    pub fn latest_until(&self, moment: Timestamp) -> Option<Timestamp> {
        let moment = self.local_second(moment)?;
        let latest = self.cron.0.find_previous_occurrence(&moment, true).ok()?;
        Some(instant(&latest))
    }

    /// When a tick begins: its due time and its part of the jitter, which is the same on every replica of a
    /// hub and another one for each hub and each tick.
    pub fn begins_at(&self, tick: TickKey, seed: &str) -> Timestamp {
        let jitter = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX);
        let mut hasher = blake3::Hasher::new();
        for part in [tick.job.as_str().as_bytes(), b"\0", seed.as_bytes()] {
            hasher.update(part);
        }
        hasher.update(&tick.due.as_micros().to_le_bytes());
        let mut drawn = [0; 8];
        hasher.finalize_xof().fill(&mut drawn);
        let part = u64::from_le_bytes(drawn) % jitter.saturating_add(1);
        tick.due.plus(Duration::from_micros(part))
    }

    /// Whether a tick may begin at a moment.
    pub fn allows(&self, moment: Timestamp) -> bool {
        let local = self.local_second(moment);
        local.is_some_and(|local| self.allowed_hours.contains(local.hour()))
    }

    /// What is to be done now about the ticks of a job after its `last` one.
    pub fn due(&self, last: TickKey, seed: &str, now: Timestamp) -> Due {
        let TickKey { job, due: handled } = last;
        let begins = |due| self.begins_at(TickKey { job, due }, seed);
        let mut next = self.next_after(now).map(begins);
        let mut latest = self.latest_until(now);
        // A tick that waits for its part of the jitter does not hide an earlier one whose time has come.
        while let Some(due) = latest.filter(|due| *due > handled) {
            let begin = begins(due);
            if begin <= now {
                return self.ripe(due, begin, now);
            }
            next = Some(next.map_or(begin, |next| next.min(begin)));
            latest = self.latest_until(Timestamp::from_micros(due.as_micros() - 1));
        }
        Due::Wait(next.unwrap_or(Timestamp::from_micros(i64::MAX)))
    }

    fn ripe(&self, due: Timestamp, begin: Timestamp, now: Timestamp) -> Due {
        let is_missed = begin.plus(Duration::from_secs(PUNCTUAL_SECONDS_MAX)) < now;
        match self.missed {
            MissedTicks::Skip if is_missed => Due::Skip(due),
            MissedTicks::Skip | MissedTicks::RunOnce if self.allows(now) => Due::Begin(due),
            MissedTicks::Skip | MissedTicks::RunOnce => Due::Wait(self.next_hour(now)),
        }
    }

    /// The next full hour where the schedule counts.
    fn next_hour(&self, now: Timestamp) -> Timestamp {
        let passed = self.local_second(now).map_or(0, |local| {
            u64::from(local.minute()) * 60 + u64::from(local.second())
        });
        now.plus(Duration::from_secs(
            HOUR_SECONDS - passed.min(HOUR_SECONDS - 1),
        ))
    }

    /// The full second that a moment is in: expressions know no parts of a second.
    fn local_second(&self, moment: Timestamp) -> Option<DateTime<Tz>> {
        let second = DateTime::from_timestamp(moment.as_micros().div_euclid(1_000_000), 0)?;
        Some(second.with_timezone(&self.time_zone.0))
    }
}

fn instant(local: &DateTime<Tz>) -> Timestamp {
    Timestamp::from_micros(local.timestamp().saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests;
