//! Each file keeps to its schema, and no schema lets damaged files pass.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::PathBuf};

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../vectors")
}

fn read(name: &str) -> Value {
    let path = vectors().join(name);
    serde_json::from_str(&fs::read_to_string(&path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn validator(schema: &Value) -> Validator {
    let common = read("schema/common.schema.json");
    let registry = Registry::new().add(common["$id"].as_str().unwrap(), &common).unwrap().prepare().unwrap();
    jsonschema::draft202012::options().with_registry(&registry).build(schema).unwrap()
}

/// Each file of vectors with its schema.
fn files() -> Vec<(String, Value, Validator)> {
    nws_spec_vectors::files()
        .into_iter()
        .map(|(name, _)| {
            let file = read(&name);
            let schema = read(file["$schema"].as_str().unwrap());
            (name, file, validator(&schema))
        })
        .collect()
}

#[test]
fn each_file_keeps_to_its_schema() {
    for (name, file, schema) in files() {
        let faults: Vec<_> =
            schema.iter_errors(&file).map(|error| format!("{}: {error}", error.instance_path())).take(5).collect();
        assert!(faults.is_empty(), "{name}: {faults:#?}");
        assert_eq!(file["count"], file["cases"].as_array().unwrap().len(), "{name}");
    }
}

#[test]
fn each_schema_is_one() {
    for entry in fs::read_dir(vectors().join("schema")).unwrap() {
        let path = entry.unwrap().path();
        let schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{}", path.display());
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(schema["$id"].as_str().unwrap().ends_with(&format!("/schema/{name}")), "{}", path.display());
    }
}

/// The first case with this result.
fn first<'a>(file: &'a mut Value, result: &str) -> Option<&'a mut Value> {
    file["cases"].as_array_mut().unwrap().iter_mut().find(|case| case["result"] == result)
}

/// What steps say of the end of a link: in dialogues a step of its own, in traces of membership a member of the frame's.
fn closes(file: &mut Value) -> Vec<&mut Value> {
    let steps =
        file["cases"].as_array_mut().unwrap().iter_mut().filter_map(|case| case.get_mut("steps")?.as_array_mut());
    steps
        .flatten()
        .filter_map(|step| if step["step"] == "close" { Some(step) } else { step.get_mut("close") })
        .collect()
}

#[test]
fn damaged_files_are_refused() {
    type Damage = fn(&mut Value) -> bool;
    let damages: [(&str, Damage); 17] = [
        ("no cases", |file| file.as_object_mut().unwrap().remove("cases").is_some()),
        ("an empty list of cases", |file| {
            file["cases"] = json!([]);
            true
        }),
        ("another version", |file| {
            file["version"] = json!(2);
            true
        }),
        ("an unknown member of the file", |file| {
            file["extra"] = json!(1);
            true
        }),
        ("an unknown member of a case", |file| {
            file["cases"][0]["extra"] = json!(1);
            true
        }),
        ("a case without an id", |file| file["cases"][0].as_object_mut().unwrap().remove("id").is_some()),
        ("an id with a capital", |file| {
            file["cases"][0]["id"] = json!("Chat");
            true
        }),
        ("another word for the result", |file| {
            file["cases"][0]["result"] = json!("maybe");
            true
        }),
        ("a requirement that is none", |file| {
            file["cases"][0]["requirements"] = json!(["L-0"]);
            true
        }),
        ("an invalid case without a reason", |file| {
            first(file, "invalid").is_some_and(|case| case.as_object_mut().unwrap().remove("reason").is_some())
        }),
        ("a valid case with a reason", |file| {
            first(file, "valid")
                .is_some_and(|case| case.as_object_mut().unwrap().insert("reason".to_owned(), json!("why")).is_none())
        }),
        ("an invalid case that says it is valid", |file| {
            first(file, "invalid").is_some_and(|case| {
                case["result"] = json!("valid");
                true
            })
        }),
        ("a code that there is not", |file| {
            first(file, "invalid").filter(|case| case.get("code").is_some()).is_some_and(|case| {
                case["code"] = json!(99);
                true
            })
        }),
        ("a code with the name of another", |file| {
            first(file, "invalid").filter(|case| case.get("code_name").is_some()).is_some_and(|case| {
                case["code_name"] = json!("Stalled");
                true
            })
        }),
        ("a close with the name of another code", |file| {
            closes(file).first_mut().is_some_and(|close| {
                close["code_name"] = json!("Stalled");
                true
            })
        }),
        ("a case twice", |file| {
            let cases = file["cases"].as_array_mut().unwrap();
            cases.push(cases[0].clone());
            true
        }),
        ("a number where bytes or text should be", |file| {
            let inputs = ["stream", "frame", "text", "name", "path", "input", "element", "ekm", "l", "steps"];
            let case = &mut file["cases"][0];
            let Some(input) = inputs.iter().find(|input| case.get(**input).is_some()) else { return false };
            case[*input] = json!(5);
            true
        }),
    ];
    for (name, file, schema) in files() {
        for (what, damage) in damages {
            let mut damaged = file.clone();
            // Not every file has invalid cases, or codes.
            if damage(&mut damaged) {
                assert!(!schema.is_valid(&damaged), "{name}: {what} must be refused");
            }
        }
    }
}

#[test]
fn damaged_bytes_are_refused_wherever_they_are() {
    for (name, file, schema) in files() {
        let mut tried = 0;
        let cases = file["cases"].as_array().unwrap();
        for number in (0..cases.len()).step_by(7) {
            let mut damaged = file.clone();
            // One case is enough, and a short file is quick to judge.
            damaged["cases"] = json!([cases[number].clone()]);
            let members: Vec<_> = damaged["cases"][0].as_object().unwrap().keys().cloned().collect();
            for member in members {
                let mut damaged = damaged.clone();
                let value = &mut damaged["cases"][0][&member];
                let is_bytes =
                    ["frame", "stream", "bytes", "input", "y", "tag_r", "l", "element", "a"].contains(&member.as_str());
                let Some(text) = value.as_str().filter(|text| is_bytes && text.len() > 1) else { continue };
                *value = json!(text[1..]);
                assert!(!schema.is_valid(&damaged), "{name}: half a byte in {member} of case {number}");
                tried += 1;
            }
        }
        let has_bytes = !["names.json", "client.json", "dialogues.json", "membership.json"].contains(&name.as_str());
        assert!(tried > 0 || !has_bytes, "{name}");
    }
}

/// No schema can say this: the names within a case stand for something.
#[test]
fn cases_name_what_they_have() {
    let (mut ends, mut peers, mut channels) = (0, 0, 0);
    for (name, file, _) in files() {
        let mut ids = BTreeSet::new();
        for case in file["cases"].as_array().unwrap() {
            assert!(ids.insert(case["id"].as_str().unwrap()), "{name}: two cases are called {}", case["id"]);
            let Some(steps) = case.get("steps").and_then(Value::as_array) else { continue };
            let of = |what: &str| format!("{name}, {}: {what}", case["id"]);
            if let Some(known) = case.get("peers") {
                let known: BTreeSet<_> = known.as_object().unwrap().keys().map(String::as_str).collect();
                let named: BTreeSet<_> = steps.iter().flat_map(peers_of).collect();
                assert_eq!(named, known, "{}", of("peers"));
                peers += named.len();
            }
            if let Some(known) = case.get("channels") {
                let known: BTreeSet<_> =
                    known.as_array().unwrap().iter().map(|known| &known["channel"]).map(text).collect();
                for channel in steps.iter().flat_map(channels_of) {
                    assert!(known.contains(channel), "{}", of(channel));
                    channels += 1;
                }
                let mut sent = BTreeSet::new();
                for step in steps {
                    match text(&step["step"]) {
                        "send" => assert!(sent.insert(step["message"].to_string()), "{}", of("a message sent twice")),
                        "deliver" => {
                            assert!(sent.contains(&step["message"].to_string()), "{}", of("a message not sent"))
                        }
                        _ => {}
                    }
                }
            }
            // The end that a step tells is the one that the case tells.
            for step in steps {
                let close = if step["step"] == "close" { step } else { &step["close"] };
                if !close.is_null() {
                    assert_eq!(
                        (&close["code"], &close["code_name"]),
                        (&case["code"], &case["code_name"]),
                        "{}",
                        of("close")
                    );
                    ends += 1;
                }
            }
        }
    }
    assert!(ends > 0 && peers > 0 && channels > 0, "{ends} ends, {peers} peers, {channels} channels");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The names of peers in a step of a trace of membership.
fn peers_of(step: &Value) -> Vec<&str> {
    let single =
        ["peer", "peer_id", "source", "target", "error_to"].iter().filter_map(|member| step.get(*member)?.as_str());
    let lists =
        ["peer_ids", "deliver_to"].iter().filter_map(|member| step.get(*member)?.as_array()).flatten().map(text);
    let told = step.get("tell").and_then(Value::as_array).into_iter().flatten().map(|told| text(&told[1]));
    single.chain(lists).chain(told).collect()
}

/// The labels of channels in a step of a dialogue.
fn channels_of(step: &Value) -> Vec<&str> {
    let entries = step.get("entries").and_then(Value::as_array).into_iter().flatten();
    entries.chain([step]).filter_map(|named| named.get("channel")?.as_str()).collect()
}
