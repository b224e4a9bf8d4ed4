//! Jobs that a hub does by itself, and the ticks of their schedules.

use std::fmt;
use std::str::FromStr;

use super::clock::Timestamp;

/// What a hub does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// Lets the routine changes that stand at the due time go upstream.
    Forward,
    /// Compares this hub with its upstream.
    Comparison,
    /// Removes old history of jobs.
    Purge,
    /// Looks how long the hub's certificates are valid.
    Certificates,
    /// Copies the database.
    Backup,
}

impl Job {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 5] = [
        Self::Forward,
        Self::Comparison,
        Self::Purge,
        Self::Certificates,
        Self::Backup,
    ];

    /// Its name in the configuration, in the tables and at the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Comparison => "comparison",
            Self::Purge => "purge",
            Self::Certificates => "certificates",
            Self::Backup => "backup",
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A name that is no job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no job: the jobs are forward, comparison, purge, certificates and backup")]
pub struct JobUnknown;

impl FromStr for Job {
    type Err = JobUnknown;

    fn from_str(name: &str) -> Result<Self, JobUnknown> {
        let mut jobs = Self::ALL.into_iter();
        jobs.find(|job| job.as_str() == name).ok_or(JobUnknown)
    }
}

/// One due time of a job: what is done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TickKey {
    /// The job.
    pub job: Job,
    /// When it is due by its schedule, or when it was asked for.
    pub due: Timestamp,
}

/// Why there is a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickKind {
    /// The schedule says so.
    Scheduled,
    /// An operator asked for it.
    Asked,
}

/// How a tick ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickResult {
    /// The job was done.
    Succeeded,
    /// It could not be done; the error says why. The next tick tries again.
    Failed,
    /// It was missed, and the rule for missed ticks leaves it out.
    Skipped,
}

/// Figures of what a job did, by name, in the order in which it gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<(String, i64)>);

impl Counts {
    /// Of these figures; a name is of a-z and underscore.
    pub fn of(figures: &[(&str, i64)]) -> Self {
        let figures = figures.iter();
        Self(
            figures
                .map(|(name, figure)| ((*name).to_owned(), *figure))
                .collect(),
        )
    }

    /// The figures.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, figure)| (name.as_str(), *figure))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, figure)) in self.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(formatter, "{space}{name}={figure}")?;
        }
        Ok(())
    }
}

/// A text that holds no figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a list of name=figure")]
pub struct CountsInvalid;

impl FromStr for Counts {
    type Err = CountsInvalid;

    fn from_str(text: &str) -> Result<Self, CountsInvalid> {
        let read = |word: &str| {
            let (name, figure) = word.split_once('=').ok_or(CountsInvalid)?;
            let figure = figure.parse().map_err(|_| CountsInvalid)?;
            Ok((name.to_owned(), figure))
        };
        text.split_whitespace()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_found_by_its_name() {
        for job in Job::ALL {
            assert_eq!(job.as_str().parse(), Ok(job));
        }
        assert_eq!("Backup".parse::<Job>(), Err(JobUnknown));
    }

    #[test]
    fn figures_are_read_as_they_were_written() {
        let counts = Counts::of(&[("ticks", 3), ("batches", -1)]);

        assert_eq!(counts.to_string(), "ticks=3 batches=-1");
        assert_eq!(counts.to_string().parse(), Ok(counts));
        assert_eq!("".parse(), Ok(Counts::default()));
        assert_eq!("ticks".parse::<Counts>(), Err(CountsInvalid));
    }
}
