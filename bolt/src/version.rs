//! Versions of the protocol, and the sets that a party accepts.

use core::fmt;

/// A version of Bolt, as `5.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u8,
    /// The second number.
    pub minor: u8,
}

impl Version {
    /// `1.0`: INIT, whole results only, no transactions of its own.
    pub const V1_0: Self = Self::new(1, 0);
    /// `4.0`.
    pub const V4_0: Self = Self::new(4, 0);
    /// `4.1`.
    pub const V4_1: Self = Self::new(4, 1);
    /// `4.3`: ROUTE.
    pub const V4_3: Self = Self::new(4, 3);
    /// `4.4`: ROUTE with a map.
    pub const V4_4: Self = Self::new(4, 4);
    /// `5.2`: LOGON and LOGOFF, element ids, times in UTC.
    pub const V5_2: Self = Self::new(5, 2);

    /// What Memgraph accepts, without the oldest (BG 1.2).
    pub const MEMGRAPH: &'static [Self] =
        &[Self::V5_2, Self::V4_4, Self::V4_3, Self::V4_1, Self::V4_0];
    /// All that Memgraph accepts (MR 7).
    pub const MEMGRAPH_AND_1: &'static [Self] =
        &[Self::V5_2, Self::V4_4, Self::V4_3, Self::V4_1, Self::V4_0, Self::V1_0];

    /// The version `major.minor`.
    #[must_use]
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }

    /// Login is a message of its own, LOGON, and not part of HELLO.
    #[must_use]
    pub fn has_logon(self) -> bool {
        self >= Self::new(5, 1)
    }

    /// Nodes and relationships carry element ids.
    #[must_use]
    pub const fn has_element_ids(self) -> bool {
        self.major >= 5
    }

    /// Transactions, partial results and GOODBYE are messages.
    #[must_use]
    pub const fn has_transactions(self) -> bool {
        self.major >= 3
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
