//! What comes over netlink may be cut or wrong: nothing is read beyond its end, and nothing panics.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::message::{Attributes, Message, replies};
use super::*;
use crate::scenario::world::link::{Link, read_route};
use crate::scenario::world::{link, nftables, rate};

/// A message as the kernel would send it: what is written can be read.
fn sample() -> Vec<u8> {
    Message::new(16, 0, &[0; 16])
        .with_text(3, "eth0")
        .with_u32(4, 1500)
        .with_nest(18, |info| info.with_text(1, "veth").with_nest(2, |data| data.with(1, &[7])))
        .finish(0, 9)
}

#[test]
fn what_is_written_can_be_read() {
    let bytes = sample();
    assert_eq!(bytes.len() % 4, 0);
    let two = [bytes.clone(), bytes.clone()].concat();
    assert_eq!(replies(&two).count(), 2);
    let reply = replies(&bytes).next().expect("there is one");
    assert_eq!((reply.kind, reply.sequence, reply.error()), (16, 9, None));
    let attributes = Attributes::after(reply.body, 16);
    assert_eq!(attributes.find(3).map(text).as_deref(), Some("eth0"));
    assert_eq!(attributes.find(4).and_then(number_u32), Some(1500));
    assert_eq!(attributes.within(18).within(2).find(1), Some(&[7][..]));
    assert_eq!(attributes.find(5), None);
    assert_eq!(attributes.within(5).count(), 0);
    let link = Link::read(reply.body);
    assert_eq!((link.name.as_str(), link.mtu, link.up), ("eth0", 1500, false));
}

#[test]
fn a_message_that_is_cut_ends_the_reading() {
    let bytes = sample();
    for length in 0..bytes.len() {
        assert_eq!(replies(&bytes[..length]).count(), 0, "cut at {length}");
        // The body alone, cut: attributes before the cut are found, those after it are not.
        let body = bytes[..length].get(16..).unwrap_or_default();
        let found = Attributes::after(body, 16).count();
        assert!(found <= 3, "{found} at {length}");
    }
}

#[test]
fn wrong_lengths_end_the_reading() {
    for length in [0_u32, 1, 15, u32::MAX] {
        let mut bytes = sample();
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        assert_eq!(replies(&bytes).count(), 0, "length {length}");
    }
    for length in [0_u16, 1, 3, u16::MAX] {
        let attribute = [&length.to_ne_bytes()[..], &[3, 0, 1, 2, 3, 4]].concat();
        assert_eq!(Attributes::new(&attribute).count(), 0, "length {length}");
    }
    let odd = [&5_u16.to_ne_bytes()[..], &3_u16.to_ne_bytes(), &[1]].concat();
    assert_eq!(Attributes::new(&odd).collect::<Vec<_>>(), [(3, &[1][..])], "no padding at the end");
}

#[test]
fn errors_have_the_words_of_the_kernel() {
    let header = [0_u8; 16];
    let number = (-17_i32).to_ne_bytes();
    let words = b"there is one\0\0\0\0";
    let attribute = [&17_u16.to_ne_bytes()[..], &1_u16.to_ne_bytes(), words].concat();
    let fixed = [&number[..], &header, &attribute].concat();
    let bytes = Message::new(2, 0, &fixed).finish(0, 1);
    let reply = replies(&bytes).next().expect("there is one");
    let error = reply.error().expect("it is an error").expect_err("it is one");
    assert_eq!((error.errno, error.text.as_str()), (Errno::EXIST, "there is one"));
    assert!(error.to_string().ends_with(": there is one"), "{error}");
    // No kernel sends these; they are errors all the same.
    for number in [i32::MIN, 1, i32::MAX, -1_000_000] {
        let bytes = Message::new(2, 0, &[&number.to_ne_bytes()[..], &header].concat()).finish(0, 1);
        let reply = replies(&bytes).next().expect("there is one");
        assert!(reply.error().is_some_and(|result| result.is_err()), "{number}");
    }
}

#[test]
fn the_kernel_answers_and_refuses() {
    let mut netlink = Netlink::route().expect("there is netlink");
    let loopback = Link::named(&mut netlink, "lo").expect("there is loopback");
    assert_eq!(loopback.name, "lo");
    let again = Link::numbered(&mut netlink, 1).expect("it is the first one");
    assert_eq!(again.name, "lo");
    let nobody = Link::named(&mut netlink, "no-such-link").expect_err("there is none");
    assert_eq!(nobody.errno, Errno::NODEV);
    let to = Ipv4Addr::LOCALHOST.into();
    let (index, source, _) = link::route_to(&mut netlink, to).expect("there is a way");
    assert_eq!((index, source), (1, Some(to)));
    // After an error the socket still answers the next question.
    Link::named(&mut netlink, "no-such-link").expect_err("there is none");
    Link::named(&mut netlink, "lo").expect("there is loopback");
    assert_eq!(rate::statistics(&mut netlink).expect("queues are told"), None);
}

proptest! {
    #[test]
    fn nothing_that_comes_makes_a_reader_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        flips in prop::collection::vec((0..100_usize, any::<u8>()), 0..4),
    ) {
        let mut damaged = sample();
        for (at, byte) in flips {
            let at = at % damaged.len();
            damaged[at] = byte;
        }
        for bytes in [bytes, damaged] {
            for reply in replies(&bytes) {
                prop_assert!(reply.body.len() < bytes.len());
                let _ = reply.error();
                let _ = Link::read(reply.body);
            }
            let _ = Link::read(&bytes);
            let _ = read_route(&bytes);
            let _ = rate::read(&bytes);
            let _ = nftables::read_counter(&bytes);
            prop_assert!(Attributes::new(&bytes).count() <= bytes.len() / 4);
        }
    }
}
