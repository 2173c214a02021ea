//! `colok explain` as people see it; the facts themselves are tested in the library.

mod common;

use common::colok;
use serde_json::Value;

#[test]
fn an_address_of_the_paper() {
    let explained = colok(&["explain", "192.168.10.26"]);
    assert_eq!(explained.code, Some(0));
    assert_eq!(
        explained.text(),
        "192.168.10.26\n  \
         IPv4 address, in binary 11000000.10101000.00001010.00011010  [RFC 791 section 3.2]\n  \
         class C (first bits 110): network 192.168.10 (3 bytes), host 26  \
         [RFC 791 section 3.2]\n  \
         private network, not routed on the internet (in 192.168.0.0/16)  \
         [RFC 1918 section 3]\n"
    );
}

#[test]
fn the_same_in_indonesian() {
    let explained = colok(&["explain", "127.0.0.1", "25563", "--lang", "id"]).text();
    assert!(explained.contains("kelas A (bit pertama 0): network 127 (1 byte), host 0.0.1"));
    assert!(explained.contains("loopback: komputer ini sendiri (dalam 127.0.0.0/8)"));
    assert!(explained.contains("port 25563: terdaftar (1024 sampai 49151)"));
    assert!(explained.contains("layanan di port tcp 25563: files (colok)"));
}

#[test]
fn the_header_of_a_datagram_is_drawn() {
    let explained = colok(&["explain", "udp://localhost:12345"]).text();
    let from = explained.find("     0  ").expect("the diagram is there");
    assert_eq!(
        &explained[from..],
        "     0                          15 16                              31\n    \
         +-------------------------------+-------------------------------+\n    \
         |          source port          |   destination port = 12345    |\n    \
         +-------------------------------+-------------------------------+\n    \
         |            length             |           checksum            |\n    \
         +-------------------------------+-------------------------------+\n    \
         |              data, at most 65507 bytes over IPv4              |\n    \
         +---------------------------------------------------------------+\n"
    );
}

#[test]
fn json_is_a_list_with_a_source_for_every_fact() {
    let explained = colok(&["explain", "--json", "ff02::1", "80"]);
    let list: Value = serde_json::from_slice(&explained.out).expect("it is JSON");
    let list = list.as_array().expect("it is a list");
    assert_eq!(list.len(), 2);
    assert_eq!(list[0]["subject"], "ff02::1");
    for explanation in list {
        for fact in explanation["facts"].as_array().expect("it is a list") {
            assert!(fact["fact"].is_string() && fact["source"].is_string(), "{fact}");
        }
    }
    let purposes = list[0]["facts"].as_array().expect("it is a list");
    assert!(purposes.iter().any(|fact| fact["purpose"] == "multicast"));
}

#[test]
fn what_can_be_explained_is_explained_before_an_error() {
    let explained = colok(&["explain", "300.1.1.1", "80"]);
    assert_eq!(explained.code, Some(2));
    assert!(explained.text().starts_with("80\n"));
    assert!(explained.err.starts_with("colok: 300.1.1.1 is not an IPv4 address\n"));
}
