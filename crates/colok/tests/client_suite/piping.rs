//! Piped conversations over streams: whole, in both directions, and every way they can end.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::channel;
use std::thread::spawn;
use std::time::{Duration, Instant};

use colok::client::{EndReason, OnEof, PipeOptions, Shortfall, pipe};
use colok::clock::Clock;
use colok::net::url::Url;
use colok::observe::NoTap;
use rustix::io::Errno;

use crate::support::{
    bounded, converse, converse_with, echo, end_gently, noise, open, reset, run, tcp_server,
};

const USUAL: PipeOptions =
    PipeOptions { on_eof: OnEof::HalfClose, idle_timeout: None, deadline: None };

#[test]
fn hello_comes_back_and_nothing_else() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let (report, output) = converse(&url, b"hello".to_vec(), USUAL);
        assert_eq!(output, b"hello");
        assert_eq!(report.ended_by, EndReason::PeerClosed);
        assert_eq!((report.bytes_sent, report.bytes_received), (5, 5));
        assert!(report.input_ended);
        assert_eq!((report.unsent, report.unread, report.shortfall), (0, 0, None));
        assert_eq!(report.echoed.map(|echo| (echo.came_back, echo.sent)), Some((5, 5)));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_hundred_mebibytes_come_back_whole() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let input = noise(100 << 20);
        let (report, output) = converse(&url, input.clone(), USUAL);
        assert!(output == input, "{} of {} bytes came back", output.len(), input.len());
        assert_eq!(report.ended_by, EndReason::PeerClosed);
        assert_eq!(report.shortfall, None);
        assert_eq!(report.echoed.map(|echo| echo.came_back), Some(100 << 20));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn an_answer_after_the_half_close_is_received_whole() {
    bounded(|| {
        let (url, server) = tcp_server(|mut stream| {
            let mut question = String::new();
            stream.read_to_string(&mut question).expect("it ends");
            // Longer than every buffer on the way.
            stream.write_all(&noise(20 << 20)).expect("the client reads");
            assert_eq!(question, "question");
        });
        let (report, output) = converse(&url, b"question".to_vec(), USUAL);
        assert!(output == noise(20 << 20));
        assert_eq!(report.ended_by, EndReason::PeerClosed);
        // What came is no echo, so nothing is said about one.
        assert_eq!((report.echoed, report.shortfall), (None, None));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn an_echo_that_stops_early_says_how_far_it_got() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| {
            echo(&stream, 5);
            end_gently(&stream);
        });
        let (report, output) = converse(&url, b"quit\nmore".to_vec(), USUAL);
        assert_eq!(output, b"quit\n");
        assert_eq!(report.ended_by, EndReason::PeerClosed);
        assert_eq!(report.shortfall, Some(Shortfall::NotEchoed { came_back: 5, sent: 9 }));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_server_that_closes_in_the_middle_of_the_input_says_how_far_it_got() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| {
            echo(&stream, 1 << 20);
            end_gently(&stream);
        });
        let input = noise(64 << 20);
        let (report, output) = converse(&url, input.clone(), USUAL);
        assert!(output == input[..1 << 20]);
        let Some(Shortfall::NotSent { sent, left }) = report.shortfall else {
            panic!("{report:?}")
        };
        assert_eq!(report.ended_by, EndReason::PeerClosed);
        assert_eq!((sent, left), (report.bytes_sent, report.unsent + report.unread));
        assert!(left > 0 && sent >= 1 << 20 && sent + left <= input.len() as u64);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_reset_is_told_and_what_came_before_it_is_kept() {
    bounded(|| {
        let (told, wait) = channel();
        let (url, server) = tcp_server(move |mut stream| {
            stream.write_all(b"before").expect("the client reads");
            wait.recv().expect("the test goes on");
            reset(stream);
        });
        let (input, _open) = std::io::pipe().expect("there are descriptors");
        let (mut received, output) = std::io::pipe().expect("there are descriptors");
        let client = spawn(move || run(&url, &input, &output, USUAL));
        let mut text = [0; 6];
        received.read_exact(&mut text).expect("it was sent");
        assert_eq!(&text, b"before");
        told.send(()).expect("the server waits");
        let report = client.join().expect("it cannot panic");
        assert_eq!(report.ended_by, EndReason::Reset(Errno::CONNRESET));
        assert_eq!(report.bytes_received, 6);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_server_that_never_reads_stops_the_input() {
    bounded(|| {
        let (told, wait) = channel::<()>();
        let (url, server) = tcp_server(move |stream| {
            let _ = wait.recv();
            drop(stream);
        });
        let (input, mut writer) = std::io::pipe().expect("there are descriptors");
        // The kernels' buffers take some of it; the rest must stay where it is.
        let much = vec![b'x'; 256 << 20];
        let feeder = spawn(move || writer.write_all(&much).is_ok());
        let idle_timeout = Some(Duration::from_secs(1));
        let (report, output) = converse_with(&url, input, PipeOptions { idle_timeout, ..USUAL });
        assert_eq!(report.ended_by, EndReason::IdleTimeout);
        assert!(report.ended_by.ran_out_of_time());
        assert!(report.bytes_sent > 0 && report.unsent > 0 && report.unread > 0);
        assert!(!report.input_ended && output.is_empty());
        assert!(!feeder.join().expect("it cannot panic"), "the input was read to its end");
        drop(told);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_server_that_never_answers_meets_the_deadline() {
    bounded(|| {
        let (told, wait) = channel::<()>();
        let (url, server) = tcp_server(move |stream| {
            let _ = (&stream).read_to_end(&mut Vec::new());
            // Nothing is answered, and the connection stays open, until the client has gone.
            let _ = wait.recv();
        });
        let clock = Clock::start();
        let deadline = Some(clock.now() + Duration::from_millis(200));
        let (reader, writer) = std::io::pipe().expect("there are descriptors");
        drop(writer);
        let (_received, output) = std::io::pipe().expect("there are descriptors");
        let options = PipeOptions { deadline, ..USUAL };
        let report = pipe(open(&url), reader.as_fd(), output.as_fd(), &options, &clock, &NoTap)
            .expect("it can wait");
        assert_eq!(report.ended_by, EndReason::Deadline);
        assert!(Some(clock.now()) >= deadline);
        drop(told);
        server.join().expect("it cannot panic");
    });
}

/// Sends until the client's kernel refuses: it has gone.
fn end_when_gone(mut stream: &TcpStream) {
    while stream.write_all(&[b'?'; 4096]).is_ok() {}
}

#[test]
fn a_steady_stream_does_not_hold_up_the_deadline() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| end_when_gone(&stream));
        let clock = Clock::start();
        let deadline = Some(clock.now() + Duration::from_secs(1));
        let null = File::open("/dev/null").expect("it exists");
        let sink = File::options().write(true).open("/dev/null").expect("it exists");
        let options = PipeOptions { deadline, ..USUAL };
        let report = pipe(open(&url), null.as_fd(), sink.as_fd(), &options, &clock, &NoTap)
            .expect("it can wait");
        assert_eq!(report.ended_by, EndReason::Deadline);
        assert!(report.bytes_received > 0);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn wait_receives_without_a_half_close() {
    bounded(|| {
        let (url, server) = tcp_server(|mut stream| {
            let mut question = [0; 3];
            stream.read_exact(&mut question).expect("it was sent");
            stream.write_all(b"answer").expect("the client reads");
            // The end comes only after the wait.
            assert_eq!(stream.read(&mut question).expect("the client ends"), 0);
        });
        let span = Duration::from_secs(1);
        let started = Instant::now();
        let options = PipeOptions { on_eof: OnEof::Wait(span), ..USUAL };
        let (report, output) = converse(&url, b"abc".to_vec(), options);
        assert_eq!(output, b"answer");
        assert_eq!(report.ended_by, EndReason::WaitOver);
        assert!(started.elapsed() >= span);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn the_wait_does_not_run_while_the_output_is_full() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| end_when_gone(&stream));
        let (input, writer) = std::io::pipe().expect("there are descriptors");
        drop(writer);
        // Nobody reads this pipe, so what has come cannot be passed on, and more would come.
        let (_reader, output) = std::io::pipe().expect("there are descriptors");
        let on_eof = OnEof::Wait(Duration::from_millis(50));
        let idle_timeout = Some(Duration::from_millis(500));
        let options = PipeOptions { on_eof, idle_timeout, ..USUAL };
        let report = run(&url, &input, &output, options);
        assert_eq!(report.ended_by, EndReason::IdleTimeout);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn close_does_not_wait_for_answers_and_loses_no_input() {
    bounded(|| {
        let (url, server) = tcp_server(|mut stream| {
            // Unread by the client when it closes: a careless close would reset the connection.
            stream.write_all(b"greeting").expect("the client is there");
            let mut input = Vec::new();
            stream.read_to_end(&mut input).expect("no reset");
            assert!(input == noise(8 << 20));
        });
        let options = PipeOptions { on_eof: OnEof::Close, ..USUAL };
        let (report, _) = converse(&url, noise(8 << 20), options);
        assert_eq!(report.ended_by, EndReason::InputSent);
        assert_eq!(report.bytes_sent, 8 << 20);
        server.join().expect("it saw everything");
    });
}

#[test]
fn a_greeting_is_enough_when_nothing_was_sent() {
    bounded(|| {
        let (url, server) =
            tcp_server(|mut stream| stream.write_all(b"time").expect("the client reads"));
        let (input, _open) = std::io::pipe().expect("there are descriptors");
        let (report, output) = converse_with(&url, input, USUAL);
        assert_eq!(output, b"time");
        assert_eq!((report.ended_by, report.shortfall), (EndReason::PeerClosed, None));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn an_input_still_open_when_the_server_closes_is_told() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| {
            echo(&stream, 3);
            end_gently(&stream);
        });
        let (input, mut open) = std::io::pipe().expect("there are descriptors");
        open.write_all(b"abc").expect("a pipe has room");
        let (report, output) = converse_with(&url, input, USUAL);
        assert_eq!(output, b"abc");
        assert_eq!(report.shortfall, Some(Shortfall::InputOpen { sent: 3 }));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn an_output_that_is_gone_ends_it() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| end_when_gone(&stream));
        let (input, _open) = std::io::pipe().expect("there are descriptors");
        let (reader, output) = std::io::pipe().expect("there are descriptors");
        drop(reader);
        let report = run(&url, &input, &output, USUAL);
        assert_eq!(report.ended_by, EndReason::OutputFailed(Errno::PIPE));
        server.join().expect("it cannot panic");
    });
}

#[test]
fn a_slow_reader_stops_the_server_and_not_the_deadline() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| end_when_gone(&stream));
        let (input, _open) = std::io::pipe().expect("there are descriptors");
        // Nobody reads this pipe: it fills, and must not block the client for ever.
        let (_reader, output) = std::io::pipe().expect("there are descriptors");
        let idle_timeout = Some(Duration::from_millis(300));
        let report = run(&url, &input, &output, PipeOptions { idle_timeout, ..USUAL });
        assert_eq!(report.ended_by, EndReason::IdleTimeout);
        server.join().expect("it cannot panic");
    });
}

#[test]
fn files_and_sockets_are_input_and_output_too() {
    bounded(|| {
        let path = std::env::temp_dir().join(format!("colok-input-{}", std::process::id()));
        std::fs::write(&path, noise(3 << 20)).expect("there is a temporary folder");
        let input = File::open(&path).expect("it was written");
        let copy_path = path.with_extension("copy");
        let output = File::create(&copy_path).expect("there is a temporary folder");
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let clock = Clock::start();
        let report = pipe(open(&url), input.as_fd(), output.as_fd(), &USUAL, &clock, &NoTap);
        assert_eq!(report.expect("it can wait").shortfall, None);
        assert!(std::fs::read(&copy_path).expect("it is there") == noise(3 << 20));
        std::fs::remove_file(&path).expect("it is there");
        std::fs::remove_file(&copy_path).expect("it is there");
        server.join().expect("it cannot panic");

        let (ours, mut theirs) = UnixStream::pair().expect("there are descriptors");
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        theirs.write_all(b"through a socket").expect("it has room");
        theirs.shutdown(std::net::Shutdown::Write).expect("it is connected");
        let report = pipe(open(&url), ours.as_fd(), ours.as_fd(), &USUAL, &clock, &NoTap);
        assert_eq!(report.expect("it can wait").bytes_received, 16);
        drop(ours);
        let mut text = String::new();
        theirs.read_to_string(&mut text).expect("it is text");
        assert_eq!(text, "through a socket");
        server.join().expect("it cannot panic");
    });
}

#[test]
fn descriptors_that_were_lent_keep_their_flags() {
    bounded(|| {
        let (url, server) = tcp_server(|stream| echo(&stream, u64::MAX));
        let (input, writer) = std::io::pipe().expect("there are descriptors");
        drop(writer);
        let (_reader, output) = std::io::pipe().expect("there are descriptors");
        run(&url, &input, &output, USUAL);
        for descriptor in [input.as_fd(), output.as_fd()] {
            let flags = rustix::fs::fcntl_getfl(descriptor).expect("it is open");
            assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
        }
        server.join().expect("it cannot panic");
    });
}

#[test]
fn unix_streams_are_streams() {
    bounded(|| {
        let path = std::env::temp_dir().join(format!("colok-pipe-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("the path is free");
        let server = spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client comes");
            let mut reader = stream.try_clone().expect("there are descriptors");
            std::io::copy(&mut reader, &mut stream).expect("it echoes");
        });
        let url: Url = format!("unix:{}", path.display()).parse().expect("an address");
        let input = noise(5 << 20);
        let (report, output) = converse(&url, input.clone(), USUAL);
        assert!(output == input);
        assert_eq!((report.ended_by, report.shortfall), (EndReason::PeerClosed, None));
        server.join().expect("it cannot panic");
        std::fs::remove_file(&path).expect("it is there");
    });
}

#[test]
fn ways_to_end_as_text() {
    assert_eq!("half-close".parse(), Ok(OnEof::HalfClose));
    assert_eq!("close".parse(), Ok(OnEof::Close));
    assert_eq!("wait=5s".parse(), Ok(OnEof::Wait(Duration::from_secs(5))));
    for wrong in ["", "wait", "wait=", "wait=x", "Close"] {
        assert!(wrong.parse::<OnEof>().is_err(), "{wrong}");
    }
}
