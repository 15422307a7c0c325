//! Names of tests and mocks: from counters, never from looking into directories.
use std::collections::HashMap;

/// `record.testCaseNaming`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    /// After the class of the request: `get-orders-1`.
    #[default]
    Descriptive,
    /// `test-1`, `test-2`, ...
    Sequential,
}

/// Gives names out.
#[derive(Debug, Default)]
pub(crate) struct Names {
    naming: Naming,
    tests: HashMap<String, u64>,
    mocks: u64,
}

impl Names {
    pub fn new(naming: Naming) -> Self {
        Self { naming, ..Self::default() }
    }

    /// Two names of one test set are never equal: the number behind the last dash counts within the slug before it.
    pub fn test(&mut self, class: &str) -> String {
        let slug = match self.naming {
            Naming::Descriptive => slug(class),
            Naming::Sequential => "test".to_owned(),
        };
        let number = self.tests.entry(slug.clone()).or_default();
        *number += 1;
        format!("{slug}-{number}")
    }

    pub fn mock(&mut self) -> String {
        let number = self.mocks;
        self.mocks += 1;
        format!("mock-{number}")
    }
}

/// `GET /orders/*` as `get-orders`: lower-case letters and digits, one dash between words, at most 60 characters.
fn slug(class: &str) -> String {
    const LONGEST: usize = 60;
    let words = class.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    slug.truncate(LONGEST);
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() { "test".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        assert_eq!(slug("GET /orders/*"), "get-orders");
        assert_eq!(slug("POST /api/v1/Shorten"), "post-api-v1-shorten");
        assert_eq!(slug("GET /"), "get");
        assert_eq!(slug("/../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("über/straße"), "ber-stra-e");
        assert_eq!(slug(""), "test");
        let long = slug(&format!("GET /{}/x", "a".repeat(55)));
        assert_eq!(long, format!("get-{}", "a".repeat(55)), "cut at a dash leaves no dash");
    }

    #[test]
    fn numbers_count_within_a_slug() {
        let mut names = Names::new(Naming::Descriptive);
        assert_eq!(names.test("GET /a"), "get-a-1");
        assert_eq!(names.test("GET /a/1"), "get-a-1-1");
        assert_eq!(names.test("GET /a/*"), "get-a-2");
        assert_eq!(names.mock(), "mock-0");
        assert_eq!(names.mock(), "mock-1");
        let mut names = Names::new(Naming::Sequential);
        assert_eq!((names.test("GET /a"), names.test("PUT /b")), ("test-1".to_owned(), "test-2".to_owned()));
    }
}
