//! Writing to a process that may stand still: every wait for it has an end.
//!
//! A pipe takes what it has room for, and whoever writes more waits for the reader. One that was
//! stopped reads never again, and neither a time limit nor a signal would end that wait.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// How long a reader may take nothing. It is generous: a computer may be busy.
pub(in crate::scenario) const PATIENCE: Duration = Duration::from_secs(20);

/// Writes all of it to a pipe of which nobody else has this end; an error when its reader takes
/// nothing for so long. What it has taken by then is not known.
pub(in crate::scenario) fn write_all(
    pipe: &mut (impl Write + AsFd),
    mut bytes: &[u8],
    patience: Duration,
) -> io::Result<()> {
    fcntl_setfl(&*pipe, fcntl_getfl(&*pipe)? | OFlags::NONBLOCK)?;
    while !bytes.is_empty() {
        match pipe.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => await_room(pipe, patience)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn await_room(pipe: &impl AsFd, patience: Duration) -> io::Result<()> {
    let time = Timespec::try_from(patience).map_err(|_| ErrorKind::InvalidInput)?;
    loop {
        match poll(&mut [PollFd::new(pipe, PollFlags::OUT)], Some(&time)) {
            Err(Errno::INTR) => {}
            Ok(0) => return Err(ErrorKind::TimedOut.into()),
            result => return Ok(result.map(drop)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_reader_that_takes_nothing_is_not_waited_for() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        let written = write_all(&mut writer, &vec![0; 1 << 20], Duration::from_millis(20));
        assert_eq!(written.expect_err("there is no room").kind(), ErrorKind::TimedOut);
        drop(reader);
        let written = write_all(&mut writer, b"x", PATIENCE);
        assert_eq!(written.expect_err("nobody reads").kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_reader_gets_all_of_it() {
        let (mut reader, mut writer) = io::pipe().expect("a pipe");
        let reading = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
        write_all(&mut writer, &bytes, PATIENCE).expect("it is read");
        drop(writer);
        assert!(reading.join().expect("no panic").expect("a pipe") == bytes);
    }
}
