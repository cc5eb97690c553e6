//! The functions that are understood, by name and number of arguments.

/// Declares functions with their names and numbers of arguments.
macro_rules! functions {
    ($($name:ident($text:literal, $least:literal..=$most:literal),)*) => {
        /// A function of values.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Function {
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }

        impl Function {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name as Memgraph's documentation writes it; case does not count.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The least and greatest number of arguments.
            #[must_use]
            pub const fn arguments(self) -> (usize, usize) {
                match self {
                    $(Self::$name => ($least, $most),)*
                }
            }
        }
    };
}

functions! {
    Abs("abs", 1..=1),
    Ceil("ceil", 1..=1),
    Coalesce("coalesce", 1..=64),
    Date("date", 0..=1),
    DateTime("datetime", 0..=1),
    Duration("duration", 1..=1),
    EndNode("endNode", 1..=1),
    Floor("floor", 1..=1),
    Head("head", 1..=1),
    Id("id", 1..=1),
    Keys("keys", 1..=1),
    Labels("labels", 1..=1),
    Last("last", 1..=1),
    Left("left", 2..=2),
    Length("length", 1..=1),
    LocalDateTime("localDateTime", 0..=1),
    LocalTime("localTime", 0..=1),
    Nodes("nodes", 1..=1),
    Properties("properties", 1..=1),
    Range("range", 2..=3),
    Relationships("relationships", 1..=1),
    Replace("replace", 3..=3),
    Reverse("reverse", 1..=1),
    Right("right", 2..=2),
    Sign("sign", 1..=1),
    Size("size", 1..=1),
    Split("split", 2..=2),
    StartNode("startNode", 1..=1),
    Substring("substring", 2..=3),
    Tail("tail", 1..=1),
    Timestamp("timestamp", 0..=0),
    ToBoolean("toBoolean", 1..=1),
    ToFloat("toFloat", 1..=1),
    ToInteger("toInteger", 1..=1),
    ToLower("toLower", 1..=1),
    ToString("toString", 1..=1),
    ToUpper("toUpper", 1..=1),
    Trim("trim", 1..=1),
    Type("type", 1..=1),
    ValueType("valueType", 1..=1),
}

impl Function {
    /// The function with a name, whatever its case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.name().eq_ignore_ascii_case(name))
    }
}

/// A function over rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// `count`
    Count,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `collect`
    Collect,
}

impl Aggregate {
    /// The aggregate with a name, whatever its case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let all = [Self::Count, Self::Min, Self::Max, Self::Sum, Self::Avg, Self::Collect];
        all.into_iter().find(|aggregate| aggregate.name().eq_ignore_ascii_case(name))
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Collect => "collect",
        }
    }
}
