//! From what a step expects, as it was written, to expectations that can be judged. Every key of
//! `expect` is taken apart here by name, so that a new one cannot be forgotten.

use super::{Book, Expectation, Kind, Output, Place};
use crate::scenario::file::{At, EventExpect, Expect, FileExpect, Numbers, OneOrMany};

/// What expectations are about, and what their texts mean.
pub struct About<'a> {
    /// The step.
    pub step: &'a str,
    /// Its host.
    pub host: &'a str,
    /// The language of colok's messages there.
    pub language: &'a str,
    /// The messages.
    pub book: &'a dyn Book,
    /// From an offset in the scenario to its line.
    pub line: &'a dyn Fn(usize) -> u32,
}

/// The expectations of a step, in the order of the keys. A list of patterns, messages or steps is
/// an expectation for each, and so is each facet of a file.
pub fn expectations(about: &About<'_>, expect: &Expect) -> Vec<Expectation> {
    let Expect {
        exit,
        signal,
        stdout,
        stdout_like,
        stdout_same_as,
        stdout_bytes,
        stderr,
        stderr_like,
        message,
        errno,
        closed,
        time,
        after,
        events,
        order,
        files,
        figures,
    } = expect;
    let mut all = Collected { about, expectations: Vec::new() };
    all.one("exit", exit.as_ref(), |numbers| Kind::Exit(numbers.clone()));
    all.one("signal", signal.as_ref(), |name| Kind::Signal(name.clone()));
    all.one("stdout", stdout.as_ref(), |text| text_of(Output::Stdout, text));
    all.each("stdout_like", stdout_like.as_ref(), |pattern| like(Output::Stdout, pattern));
    all.one("stdout_same_as", stdout_same_as.as_ref(), |path| Kind::StdoutSameAs {
        file: Place { host: about.host.to_owned(), path: path.clone() },
        same: true,
    });
    all.one("stdout_bytes", stdout_bytes.as_ref(), |numbers| Kind::StdoutBytes(numbers.clone()));
    all.one("stderr", stderr.as_ref(), |text| text_of(Output::Stderr, text));
    all.each("stderr_like", stderr_like.as_ref(), |pattern| like(Output::Stderr, pattern));
    all.each("message", message.as_ref(), |id| Kind::Message {
        id: id.to_owned(),
        patterns: about.book.patterns(id, about.language).unwrap_or_default(),
    });
    all.one("errno", errno.as_ref(), |name| Kind::Errno(name.clone()));
    all.one("closed", closed.as_ref(), |reasons| Kind::Closed(reasons.0.clone()));
    all.one("time", time.as_ref(), |times| Kind::Time(*times));
    all.each("after", after.as_ref(), |step| Kind::After { step: step.to_owned(), before: true });
    for (number, event) in events.iter().enumerate() {
        let key = numbered("events", number, events.len());
        all.push(&key, event.offset, event_of(event));
    }
    all.one("order", order.as_ref(), |names| Kind::Order(names.0.clone()));
    for (number, file) in files.iter().enumerate() {
        all.file(&numbered("files", number, files.len()), file);
    }
    for (path, limit) in figures {
        let kind = Kind::Figure { path: path.clone(), limit: limit.value.clone() };
        all.push(&format!("figures.{path}"), limit.offset, kind);
    }
    all.expectations
}

/// The files that must be looked at to judge what a step on `host` expects.
pub fn wants(expect: &Expect, host: &str) -> Vec<Place> {
    let mut places = Vec::new();
    if let Some(path) = &expect.stdout_same_as {
        places.push(Place { host: host.to_owned(), path: path.value.clone() });
    }
    for file in &expect.files {
        let place = place_of(file, host);
        places.extend(file.same_as.as_deref().map(|other| other_place(other, &place.host)));
        places.push(place);
    }
    places.sort();
    places.dedup();
    places
}

/// Expectations as they are put together.
struct Collected<'a> {
    about: &'a About<'a>,
    expectations: Vec<Expectation>,
}

impl Collected<'_> {
    fn push(&mut self, key: &str, offset: usize, kind: Kind) {
        self.expectations.push(Expectation {
            step: self.about.step.to_owned(),
            key: key.to_owned(),
            line: (self.about.line)(offset),
            kind,
        });
    }

    fn one<T>(&mut self, key: &str, written: Option<&At<T>>, kind: impl FnOnce(&T) -> Kind) {
        if let Some(written) = written {
            self.push(key, written.offset, kind(&written.value));
        }
    }

    fn each(&mut self, key: &str, written: Option<&At<OneOrMany>>, kind: impl Fn(&str) -> Kind) {
        if let Some(written) = written {
            for text in &written.value.0 {
                self.push(key, written.offset, kind(text));
            }
        }
    }

    /// The facets of a file, in the order of the keys. That it is there goes without saying when
    /// something is said of it.
    fn file(&mut self, key: &str, written: &At<FileExpect>) {
        let FileExpect { path: _, host: _, exists, size, mode, text, same_as, blake3 } =
            &written.value;
        let file = place_of(written, self.about.host);
        let mut facets = vec![("exists", Kind::FileExists { file: file.clone(), exists: *exists })];
        facets
            .extend(size.as_ref().map(|bytes| {
                ("size", Kind::FileSize { file: file.clone(), bytes: bytes.clone() })
            }));
        facets.extend(
            mode.as_ref()
                .map(|mode| ("mode", Kind::FileMode { file: file.clone(), mode: mode.clone() })),
        );
        facets.extend(
            text.as_ref()
                .map(|text| ("text", Kind::FileText { file: file.clone(), text: text.clone() })),
        );
        facets.extend(same_as.as_ref().map(|other| {
            let other = other_place(other, &file.host);
            ("same_as", Kind::FileSameAs { file: file.clone(), other, same: true })
        }));
        facets.extend(blake3.as_ref().map(|blake3| {
            ("blake3", Kind::FileBlake3 { file: file.clone(), blake3: blake3.clone() })
        }));
        for (facet, kind) in facets {
            self.push(&format!("{key}.{facet}"), written.offset, kind);
        }
    }
}

/// `events`, or `events[2]` when there are several.
fn numbered(key: &str, number: usize, count: usize) -> String {
    if count == 1 { key.to_owned() } else { format!("{key}[{}]", number + 1) }
}

fn text_of(output: Output, text: &str) -> Kind {
    Kind::Text { output, text: text.to_owned() }
}

fn like(output: Output, pattern: &str) -> Kind {
    Kind::Like { output, pattern: pattern.to_owned() }
}

fn event_of(written: &EventExpect) -> Kind {
    let EventExpect { event, with, count } = written;
    let count = count.clone().unwrap_or_else(|| Numbers(vec![(1, i64::MAX)]));
    Kind::Event { event: event.clone(), with: with.clone(), count }
}

fn place_of(file: &FileExpect, host: &str) -> Place {
    let host = file.host.as_ref().map_or(host, |host| &host.value);
    Place { host: host.to_owned(), path: file.path.clone() }
}

/// `path` on the same host, or `host:path`.
fn other_place(written: &str, host: &str) -> Place {
    let (host, path) = written.split_once(':').unwrap_or((host, written));
    Place { host: host.to_owned(), path: path.to_owned() }
}
