//! Service, environment, version and global tags: tags give these settings a value where they have none.

use crate::text::Text;

use super::Origin;
use super::key::{Key, Remarks};
use super::origin::Setting;
use super::otel::RESOURCE_ATTRIBUTES;
use super::parse;
use super::resolve::Resolver;
use super::source_code::SourceCodeLink;
use super::table::{
    DD_ENV, DD_GIT_COMMIT_SHA, DD_GIT_REPOSITORY_URL, DD_SERVICE, DD_TAGS, DD_VERSION, Settings,
};
use super::value::{Map, Value};

/// Where serverless platforms put the name of the function; the first that is set counts.
const SERVERLESS_NAMES: [&str; 4] =
    ["AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE", "FUNCTION_NAME", "WEBSITE_SITE_NAME"];

/// Fills the gaps, the weakest source first. `given` are the tags given in code, which are added to those of the
/// environment.
///
/// Returns the tags of every span, without those that have a setting of their own, and whether somebody named the
/// service.
pub(super) fn resolve(
    settings: &mut Settings,
    given: Vec<(Text, Text)>,
    built: SourceCodeLink,
    resolver: &mut Resolver<'_>,
) -> (Vec<(Text, Text)>, bool) {
    let hidden = hidden_resource_attributes(&settings.tags, resolver);
    add_given(&mut settings.tags, given, resolver);

    let environment = resolver.environment;
    if let Some(name) = SERVERLESS_NAMES.iter().find_map(|name| environment.text(name)) {
        resolver.derive(&DD_SERVICE, &mut settings.service, name.into(), Origin::Calculated);
    }
    let mut service_is_user_set = settings.service.origin > Origin::Calculated;
    for tags in [&hidden, &settings.tags.value] {
        service_is_user_set |= fill("service", &DD_SERVICE, &mut settings.service, tags, resolver);
        fill("env", &DD_ENV, &mut settings.env, tags, resolver);
        fill("version", &DD_VERSION, &mut settings.version, tags, resolver);
    }

    let mut tags = settings.tags.value.clone();
    // Spans get these three from their own settings.
    for name in ["service", "env", "version"] {
        take(&mut tags, name);
    }
    if take(&mut tags, "runtime-id").is_some() {
        let reason = "the tag `runtime-id` is the tracer's own; left out".to_owned();
        let origin = settings.tags.origin;
        resolver.problem(DD_TAGS.source_name(origin), origin, reason);
    }
    // These become settings, because only the first span of each chunk is tagged with them.
    if let Some(Ok(url)) = take(&mut tags, "git.repository_url").map(parse::repository_url) {
        let setting = &mut settings.git_repository_url;
        resolver.derive(&DD_GIT_REPOSITORY_URL, setting, Some(url), Origin::Calculated);
    }
    if let Some(Ok(commit)) = take(&mut tags, "git.commit.sha").map(parse::not_blank) {
        let setting = &mut settings.git_commit_sha;
        resolver.derive(&DD_GIT_COMMIT_SHA, setting, Some(commit), Origin::Calculated);
    }
    fill_source_code(settings, built, resolver);
    let shared = tags.0.into_iter().map(|(key, value)| (key.into_shared(), value.into_shared()));
    (shared.collect(), service_is_user_set)
}

/// Takes what was embedded when the program was built where nobody else has said it.
fn fill_source_code(settings: &mut Settings, built: SourceCodeLink, resolver: &mut Resolver<'_>) {
    let SourceCodeLink { package, repository_url, commit_sha } = built;
    if let (Some(wanted), Some(package)) = (&settings.main_package.value, package) {
        if *wanted != package {
            return;
        }
    }
    let url = repository_url.map(parse::repository_url).and_then(Result::ok);
    if settings.git_repository_url.value.is_none() && url.is_some() {
        let setting = &mut settings.git_repository_url;
        resolver.derive(&DD_GIT_REPOSITORY_URL, setting, url, Origin::Calculated);
    }
    let commit = commit_sha.map(parse::not_blank).and_then(Result::ok);
    if settings.git_commit_sha.value.is_none() && commit.is_some() {
        let setting = &mut settings.git_commit_sha;
        resolver.derive(&DD_GIT_COMMIT_SHA, setting, commit, Origin::Calculated);
    }
}

/// The attributes of `OTEL_RESOURCE_ATTRIBUTES` where `DD_TAGS` wins over it. They are no tags then, but the service,
/// environment and version in them still fill gaps.
fn hidden_resource_attributes(tags: &Setting<Map>, resolver: &Resolver<'_>) -> Map {
    let environment = resolver.environment;
    let text = environment.text(RESOURCE_ATTRIBUTES.name);
    let text = text.filter(|_| tags.origin > Origin::OtelEnv).unwrap_or_default();
    let attributes = DD_TAGS.read_otel(&text, environment, &mut Remarks::default());
    attributes.ok().flatten().unwrap_or_default()
}

fn add_given(tags: &mut Setting<Map>, given: Vec<(Text, Text)>, resolver: &mut Resolver<'_>) {
    let mut is_changed = false;
    let mut all = tags.value.clone();
    for (key, value) in given {
        match parse::not_blank(key) {
            Ok(key) => {
                all.set(key, value);
                is_changed = true;
            }
            Err(_) => {
                let reason = "a tag without a key; left out".to_owned();
                resolver.problem(DD_TAGS.source_name(Origin::Code), Origin::Code, reason);
            }
        }
    }
    if is_changed {
        resolver.derive(&DD_TAGS, tags, all, Origin::Code);
    }
}

/// Gives the setting the value of a tag, unless a stronger source gave one. Returns whether there was such a tag.
fn fill<T: Value + From<Text>>(
    tag: &str,
    key: &Key<T>,
    setting: &mut Setting<T>,
    tags: &Map,
    resolver: &mut Resolver<'_>,
) -> bool {
    let Some(Ok(value)) = tags.get(tag).cloned().map(parse::not_blank) else { return false };
    resolver.derive(key, setting, value.into(), Origin::Calculated);
    true
}

fn take(tags: &mut Map, name: &str) -> Option<Text> {
    let place = tags.0.iter().position(|(key, _)| *key == *name)?;
    Some(tags.0.remove(place).1)
}

#[cfg(test)]
mod tests {
    use super::SourceCodeLink;
    use crate::config::testkit::with;
    use crate::config::{Config, Origin};

    fn tags(config: &Config) -> Vec<(&str, &str)> {
        config.tags().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    #[test]
    fn the_service_comes_from_the_first_source_in_the_documented_order() {
        let sources = [
            ("DD_SERVICE", "dd"),
            ("OTEL_SERVICE_NAME", "otel"),
            ("DD_TAGS", "service:tag"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute"),
            ("AWS_LAMBDA_FUNCTION_NAME", "lambda"),
            ("K_SERVICE", "run"),
            ("FUNCTION_NAME", "function"),
            ("WEBSITE_SITE_NAME", "site"),
        ];
        assert_eq!(with(&sources).service("code").build().service(), "code");
        for (first, (_, text)) in
            sources.into_iter().chain([("", "unnamed-rust-service")]).enumerate()
        {
            let config = with(&sources[first..]).build();
            let service = text.rsplit([':', '=']).next().unwrap();
            assert_eq!((config.service(), config.service_is_user_set()), (service, first < 4));
            assert_eq!(config.report().get("DD_SERVICE").unwrap().value(), Some(service));
        }
    }

    #[test]
    fn what_tags_and_attributes_name_fills_gaps_and_is_no_tag() {
        let none = "unnamed-rust-service";
        let tagged = ("DD_TAGS", "env:tag,version:1,team:x");
        let attributes =
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=attribute,service.version=0");
        let hidden = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,team=y,region=eu");
        let own = [("DD_ENV", "own"), ("DD_VERSION", "2")];
        for (pairs, service, env, version, expected) in [
            (&[][..], none, None, None, &[][..]),
            (&[("DD_SERVICE", " "), ("DD_TAGS", "service:,a:b")], none, None, None, &[("a", "b")]),
            (&[tagged, attributes], none, Some("tag"), Some("1"), &[("team", "x")]),
            (&[tagged, own[0], own[1]], none, Some("own"), Some("2"), &[("team", "x")]),
            (&[attributes], none, Some("attribute"), Some("0"), &[]),
            (&[("DD_TAGS", "team:x"), hidden], "shop", None, None, &[("team", "x")]),
        ] {
            let config = with(pairs).build();
            let found = (config.service(), config.env(), config.version());
            assert_eq!(found, (service, env, version), "{pairs:?}");
            assert_eq!(tags(&config), expected, "{pairs:?}");
            let is_hidden = pairs.len() == 2 && pairs[1].0 == hidden.0;
            let said = ["OTEL_RESOURCE_ATTRIBUTES (otel_env_var): DD_TAGS is set too, and wins"];
            assert_eq!(config.said(), if is_hidden { &said[..] } else { &[] });
        }
    }

    #[test]
    fn tags_given_in_code_are_added_and_win_key_by_key() {
        let config = with(&[("DD_TAGS", "team:x,region:eu")])
            .tag("team", "y")
            .tags([("a,b", "c:d,e"), ("  ", "lost")])
            .build();
        assert_eq!(tags(&config), [("team", "y"), ("region", "eu"), ("a,b", "c:d,e")]);
        assert_eq!(config.said(), ["tag (code): a tag without a key; left out"]);
        assert_eq!(config.report().get("DD_TAGS").unwrap().origin(), Origin::Code);
    }

    #[test]
    fn git_tags_give_way_to_their_own_variables_and_to_the_switch() {
        let tagged = ("DD_TAGS", "git.repository_url:https://tag/a.git,git.commit.sha:abc,team:x");
        let own = ("DD_GIT_REPOSITORY_URL", "https://me:word@own/a.git");
        for (pairs, url, commit) in [
            (&[tagged][..], Some("https://tag/a.git"), Some("abc")),
            (&[tagged, own], Some("https://own/a.git"), Some("abc")),
            (&[tagged, own, ("DD_TRACE_GIT_METADATA_ENABLED", "false")], None, None),
        ] {
            let config = with(pairs).build();
            assert_eq!((config.git_repository_url(), config.git_commit_sha()), (url, commit));
            assert_eq!(tags(&config), [("team", "x")]);
            let row = config.report().get("DD_GIT_COMMIT_SHA").unwrap();
            assert_eq!((row.value(), row.origin()), (Some("abc"), Origin::Calculated));
        }
    }

    #[test]
    fn what_was_embedded_counts_where_the_environment_says_nothing_and_is_of_the_main_package() {
        let link = SourceCodeLink::built("shop", Some("https://u:p@host/a.git"), Some("abc"));
        let built = (Some("https://host/a.git"), Some("abc"));
        for (pairs, expected) in [
            (&[][..], built),
            (&[("DD_GIT_COMMIT_SHA", "env")], (built.0, Some("env"))),
            (&[("DD_TAGS", "git.repository_url:tag")], (Some("tag"), built.1)),
            (&[("DD_MAIN_PACKAGE", "shop")], built),
            (&[("DD_MAIN_PACKAGE", "other")], (None, None)),
            (&[("DD_TRACE_GIT_METADATA_ENABLED", "false")], (None, None)),
        ] {
            let config = with(pairs).source_code(link.clone()).build();
            assert_eq!(
                (config.git_repository_url(), config.git_commit_sha()),
                expected,
                "{pairs:?}"
            );
            assert_eq!(config.said(), [""; 0]);
        }
        let config = with(&[]).source_code(link).git_commit_sha("own").build();
        assert_eq!((config.git_repository_url(), config.git_commit_sha()), (built.0, Some("own")));
        let nothing = SourceCodeLink::built("shop", Some(""), None);
        let config = with(&[]).source_code(nothing).build();
        assert_eq!((config.git_repository_url(), config.git_commit_sha()), (None, None));
    }

    #[test]
    fn the_runtime_id_cannot_be_set_as_a_tag() {
        let config = with(&[("DD_TAGS", "runtime-id:mine")]).build();
        assert!(config.tags().is_empty());
        assert_eq!(config.problems().len(), 1);
    }
}
