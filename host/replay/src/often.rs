//! Whether tests of a kind make calls of a kind, or only happened to be in flight when somebody else did.

/// How often tests of one kind made calls of one kind, and all others.
pub(crate) struct Times {
    /// Tests of the kind that made such a call.
    pub made: usize,
    /// Tests of the kind.
    pub tests: usize,
    /// Tests of any kind that made such a call.
    pub made_by_all: usize,
    pub all_tests: usize,
}

impl Times {
    /// One of so many is many.
    pub const MANY: usize = 4;
    /// The same, of what a poller asks, too.
    pub const MANY_BESIDE_A_POLLER: usize = 3;

    /// Many of them made one, one of `many`: others may have been refused before, or had it in a cache. Or else few did, as each asks for
    /// something else (`/rates/EUR`), but hardly anybody else: the background's calls fall into all kinds of tests alike.
    pub fn are_often(&self, many: usize) -> bool {
        /// Fewer may be so by chance.
        const SEVERAL: usize = 4;
        let of_all = self.tests as f64 / self.all_tests as f64;
        let more_than_by_chance = f64::min(3.0 * of_all, f64::midpoint(1.0, of_all));
        let is_theirs = self.made as f64 >= more_than_by_chance * self.made_by_all as f64;
        self.made * many >= self.tests || (self.made >= SEVERAL && is_theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn calls_of_some_tests_of_a_kind_are_theirs_when_nobody_else_makes_them() {
        let often =
            |made, tests, made_by_all| Times { made, tests, made_by_all, all_tests: 100 }.are_often(Times::MANY);
        assert!(often(5, 20, 50), "a quarter of them");
        assert!(!often(4, 20, 20), "a poller's, in flight beside all kinds of tests");
        assert!(often(4, 20, 5), "each of them asks for another currency");
        assert!(!often(3, 20, 3), "too few to say");
        assert!(!often(12, 60, 20), "most tests are of this kind");
        assert!(often(12, 60, 14));
    }
}
