//! A small scenario for each key of `expect`, with a value that holds and one that does not. Only
//! data, for tests: of the table here (it has every key of the schema), and of whole runs.

/// A key and a scenario for it.
pub(crate) struct Text {
    /// The key, dotted: `exit`, `events.count`.
    pub(crate) key: &'static str,
    /// The scenario as far as the line that expects.
    before: &'static str,
    /// The line that holds.
    right: &'static str,
    /// The line that does not.
    wrong: &'static str,
}

impl Text {
    /// The scenario file, with what holds or with what does not.
    pub(crate) fn scenario(&self, right: bool) -> String {
        let (verb, line) = if right { ("holds", self.right) } else { ("fails", self.wrong) };
        format!("title = \"{} {verb}\"\n{}\n{line}\n", self.key, self.before)
    }
}

/// Every key.
pub(crate) const TEXTS: [Text; 28] = [
    text("exit", SAYS, "exit = 3", "exit = 4"),
    text("signal", DIES, "signal = \"KILL\"", "signal = \"TERM\""),
    text("stdout", SAYS, "stdout = \"hello\"", "stdout = \"hallo\""),
    text("stdout_like", SAYS, "stdout_like = \"h*o\"", "stdout_like = \"*h\""),
    text("stdout_same_as", SAYS, "stdout_same_as = \"sent\"", "stdout_same_as = \"other\""),
    text("stdout_bytes", SAYS, "stdout_bytes = 5", "stdout_bytes = \"6..\""),
    text("stderr", SAYS, "stderr = \"oops\"", "stderr = \"\""),
    text("stderr_like", SAYS, "stderr_like = [\"o*\", \"*s\"]", "stderr_like = [\"o*\", \"s*\"]"),
    text("message", NO_SERVER, "message = \"nothing-listens\"", "message = \"resolve-why\""),
    text("errno", NO_SERVER, "errno = \"ECONNREFUSED\"", "errno = \"ETIMEDOUT\""),
    text("closed", SERVER, "closed = \"peer-closed\"", "closed = [\"idle\", \"quit\"]"),
    text("time", SAYS, "time = \"..20s\"", "time = \"20s..\""),
    text("after", BESIDE, "after = \"before\"", "after = \"beside\""),
    text(
        "order",
        SERVER,
        "order = [\"accepted\", \"closed\"]",
        "order = [\"closed\", \"accepted\"]",
    ),
    text("figures", JSON, "figures.\"a.b\" = 3", "figures.\"a.b\" = \"> 3\""),
    text(
        "events",
        SERVER,
        "events = [{ event = \"accepted\" }, { event = \"closed\" }]",
        "events = [{ event = \"accepted\" }, { event = \"refused\" }]",
    ),
    text(
        "events.event",
        SERVER,
        "events = [{ event = \"accepted\" }]",
        "events = [{ event = \"refused\" }]",
    ),
    text(
        "events.with",
        SERVER,
        "events = [{ event = \"closed\", with = { bytes_received = 5 } }]",
        "events = [{ event = \"closed\", with = { bytes_received = 6 } }]",
    ),
    text(
        "events.count",
        SERVER,
        "events = [{ event = \"accepted\", count = 1 }]",
        "events = [{ event = \"accepted\", count = \"2..\" }]",
    ),
    text(
        "files",
        FILES,
        "files = [{ path = \"sent\" }, { path = \"same\" }]",
        "files = [{ path = \"sent\" }, { path = \"lost\" }]",
    ),
    text("files.path", FILES, "files = [{ path = \"sent\" }]", "files = [{ path = \"lost\" }]"),
    text(
        "files.host",
        TWO_HOSTS,
        "files = [{ path = \"sent\", host = \"a\" }]",
        "files = [{ path = \"sent\", host = \"b\" }]",
    ),
    text(
        "files.exists",
        FILES,
        "files = [{ path = \"lost\", exists = false }]",
        "files = [{ path = \"sent\", exists = false }]",
    ),
    text(
        "files.size",
        FILES,
        "files = [{ path = \"sent\", size = 5 }]",
        "files = [{ path = \"sent\", size = \"..4\" }]",
    ),
    text(
        "files.mode",
        FILES,
        "files = [{ path = \"sent\", mode = \"0640\" }]",
        "files = [{ path = \"sent\", mode = \"0600\" }]",
    ),
    text(
        "files.text",
        FILES,
        "files = [{ path = \"sent\", text = \"hello\" }]",
        "files = [{ path = \"sent\", text = \"hallo\" }]",
    ),
    text(
        "files.same_as",
        FILES,
        "files = [{ path = \"sent\", same_as = \"same\" }]",
        "files = [{ path = \"sent\", same_as = \"other\" }]",
    ),
    text(
        "files.blake3",
        FILES,
        "files = [{ path = \"sent\", blake3 = \"ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e9\
         08c5624a67200f\" }]",
        "files = [{ path = \"sent\", blake3 = \"ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e9\
         08c5624a672000\" }]",
    ),
];

const fn text(
    key: &'static str,
    before: &'static str,
    right: &'static str,
    wrong: &'static str,
) -> Text {
    Text { key, before, right, wrong }
}

const SAYS: &str = r#"hosts.host.kind = "local"
[[file]]
path = "sent"
text = "hello"
[[file]]
path = "other"
text = "hallo"
[[step]]
run = "sh -c 'printf hello; printf oops >&2; exit 3'"
[step.expect]"#;

const DIES: &str = r#"hosts.host.kind = "local"
[[step]]
run = "sh -c 'kill -KILL $$'"
[step.expect]"#;

const NO_SERVER: &str = r#"hosts.host.kind = "local"
[[step]]
run = "colok connect 127.0.0.1:{port}"
[step.expect]"#;

const SERVER: &str = r#"hosts.host.kind = "local"
[[step]]
name = "server"
start = "colok serve echo=tcp://127.0.0.1:{port}"
[[step]]
run = "colok connect 127.0.0.1:{port}"
stdin = "halo\n"
[[step]]
stop = "server"
[step.expect]"#;

const BESIDE: &str = r#"hosts.host.kind = "local"
[[step]]
name = "beside"
start = "sleep 3600"
[[step]]
name = "before"
run = "true"
[[step]]
run = "true"
[step.expect]"#;

const JSON: &str = r#"hosts.host.kind = "local"
[[step]]
run = "printf 'words\\n{\"a\": {\"b\": 3}}\\n'"
[step.expect]"#;

const FILES: &str = r#"hosts.host.kind = "local"
[[file]]
path = "sent"
text = "hello"
mode = "0640"
[[file]]
path = "same"
text = "hello"
[[file]]
path = "other"
text = "hallo"
[[step]]
run = "true"
[step.expect]"#;

const TWO_HOSTS: &str = r#"hosts.a.kind = "local"
hosts.b.kind = "local"
[[file]]
path = "sent"
host = "a"
text = "hello"
[[step]]
host = "b"
run = "true"
[step.expect]"#;
