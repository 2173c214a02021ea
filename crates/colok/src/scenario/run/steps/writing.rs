//! Files of hosts: making them, and looking at them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::plan::derived;
use super::super::play::Play;
use super::super::stage::Broken;
use crate::scenario::agent::{Answer, Content, Question};
use crate::scenario::file::FileSpec;
use crate::scenario::judge::{FileSeen, Place};

/// Makes the files that are there before the first step. The inner error says which could not be
/// made, and why.
pub(in super::super) fn write_files(play: &mut Play<'_>) -> Result<Result<(), String>, Broken> {
    let files: Vec<_> = play.scenario.files.iter().map(|file| file.value.clone()).collect();
    for file in &files {
        let asks = ask(play, file.host.as_ref().map(|host| host.value.as_str()), file)?;
        for ask in asks {
            if let Err(error) = play.stage.answer(ask)? {
                return Ok(Err(format!("{}: {error}", file.path)));
            }
        }
    }
    Ok(Ok(()))
}

/// The host with this name, or all.
fn hosts_of(play: &Play<'_>, name: Option<&str>) -> Result<Vec<usize>, Broken> {
    match name {
        Some(name) => Ok(vec![play.stage.host(name)?]),
        None => Ok((0..play.stage.hosts.len()).collect()),
    }
}

/// Orders a file on the host with this name, or on all.
fn ask(play: &mut Play<'_>, host: Option<&str>, file: &FileSpec) -> Result<Vec<u64>, Broken> {
    let hosts = hosts_of(play, host)?;
    let content = match (&file.text, &file.size) {
        (Some(text), _) => Content::Text(text.clone()),
        (None, Some(size)) => {
            // The same on every host, unless it is meant for one.
            let word = format!("{}:{}", host.unwrap_or_default(), file.path);
            let seed = derived(play.seed, &word);
            Content::Random { size: size.value.0, seed }
        }
        (None, None) => Content::Nothing,
    };
    let mode = file.mode.as_ref().and_then(|mode| u32::from_str_radix(&mode.value, 8).ok());
    let mut asks = Vec::new();
    for host in hosts {
        let (path, content) = (file.path.clone(), content.clone());
        asks.push(play.stage.ask(host, Question::Write { path, content, mode })?);
    }
    Ok(asks)
}

/// Begins a `write`.
pub(super) fn begin(
    play: &mut Play<'_>,
    index: usize,
    file: &FileSpec,
) -> Result<Vec<u64>, Broken> {
    let name = play.scenario.host_of(index).map(str::to_owned);
    ask(play, name.as_deref(), file)
}

/// Ends a `write`. Without its file the steps behind it mean nothing.
pub(super) fn finish(play: &mut Play<'_>, index: usize, asks: Vec<u64>) -> Result<(), Broken> {
    for ask in asks {
        if let Err(error) = play.stage.answer(ask)? {
            play.records[index].error = Some(error);
            play.ends(index);
            return Err(Broken::Step);
        }
    }
    super::judging::judge_places(play, index)
}

/// Looks at files; those that no host could be asked about are missing in what is given.
pub(in super::super) fn look(
    play: &mut Play<'_>,
    places: Vec<Place>,
) -> Result<BTreeMap<Place, FileSeen>, Broken> {
    let mut asks = Vec::new();
    for place in places {
        let host = play.stage.host(&place.host)?;
        let path = place.path.clone();
        asks.push((place, play.stage.ask(host, Question::File { path })?));
    }
    let mut files = BTreeMap::new();
    for (place, ask) in asks {
        if let Ok(Answer::File { exists, size, mode, blake3, beginning }) =
            play.stage.answer(ask)?
        {
            let beginning = STANDARD.decode(beginning).unwrap_or_default();
            files.insert(place, FileSeen { exists, size, mode, blake3, beginning });
        }
    }
    Ok(files)
}
