//! Reading protobuf's wire format field by field, without decoding.

use crate::sync::codec::Unreadable;

/// One field of a message.
#[derive(Clone, Copy)]
pub(super) struct WireField<'a> {
    pub(super) number: u32,
    /// The bytes of a length-delimited field, without the length.
    pub(super) delimited: Option<&'a [u8]>,
    /// The whole field with its key.
    pub(super) encoded: &'a [u8],
}

/// The fields of a message in the order in which they stand.
pub(super) struct WireFields<'a>(&'a [u8]);

impl<'a> WireFields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn read(&mut self) -> Result<WireField<'a>, Unreadable> {
        let start = self.0;
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| Unreadable("a field has no number"))?;
        let delimited = match key & 7 {
            0 => {
                self.varint()?;
                None
            }
            1 => self.take(8).map(|_| None)?,
            2 => {
                let length = self.varint()?;
                Some(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => self.take(4).map(|_| None)?,
            _ => return Err(Unreadable("a field is of a type that records do not have")),
        };
        if number == 0 {
            return Err(Unreadable("a field has no number"));
        }
        let (encoded, _) = start.split_at(start.len() - self.0.len());
        Ok(WireField {
            number,
            delimited,
            encoded,
        })
    }

    fn varint(&mut self) -> Result<u64, Unreadable> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(TRUNCATED)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Unreadable("a number is too long"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(TRUNCATED)?;
        self.0 = rest;
        Ok(taken)
    }
}

const TRUNCATED: Unreadable = Unreadable("a field is longer than its message");

impl<'a> Iterator for WireFields<'a> {
    type Item = Result<WireField<'a>, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}
