//! What a peer sent, made safe for a terminal: text with line breaks kept, or a hex dump.

use std::fmt::Write as _;

use colok::observe::printable;

/// Printable text. A newline (LF or CRLF) stays a line break, and the text ends with one.
pub(super) fn lines(bytes: &[u8]) -> String {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut text = String::with_capacity(bytes.len() + 1);
    for line in body.split(|byte| *byte == b'\n') {
        text.push_str(&printable(line.strip_suffix(b"\r").unwrap_or(line)));
        text.push('\n');
    }
    text
}

/// How many bytes a line of a dump shows: what fits 80 columns.
const DUMP_BYTES: usize = 16;

/// A dump in the layout of `hexdump -C`: offset, bytes, characters.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (index, chunk) in bytes.chunks(DUMP_BYTES).enumerate() {
        let _ = write!(text, "{:08x} ", index * DUMP_BYTES);
        for at in 0..DUMP_BYTES {
            if at == DUMP_BYTES / 2 {
                text.push(' ');
            }
            let _ = match chunk.get(at) {
                Some(byte) => write!(text, " {byte:02x}"),
                None => write!(text, "   "),
            };
        }
        let characters = chunk.iter().map(|byte| match byte {
            0x20..=0x7e => char::from(*byte),
            _ => '.',
        });
        let _ = writeln!(text, "  |{}|", characters.collect::<String>());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_stay_and_control_characters_do_not() {
        assert_eq!(lines(b"a\r\nb\x1b[2J\n"), "a\nb\\u{1b}[2J\n");
        assert_eq!(lines(b"no newline"), "no newline\n");
        assert_eq!(lines(b"\n"), "\n");
    }

    #[test]
    fn dumps_look_like_hexdump() {
        assert_eq!(
            hex(b"hello\n"),
            "00000000  68 65 6c 6c 6f 0a                                 |hello.|\n"
        );
        assert_eq!(
            hex(b"0123456789abcdef\xff"),
            concat!(
                "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  ",
                "|0123456789abcdef|\n",
                "00000010  ff                                                |.|\n",
            )
        );
    }
}
