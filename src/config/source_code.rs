//! [`SourceCodeLink`]: where the source code is, as it was known when the program was built.

use crate::text::Text;

/// Where the source code of a program is, as it was known when the program was built: the repository and the commit.
///
/// Made by [`source_code!`](crate::source_code), and given to
/// [`TracerBuilder::source_code`](crate::TracerBuilder::source_code).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceCodeLink {
    pub(super) package: Option<Text>,
    pub(super) repository_url: Option<Text>,
    pub(super) commit_sha: Option<Text>,
}

impl SourceCodeLink {
    /// What the compiler was told of the crate that it built: the package's name, and the two variables of
    /// `tracehound-build`. Called by [`source_code!`](crate::source_code).
    #[must_use]
    pub fn built(
        package: &'static str,
        repository_url: Option<&'static str>,
        commit_sha: Option<&'static str>,
    ) -> Self {
        SourceCodeLink {
            package: Some(Text::literal(package)),
            repository_url: repository_url.map(Text::literal),
            commit_sha: commit_sha.map(Text::literal),
        }
    }

    /// The repository; `None` where it was not known.
    #[must_use]
    pub fn repository_url(&self) -> Option<&str> {
        self.repository_url.as_deref().filter(|url| !url.is_empty())
    }

    /// The commit; `None` where it was not known.
    #[must_use]
    pub fn commit_sha(&self) -> Option<&str> {
        self.commit_sha.as_deref().filter(|commit| !commit.is_empty())
    }

    /// These, and others where there are none.
    pub(super) fn or(self, others: SourceCodeLink) -> Self {
        SourceCodeLink {
            package: self.package.or(others.package),
            repository_url: self.repository_url.or(others.repository_url),
            commit_sha: self.commit_sha.or(others.commit_sha),
        }
    }
}

/// The page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/source-code.md")]
struct Page;

/// Where the source code of this crate is: the repository and the commit that its build script has embedded.
///
/// The build script of the program calls `tracehound_build::emit()`, and `main` hands the result on; Datadog then
/// links frames and spans to the lines of the source code. `DD_GIT_REPOSITORY_URL`, `DD_GIT_COMMIT_SHA` and the tags
/// `git.repository_url` and `git.commit.sha` of `DD_TAGS` win over it, each for itself;
/// `DD_TRACE_GIT_METADATA_ENABLED=false` switches all of it off. Without that build script there is nothing in it, and
/// it does no harm. With `DD_MAIN_PACKAGE` it counts only if it was made in the package of that name.
///
/// It has to stand in the program's own crate: what it reads is what was known when that was built.
///
/// ```
/// let tracer = tracehound::Tracer::builder()
///     .service("checkout")
///     .source_code(tracehound::source_code!())
///     .build();
/// ```
#[macro_export]
macro_rules! source_code {
    () => {
        $crate::config::SourceCodeLink::built(
            ::core::env!("CARGO_PKG_NAME"),
            ::core::option_env!("DD_GIT_REPOSITORY_URL_BUILD"),
            ::core::option_env!("DD_GIT_COMMIT_SHA_BUILD"),
        )
    };
}
