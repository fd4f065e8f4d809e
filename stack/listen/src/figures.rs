//! Figures in Prometheus' text format 0.0.4, and the counters that they come from.

use std::fmt::Write as _;

/// A page of figures in the making. All names begin with the same word.
#[derive(Debug)]
pub struct Exposition {
    prefix: &'static str,
    text: String,
    /// The family of the last line.
    family: String,
}

impl Exposition {
    /// An empty page.
    #[must_use]
    pub const fn new(prefix: &'static str) -> Self {
        Self { prefix, text: String::new(), family: String::new() }
    }

    /// What may go up and down.
    pub fn gauge(&mut self, name: &str, words: &str, value: u64) {
        self.put("gauge", name, words, value);
    }

    /// What only grows. The members of one family, as `refused_total{reason="full"}`, come one after the other; the
    /// words of the first do for all.
    pub fn counter(&mut self, name: &str, words: &str, value: u64) {
        self.put("counter", name, words, value);
    }

    fn put(&mut self, kind: &str, name: &str, words: &str, value: u64) {
        let (prefix, family) = (self.prefix, name.split('{').next().unwrap_or(name));
        if family != self.family {
            self.family.clear();
            self.family.push_str(family);
            let words = words.trim();
            _ = writeln!(self.text, "# HELP {prefix}_{family} {words}\n# TYPE {prefix}_{family} {kind}");
        }
        _ = writeln!(self.text, "{prefix}_{name} {value}");
    }

    /// The page.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

/// Makes `Counters`, all of which only grow, and public `Figures`, which have them and some gauges.
///
/// ```
/// nws_listen::counters! {
///     prefix: "example";
///     gauges: {
///         /// Who is here now.
///         here: u64 = "here",
///     }
///     /// Who came.
///     came: "came_total",
/// }
/// let counters = Counters::default();
/// Counters::add(&counters.came);
/// assert!(counters.figures(7).prometheus().ends_with("\nexample_came_total 1\n"));
/// ```
#[macro_export]
macro_rules! counters {
    (
        prefix: $prefix:literal;
        gauges: { $($(#[doc = $gauge_words:literal])+ $gauge:ident: $kind:ty = $gauge_name:literal,)* }
        $($(#[doc = $words:literal])+ $name:ident: $metric:literal,)+
    ) => {
        /// The counters, all of which only grow.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: ::std::sync::atomic::AtomicU64,)+
        }

        /// What a server has done so far, and whom it serves now.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Figures {
            $($(#[doc = $gauge_words])+ pub $gauge: $kind,)*
            $($(#[doc = $words])+ pub $name: u64,)+
        }

        impl Counters {
            /// All counters, each read by itself.
            pub(crate) fn figures(&self, $($gauge: $kind),*) -> Figures {
                Figures { $($gauge,)* $($name: self.$name.load(::std::sync::atomic::Ordering::Relaxed),)+ }
            }

            pub(crate) fn add(counter: &::std::sync::atomic::AtomicU64) {
                counter.fetch_add(1, ::std::sync::atomic::Ordering::Relaxed);
            }
        }

        impl Figures {
            /// In Prometheus' text format 0.0.4.
            pub(crate) fn prometheus(&self) -> String {
                let mut page = $crate::Exposition::new($prefix);
                $(page.gauge($gauge_name, concat!($($gauge_words),+), self.$gauge.into());)*
                $(page.counter($metric, concat!($($words),+), self.$name);)+
                page.into_text()
            }
        }
    };
}
