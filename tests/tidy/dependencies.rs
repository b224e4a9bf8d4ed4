//! Every dependency has its reason in `ARCHITECTURE.md`.

use super::{TREE, TextFile, assert_found, assert_tidy};

fn text<'a>(files: &'a [TextFile], path: &str) -> &'a str {
    let file = files.iter().find(|file| file.path == path);
    file.map_or("", |file| &file.text)
}

/// Names under `[dependencies]`, and those that have a section of their own.
fn dependencies(manifest: &str) -> Vec<&str> {
    let (mut names, mut is_inside) = (Vec::new(), false);
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            is_inside = section == "dependencies]";
            let own = section.strip_prefix("dependencies.");
            names.extend(own.and_then(|name| name.strip_suffix(']')));
        } else if is_inside && !line.starts_with('#') {
            let name = line.split_once(['=', '.']).map(|(name, _)| name.trim());
            names.extend(name);
        }
    }
    names
}

fn unexplained(files: &[TextFile]) -> Vec<String> {
    let reasons = text(files, "ARCHITECTURE.md");
    if reasons.is_empty() {
        return vec!["ARCHITECTURE.md: is not there".to_owned()];
    }
    dependencies(text(files, "Cargo.toml"))
        .into_iter()
        .filter(|name| !reasons.contains(&format!("`{name}`")))
        .map(|name| format!("ARCHITECTURE.md: does not say what `{name}` is for"))
        .collect()
}

#[test]
fn every_dependency_has_a_reason() {
    assert!(dependencies(text(&TREE, "Cargo.toml")).contains(&"tokio"));
    assert_tidy(&unexplained(&TREE));
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\n# why\nbytes = \"1\"\n\
                    hyper-util.workspace = true\n[dependencies.uuid]\nversion = \"1\"\n\
                    [dev-dependencies]\ntempfile = \"3\"\n";
    let reasons = "`bytes`: shared. `hyper-util`: a server. `uuid`: names.";
    assert_eq!(dependencies(manifest), ["bytes", "hyper-util", "uuid"]);

    for name in ["bytes", "hyper-util", "uuid"] {
        let fewer = reasons.replace(&format!("`{name}`"), name);
        let files = [
            TextFile::planted("ARCHITECTURE.md", &fewer),
            TextFile::planted("Cargo.toml", manifest),
        ];
        assert_found(&unexplained(&files), name);
    }
}

#[test]
fn a_missing_architecture_is_found() {
    let files = [TextFile::planted(
        "Cargo.toml",
        "[dependencies]\nbytes = \"1\"",
    )];

    assert_found(&unexplained(&files), "is not there");
}
