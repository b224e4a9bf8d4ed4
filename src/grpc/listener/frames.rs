//! What a peer does with HTTP/2 frames, and when it is too much.
//!
//! A frame that asks for work and moves no data is nearly free for who sends it: streams that are opened and
//! reset, settings, pings, empty data. The HTTP/2 library answers most of them for ever. So each connection has
//! a budget of points that fills again with time; an honest client uses a small part of it.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

/// Points that a connection may use at once.
pub const FRAME_POINTS_MAX: u32 = 20_000;
/// Points that come back in a second.
pub const FRAME_POINTS_A_SECOND: u32 = 10_000;
/// `CONTINUATION` frames in a row: a header list of 16 KiB fits into two frames.
pub const CONTINUATIONS_MAX: u32 = 8;
/// Streams of which no end was seen; the library refuses those beyond its own limit.
const OPEN_STREAMS_MAX: usize = 1_024;
/// The greeting of a client, before its first frame.
const PREFACE_BYTES: usize = 24;
/// Length, type, flags and stream of a frame.
const HEADER_BYTES: usize = 9;
/// Data in smaller pieces than this many bytes costs something.
const SMALL_DATA_BYTES: usize = 256;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// Flag of `DATA` and `HEADERS`: nothing follows on this stream.
const END_STREAM: u8 = 1;

/// Why a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Abuse {
    /// It has used its points.
    #[error("too many frames that move no data")]
    Budget,
    /// A header list that does not end.
    #[error("too many CONTINUATION frames")]
    Continuations,
    /// Streams without end.
    #[error("too many open streams")]
    Streams,
}

/// Reads the frame headers of one direction; the rest of a frame is passed over.
struct Headers {
    /// Bytes of the preface or of a payload that are still to come.
    skip: usize,
    header: [u8; HEADER_BYTES],
    read: usize,
}

/// One frame's header.
#[derive(Clone, Copy, Debug)]
struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Headers {
    fn after(skip: usize) -> Self {
        Self {
            skip,
            header: [0; HEADER_BYTES],
            read: 0,
        }
    }

    /// The next frame whose header ends in these bytes; takes from them what it has seen.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let passed = self.skip.min(bytes.len());
                self.skip -= passed;
                *bytes = bytes.get(passed..).unwrap_or_default();
                continue;
            }
            let (first, rest) = bytes.split_first()?;
            *bytes = rest;
            if let Some(place) = self.header.get_mut(self.read) {
                *place = *first;
            }
            self.read += 1;
            if self.read == HEADER_BYTES {
                self.read = 0;
                let frame = Frame::of(self.header);
                self.skip = frame.length;
                return Some(frame);
            }
        }
        None
    }
}

impl Frame {
    fn of(header: [u8; HEADER_BYTES]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = header;
        Self {
            length: usize::from(l0) << 16 | usize::from(l1) << 8 | usize::from(l2),
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
        }
    }

    fn ends_stream(self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// What it costs its sender.
    fn points(self) -> u32 {
        match self.kind {
            DATA if self.ends_stream() || self.length >= SMALL_DATA_BYTES => 0,
            DATA if self.length > 0 => 1,
            HEADERS => 10,
            WINDOW_UPDATE => 4,
            PING => 50,
            SETTINGS | CONTINUATION | GOAWAY => 100,
            // RST_STREAM, PRIORITY, data that is empty, and what nobody knows.
            _ => 20,
        }
    }
}

/// The frames of one connection, both ways.
pub(super) struct Frames {
    incoming: Headers,
    outgoing: Headers,
    points: u32,
    filled_at: Instant,
    continuations: u32,
    newest_stream: u32,
    open: HashSet<u32>,
    /// When its first frame came.
    started: bool,
    /// When a stream was last opened or closed.
    moved_at: Instant,
}

impl Frames {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            incoming: Headers::after(PREFACE_BYTES),
            outgoing: Headers::after(0),
            points: FRAME_POINTS_MAX,
            filled_at: now,
            continuations: 0,
            newest_stream: 0,
            open: HashSet::new(),
            started: false,
            moved_at: now,
        }
    }

    /// Whether the peer has sent a whole frame header.
    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    /// Since when no stream is open; nothing while one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.open.is_empty().then_some(self.moved_at)
    }

    /// The peer has sent these bytes.
    pub(super) fn received(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Abuse> {
        while let Some(frame) = self.incoming.next(&mut bytes) {
            self.started = true;
            self.spend(frame.points(), now)?;
            self.continuations = match frame.kind {
                CONTINUATION => self.continuations + 1,
                _ => 0,
            };
            if self.continuations > CONTINUATIONS_MAX {
                return Err(Abuse::Continuations);
            }
            if frame.kind == HEADERS && frame.stream > self.newest_stream {
                self.newest_stream = frame.stream;
                self.open.insert(frame.stream);
                self.moved_at = now;
            }
            if frame.kind == RESET {
                self.closed(frame.stream, now);
            }
            if self.open.len() > OPEN_STREAMS_MAX {
                return Err(Abuse::Streams);
            }
        }
        Ok(())
    }

    /// These bytes were sent to the peer. Resets that it has provoked cost it as much as its own.
    pub(super) fn sent(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Abuse> {
        while let Some(frame) = self.outgoing.next(&mut bytes) {
            if frame.kind == RESET {
                self.spend(frame.points(), now)?;
            }
            if frame.kind == RESET || frame.ends_stream() {
                self.closed(frame.stream, now);
            }
        }
        Ok(())
    }

    fn closed(&mut self, stream: u32, now: Instant) {
        if self.open.remove(&stream) {
            self.moved_at = now;
        }
    }

    fn spend(&mut self, points: u32, now: Instant) -> Result<(), Abuse> {
        let passed = now.saturating_duration_since(self.filled_at);
        let back = points_after(passed);
        if back > 0 {
            self.points = self.points.saturating_add(back).min(FRAME_POINTS_MAX);
            self.filled_at = now;
        }
        self.points = self.points.checked_sub(points).ok_or(Abuse::Budget)?;
        Ok(())
    }
}

/// Points that come back in this time.
fn points_after(passed: Duration) -> u32 {
    let milliseconds = passed.as_millis() * u128::from(FRAME_POINTS_A_SECOND) / 1_000;
    u32::try_from(milliseconds).unwrap_or(FRAME_POINTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).expect("a small frame").to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.resize(HEADER_BYTES + payload, 0);
        bytes
    }

    /// A connection after the preface.
    fn greeted(now: Instant) -> Frames {
        let mut frames = Frames::new(now);
        frames
            .received(&[0; PREFACE_BYTES], now)
            .expect("a preface");
        frames
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let now = Instant::now();
        let mut bytes = vec![0; PREFACE_BYTES];
        for stream in [1, 3, 5] {
            bytes.extend(frame(HEADERS, 0, stream, 33));
            bytes.extend(frame(DATA, 0, stream, 70_000));
        }
        for size in [1, 2, 7, 100, 1_000_000] {
            let mut frames = Frames::new(now);
            for piece in bytes.chunks(size) {
                frames.received(piece, now).expect("honest");
            }
            assert_eq!(frames.open.len(), 3, "in pieces of {size}");
        }
    }

    #[test]
    fn streams_that_are_opened_and_reset_use_up_the_points() {
        let now = Instant::now();
        let mut frames = greeted(now);
        let attack = (0..10_000).try_for_each(|number| {
            frames.received(&frame(HEADERS, END_STREAM, 2 * number + 1, 10), now)?;
            frames.received(&frame(RESET, 0, 2 * number + 1, 4), now)
        });
        assert_eq!(attack, Err(Abuse::Budget));
    }

    #[test]
    fn resets_that_a_peer_provokes_cost_it_too() {
        let now = Instant::now();
        let mut frames = greeted(now);
        let attack =
            (0..10_000).try_for_each(|number| frames.sent(&frame(RESET, 0, number, 4), now));
        assert_eq!(attack, Err(Abuse::Budget));
    }

    #[test]
    fn points_come_back_with_time() {
        let start = Instant::now();
        let mut frames = greeted(start);
        for second in 0..1_000 {
            let now = start + Duration::from_secs(second);
            for _ in 0..100 {
                frames.received(&frame(PING, 0, 0, 8), now).expect("honest");
            }
        }
    }

    #[test]
    fn data_is_free_and_a_header_list_ends() {
        let now = Instant::now();
        let mut frames = greeted(now);
        for _ in 0..100_000 {
            let data = frames.received(&frame(DATA, 0, 1, 1_024), now);
            data.expect("data is what a connection is for");
        }
        let bomb = (0..20).try_for_each(|_| frames.received(&frame(CONTINUATION, 0, 1, 9), now));
        assert_eq!(bomb, Err(Abuse::Continuations));
    }

    #[test]
    fn a_connection_is_idle_when_its_last_stream_has_ended() {
        let start = Instant::now();
        let later = start + Duration::from_mins(1);
        let mut frames = greeted(start);
        frames
            .received(&frame(HEADERS, 0, 1, 10), start)
            .expect("honest");
        assert_eq!(frames.idle_since(), None);

        let answer = frames.sent(&frame(HEADERS, END_STREAM, 1, 10), later);

        answer.expect("honest");
        assert_eq!(frames.idle_since(), Some(later));
    }
}
