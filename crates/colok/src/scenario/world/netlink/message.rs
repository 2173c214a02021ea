//! Netlink messages as bytes: a header, a body, attributes that may hold attributes.
//!
//! All begin at multiples of four. Reading never fails: it ends where what is left is not whole.

/// The header, `struct nlmsghdr`: length, kind, flags, sequence, port.
const HEADER_BYTES: usize = 16;
/// `NLA_F_NESTED` (linux/netlink.h).
const NESTED: u16 = 0x8000;
/// What of an attribute's kind is not flags.
const KIND_MASK: u16 = 0x3fff;

/// A request that is being written.
#[derive(Clone, Debug)]
pub(in super::super) struct Message {
    bytes: Vec<u8>,
    flags: u16,
    bracket: bool,
}

impl Message {
    /// Of a kind, with the flags that are its own (`NLM_F_CREATE`...), and the fixed part of its
    /// body.
    pub(in super::super) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(fixed);
        pad(&mut bytes);
        Self { bytes, flags, bracket: false }
    }

    /// The begin or the end of a batch, which is not acknowledged.
    pub(in super::super) fn bracket(kind: u16, fixed: &[u8]) -> Self {
        Self { bracket: true, ..Self::new(kind, 0, fixed) }
    }

    /// With one more attribute.
    pub(in super::super) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len() + 4).expect("no attribute of ours is large");
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        pad(&mut self.bytes);
        self
    }

    /// With a number in the order of this machine.
    pub(in super::super) fn with_u32(self, kind: u16, value: u32) -> Self {
        self.with(kind, &value.to_ne_bytes())
    }

    /// With a text, ended by a zero.
    pub(in super::super) fn with_text(self, kind: u16, value: &str) -> Self {
        self.with(kind, &[value.as_bytes(), &[0]].concat())
    }

    /// With an attribute that holds what `inner` adds.
    pub(in super::super) fn with_nest(
        mut self,
        kind: u16,
        inner: impl FnOnce(Self) -> Self,
    ) -> Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        let mut message = inner(self);
        let length = u16::try_from(message.bytes.len() - start).expect("ours are small");
        message.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        message.bytes[start + 2..start + 4].copy_from_slice(&(kind | NESTED).to_ne_bytes());
        message
    }

    /// With bytes that are no attribute: a fixed part within a nest.
    pub(in super::super) fn with_fixed(mut self, fixed: &[u8]) -> Self {
        self.bytes.extend_from_slice(fixed);
        pad(&mut self.bytes);
        self
    }

    pub(super) fn is_bracket(&self) -> bool {
        self.bracket
    }

    /// The bytes to send.
    pub(super) fn finish(mut self, flags: u16, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).expect("ours are small");
        self.bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[6..8].copy_from_slice(&(self.flags | flags).to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// A message that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply<'a> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    pub(super) body: &'a [u8],
}

/// The messages of a datagram, up to the first that is not whole.
pub(super) fn replies(datagram: &[u8]) -> impl Iterator<Item = Reply<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let length = number_u32(rest)? as usize;
        let whole = rest.get(..length).filter(|whole| whole.len() >= HEADER_BYTES)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Reply {
            kind: number_u16(&whole[4..])?,
            sequence: number_u32(&whole[8..])?,
            body: &whole[HEADER_BYTES..],
        })
    })
}

/// The attributes in a stretch of bytes, up to the first that is not whole.
#[derive(Clone, Debug)]
pub(in super::super) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Those in `bytes`.
    pub(in super::super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Those in the body of a message, after a fixed part of so many bytes.
    pub(in super::super) fn after(body: &'a [u8], fixed_bytes: usize) -> Self {
        Self::new(body.get(fixed_bytes..).unwrap_or_default())
    }

    /// The value of the first of this kind.
    pub(in super::super) fn find(&self, kind: u16) -> Option<&'a [u8]> {
        self.clone().find_map(|(found, value)| (found == kind).then_some(value))
    }

    /// The attributes within the first of this kind; none if there is none.
    pub(in super::super) fn within(&self, kind: u16) -> Self {
        Self::new(self.find(kind).unwrap_or_default())
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(number_u16(self.rest)?);
        let kind = number_u16(self.rest.get(2..)?)? & KIND_MASK;
        let value = self.rest.get(4..length)?;
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// The first two bytes as a number in the order of this machine.
fn number_u16(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().copied().map(u16::from_ne_bytes)
}

/// The first four bytes as a number in the order of this machine.
pub(in super::super) fn number_u32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().copied().map(u32::from_ne_bytes)
}

/// The first eight bytes as a number in the order of this machine.
pub(in super::super) fn number_u64(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().copied().map(u64::from_ne_bytes)
}

/// A text without its zero.
pub(in super::super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
