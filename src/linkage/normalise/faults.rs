//! What can be wrong with a text.

/// A fault that was found in a text and repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Letters and marks apart (NFD).
    Decomposed,
    /// Marks in an order that no normal form mends: tone before circumflex, breve or horn.
    MarkOrder,
    /// Ð or Ɖ for Đ.
    LookAlikeLetter,
    /// TCVN3 (ABC), read as Latin-1.
    Tcvn3,
    /// VNI, read as Latin-1.
    Vni,
    /// VISCII, read as Latin-1.
    Viscii,
    /// UTF-8, read as Windows-1252.
    Utf8AsWindows1252,
    /// A tone mark where the older rule puts it.
    TonePlacement,
    /// Keystrokes of the telex method left in a word.
    Telex,
    /// Keystrokes of the VNI method left in a word.
    VniKeystrokes,
    /// A word is abbreviated.
    Abbreviation,
    /// The family name stands last.
    SwappedOrder,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 12] = [
        Self::Decomposed,
        Self::MarkOrder,
        Self::LookAlikeLetter,
        Self::Tcvn3,
        Self::Vni,
        Self::Viscii,
        Self::Utf8AsWindows1252,
        Self::TonePlacement,
        Self::Telex,
        Self::VniKeystrokes,
        Self::Abbreviation,
        Self::SwappedOrder,
    ];

    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decomposed => "decomposed",
            Self::MarkOrder => "mark_order",
            Self::LookAlikeLetter => "look_alike_letter",
            Self::Tcvn3 => "tcvn3",
            Self::Vni => "vni",
            Self::Viscii => "viscii",
            Self::Utf8AsWindows1252 => "utf8_as_windows1252",
            Self::TonePlacement => "tone_placement",
            Self::Telex => "telex",
            Self::VniKeystrokes => "vni_keystrokes",
            Self::Abbreviation => "abbreviation",
            Self::SwappedOrder => "swapped_order",
        }
    }

    #[expect(
        clippy::as_conversions,
        reason = "an enumeration without fields is its place"
    )]
    const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

/// The faults of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults(u16);

impl Faults {
    /// Adds a fault.
    pub const fn insert(&mut self, fault: Fault) {
        self.0 |= fault.bit();
    }

    /// Whether a fault is among them.
    pub const fn contains(self, fault: Fault) -> bool {
        self.0 & fault.bit() != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The faults of two texts.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The faults, in the order of [`Fault::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL
            .into_iter()
            .filter(move |fault| self.contains(*fault))
    }
}
