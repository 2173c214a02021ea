//! Buffers, queues and places at their bounds.

use std::net::TcpListener;

use io_uring::{opcode, squeue, types};
use rustix::event::{EventfdFlags, eventfd};

use super::*;
use crate::uring::buffers::Filling;
use crate::uring::operation::Operation;

/// The ring as the kernel makes it, and as one does that cannot fill buffers bit by bit.
fn both_kinds(size: Size) -> Vec<Uring> {
    let made = [Filling::Behind, Filling::Alone].map(|filling| Uring::with_buffers(size, filling));
    made.into_iter().filter_map(|made| made.map_err(|error| skip(&error)).ok()).collect()
}

#[test]
fn a_buffer_filled_to_its_last_byte_is_used_again() {
    for mut ring in both_kinds(Size { buffers: 1, buffer_bytes: 16, ..SIZE }) {
        let (ours, mut theirs) = pair();
        let stream = ring.add(ours);
        ring.receive(stream).expect("it is queued");
        let whole = pattern(16 * 9 + 5);
        let mut seen = Vec::new();
        for part in [1, 15, 16, 16, 3, 16 * 5 + 18] {
            let from = seen.len();
            theirs.write_all(&whole[from..from + part]).expect("the socket has room");
            until(&mut ring, |ring, event| {
                take(ring, event, &mut seen);
                (seen.len() == from + part).then_some(())
            });
        }
        assert_eq!(seen, whole);
        drop(theirs);
        assert!(until(&mut ring, |_, event| Some(matches!(event, Event::Ended(_)))));
    }
}

#[test]
fn ends_take_no_buffers() {
    for mut ring in both_kinds(Size { buffers: 2, buffer_bytes: 16, ..SIZE }) {
        for round in 0..200 {
            let (ours, mut theirs) = pair();
            let stream = ring.add(ours);
            ring.receive(stream).expect("it is queued");
            let says = pattern(round % 40);
            theirs.write_all(&says).expect("the socket has room");
            drop(theirs);
            let mut seen = Vec::new();
            until(&mut ring, |ring, event| match event {
                Event::Ended(_) => Some(()),
                event => {
                    take(ring, event, &mut seen);
                    None
                }
            });
            assert_eq!(seen, says);
            ring.close(stream).expect("it is queued");
            until(&mut ring, |_, event| matches!(event, Event::Closed(_)).then_some(()));
        }
    }
}

#[test]
fn parts_of_a_buffer_come_back_in_any_order() {
    for mut ring in both_kinds(Size { buffers: 4, buffer_bytes: 64, ..SIZE }) {
        let (ours, mut theirs) = pair();
        let stream = ring.add(ours);
        ring.receive(stream).expect("it is queued");
        let mut held: Vec<(Lease, Vec<u8>)> = Vec::new();
        let mut at = 0_u8;
        for round in 0..300_usize {
            let says: Vec<u8> =
                (0..=u8::try_from(round % 23).expect("small")).map(|i| i ^ at).collect();
            at = at.wrapping_add(37);
            theirs.write_all(&says).expect("the socket has room");
            let mut seen = Vec::new();
            while seen.len() < says.len() {
                ring.wait(Wait::for_one(Some(Duration::from_millis(1)))).expect("waiting works");
                while let Some(event) = ring.next_event() {
                    let Event::Received(_, lease) = event else { panic!("{event:?}") };
                    let bytes = ring.bytes(&lease).to_vec();
                    seen.extend_from_slice(&bytes);
                    held.push((lease, bytes));
                }
                // What is held must stay as it is while others come behind it.
                for (lease, bytes) in &held {
                    assert_eq!(ring.bytes(lease), bytes, "round {round}");
                }
                if held.len() > 3 || seen.len() < says.len() && !held.is_empty() {
                    let (lease, _) = held.swap_remove(round * 7 % held.len());
                    ring.give_back(lease);
                }
            }
            assert_eq!(seen, says);
        }
    }
}

#[test]
fn accepted_connections_are_not_lost_with_their_ring() {
    let size = Size { entries: 8, completions: 8, ..SIZE };
    let Some(mut ring) = ring(size) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("an option");
    let address = listener.local_addr().expect("bound");
    let accepting = ring.add(listener.into());
    ring.accept(accepting).expect("it is queued");
    ring.submit().expect("it is submitted");
    let mut clients: Vec<_> =
        (0..100).map(|_| TcpStream::connect(address).expect("it listens")).collect();
    let mut accepted = Vec::new();
    until(&mut ring, |_, event| {
        let Event::Accepted(_, socket) = event else { panic!("{event:?}") };
        accepted.push(socket);
        (accepted.len() == 30).then_some(())
    });
    // Those that nobody was told of are in the queue, or beyond it.
    drop(ring);
    drop(accepted);
    for client in &mut clients {
        client.set_read_timeout(Some(PATIENCE)).expect("an option");
        let ended = client.read(&mut [0]);
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(
            ended.as_ref().is_ok_and(|length| *length == 0) || ended.as_ref().is_err_and(reset)
        );
    }
}

#[test]
fn what_is_handed_over_in_mid_turn_brings_nothing_new() {
    let Some(mut ring) = ring(Size { entries: 8, ..SIZE }) else { return };
    let (ours, mut theirs) = pair();
    let listening = ring.add(ours);
    ring.receive(listening).expect("it is queued");
    let others: Vec<_> = (0..64).map(|_| pair()).collect();
    let (streams, _peers): (Vec<_>, Vec<_>) =
        others.into_iter().map(|(ours, theirs)| (ring.add(ours), theirs)).unzip();
    ring.wait(Wait::LOOK).expect("looking works");
    theirs.write_all(b"later").expect("the socket has room");
    for stream in &streams {
        ring.send(*stream, b"now".to_vec(), 0, Room::Take).expect("it is queued");
    }
    assert!(ring.next_event().is_none(), "what was handed over is for the next wait");
    assert!(ring.ring.completion().len() <= streams.len(), "sends alone");
    assert!(ring.has_unheard(), "there is something to hear");
    let mut seen = Vec::new();
    let mut sent = 0;
    until(&mut ring, |ring, event| {
        match event {
            Event::Sent(_, _, Ok(3)) => sent += 1,
            event => take(ring, event, &mut seen),
        }
        (sent == streams.len() && seen == b"later").then_some(())
    });
}

#[test]
fn whoever_has_unheard_things_says_so() {
    let Some(mut ring) = ring(Size { buffers: 128, ..SIZE }) else { return };
    let (streams, mut peers): (Vec<_>, Vec<_>) =
        (0..100).map(|_| pair()).map(|(ours, theirs)| (ring.add(ours), theirs)).unzip();
    for stream in &streams {
        ring.receive(*stream).expect("it is queued");
    }
    ring.wait(Wait::LOOK).expect("looking works");
    for peer in &mut peers {
        peer.write_all(b"here").expect("the socket has room");
    }
    let mut heard = 0;
    loop {
        ring.wait(Wait::LOOK).expect("looking works");
        let behind = ring.is_behind() || ring.has_unheard();
        while let Some(event) = ring.next_event() {
            take(&mut ring, event, &mut Vec::new());
            heard += 1;
        }
        if !behind {
            break;
        }
    }
    assert_eq!(heard, 100, "all that lay there is known once nothing is unheard");
}

#[test]
fn a_place_is_used_again_only_when_nothing_of_it_is_left() {
    let Some(mut ring) = ring(SIZE) else { return };
    for round in 0..300_u32 {
        let (ours, mut theirs) = pair();
        let stream = ring.add(ours);
        assert_eq!(stream.index(), 0, "the one place is free again");
        ring.receive(stream).expect("it is queued");
        if round % 2 == 0 {
            ring.poll(stream, Readiness::Read).expect("it is queued");
        }
        if round % 3 == 0 {
            ring.submit().expect("it is submitted");
        }
        // Each of these leaves a cancellation behind.
        ring.pause(stream).expect("it is queued");
        if round % 5 != 0 {
            ring.receive(stream).expect("it is queued");
        }
        if round % 7 == 0 {
            theirs.write_all(b"too late").expect("the socket has room");
        }
        ring.stop_polling(stream).expect("it is queued");
        ring.close(stream).expect("it is queued");
        until(&mut ring, |ring, event| match event {
            Event::Closed(closed) => {
                assert_eq!(closed, stream);
                Some(())
            }
            Event::Received(_, lease) => {
                ring.give_back(lease);
                None
            }
            Event::Ready(..) => None,
            other => panic!("round {round}: {other:?}"),
        });
        assert_eq!(ring.in_flight, 0, "round {round}: nothing is left");
    }
}

#[test]
fn a_socket_is_taken_out_when_its_poll_has_ended_either_way() {
    let Some(mut ring) = ring(SIZE) else { return };
    for stopped_late in [false, true] {
        let (ours, mut theirs) = pair();
        let stream = ring.add(ours);
        ring.poll(stream, Readiness::Read).expect("it is queued");
        ring.submit().expect("it is submitted");
        if stopped_late {
            // It has ended already, and nobody has been told.
            theirs.write_all(b"!").expect("the socket has room");
            ring.submit().expect("it is submitted");
        }
        ring.stop_polling(stream).expect("it is queued");
        ring.stop_polling(stream).expect("twice is once");
        let ready = until(&mut ring, |_, event| Some(event));
        assert!(matches!(ready, Event::Ready(_, Err(Errno::CANCELED))), "{ready:?}");
        assert!(!ring.in_flight(stream));
        drop(ring.remove(stream));
        assert!(theirs.write_all(b"?").is_err(), "the socket was closed");
    }
}

#[test]
fn a_ring_refuses_what_it_does_not_use() {
    let Some(mut ring) = ring(SIZE) else { return };
    let event = eventfd(0, EventfdFlags::CLOEXEC).expect("a descriptor is left");
    let stream = ring.add(event);
    let descriptor = types::Fd(ring.descriptor(stream));
    let mut byte = [0_u8; 8];
    let refused: [(&str, squeue::Entry); 9] = [
        ("nop", opcode::Nop::new().build()),
        ("read", opcode::Read::new(descriptor, byte.as_mut_ptr(), 8).build()),
        ("write", opcode::Write::new(descriptor, byte.as_ptr(), 8).build()),
        ("open", opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), c"/".as_ptr()).build()),
        ("close", opcode::Close::new(descriptor).build()),
        ("socket", opcode::Socket::new(libc::AF_INET, libc::SOCK_STREAM, 0).build()),
        ("splice", opcode::Splice::new(descriptor, -1, descriptor, -1, 1).build()),
        (
            "linked",
            opcode::Send::new(descriptor, byte.as_ptr(), 1).build().flags(squeue::Flags::IO_LINK),
        ),
        (
            "by a thread",
            opcode::Send::new(descriptor, byte.as_ptr(), 1).build().flags(squeue::Flags::ASYNC),
        ),
    ];
    for (what, entry) in refused {
        ring.push(Operation::Cancel.user_data(0, 0), entry).expect("it is queued");
        ring.ring.submit_and_wait(1).expect("it is submitted");
        let completion = ring.ring.completion().next().expect("it is refused at once");
        assert_eq!(completion.result(), -libc::EACCES, "{what}");
        ring.in_flight -= 1;
    }
    let registered = ring.ring.submitter().register_files(&[descriptor.0]);
    assert_eq!(registered.map_err(|error| error.raw_os_error()), Err(Some(libc::EACCES)));
}
