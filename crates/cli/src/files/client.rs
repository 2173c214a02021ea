//! How the file client of the library is set up from the arguments.

use std::path::{Path, PathBuf};

use colok::client::ConnectOptions;
use colok::client::files::{AccessToken, FileClientOptions, UploadSecret};
use colok::clock::Clock;
use colok::net::url::{Place, Url};
use colok::proto::ServiceKind;
use etcetera::BaseStrategy as _;

use super::interrupt;
use crate::arguments::Reach;
use crate::messages::Messages;
use crate::problem::{Asked, Problem};
use crate::token::read_token;

/// What every verb needs to reach its server.
pub(super) struct Setup {
    pub(super) clock: Clock,
    pub(super) options: FileClientOptions,
    /// The server as a user types it.
    pub(super) host: String,
    /// Whether the same command, given again, goes on where this one was.
    pub(super) resumes: bool,
}

impl Setup {
    /// From the options about time.
    pub(super) fn new(reach: &Reach) -> Self {
        let clock = Clock::start();
        let usual = ConnectOptions::default();
        let connect = ConnectOptions {
            connect_timeout: reach.connect_timeout.unwrap_or(usual.connect_timeout),
            retry: reach.retry,
            deadline: reach.deadline.map(|time| clock.now() + time),
            ..usual
        };
        let mut options = FileClientOptions { connect, ..FileClientOptions::default() };
        if let Some(idle) = reach.idle_timeout {
            options.reply_timeout = idle;
            options.work_timeout = options.work_timeout.max(idle);
        }
        Self { clock, options, host: host_text(&reach.url), resumes: false }
    }

    /// From here on Ctrl-C interrupts in order. Before, while files are only looked at and nobody
    /// has heard of us, it just ends the process.
    pub(super) fn heed_signals(&mut self, messages: &Messages) -> Result<(), Problem> {
        self.options.interrupt = Some(interrupt::watch(messages)?);
        Ok(())
    }

    /// What storing needs besides: the server's secret, and ours, which makes broken uploads
    /// resumable. Without a home folder they are not.
    pub(super) fn for_storing(
        &mut self,
        token_file: Option<&Path>,
        messages: &Messages,
    ) -> Result<(), Problem> {
        if let Some(path) = token_file {
            self.options.token = AccessToken::new(&read_token(path, messages)?).ok();
        }
        let own = |folder: Option<PathBuf>| folder.map(|folder| folder.join("colok"));
        if let Ok(folders) = etcetera::choose_base_strategy() {
            let secret = own(folders.state_dir()).map(|folder| folder.join("upload-secret"));
            self.options.upload_secret =
                secret.and_then(|path| UploadSecret::load_or_create(&path).ok());
            self.options.known_hashes = own(Some(folders.cache_dir())).map(|it| it.join("hashes"));
        }
        Ok(())
    }

    /// Goes to another server.
    pub(super) fn visit(&mut self, url: &Url) {
        self.host = host_text(url);
    }

    /// For what is told about problems.
    pub(super) fn asked<'a>(&'a self, verb: &'static str, messages: &'a Messages) -> Asked<'a> {
        Asked { verb, host: &self.host, resumes: self.resumes, messages }
    }
}

/// `localhost` for `tcp://localhost:25563`: what a user types.
fn host_text(url: &Url) -> String {
    let text = url.without_options();
    let text = text.strip_prefix("tcp://").unwrap_or(&text);
    let usual = format!(":{}", ServiceKind::Files.default_port());
    match &url.place {
        Place::Inet { .. } => text.strip_suffix(&usual).unwrap_or(text).to_owned(),
        Place::Path(_) | Place::Abstract(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_as_users_type_them() {
        for (url, expected) in [
            ("tcp://localhost:25563", "localhost"),
            ("tcp://[::1]:25563", "[::1]"),
            ("tcp://127.0.0.1:7", "127.0.0.1:7"),
            ("unix:@files", "unix:@files"),
        ] {
            assert_eq!(host_text(&url.parse().expect("it is an address")), expected);
        }
    }
}
