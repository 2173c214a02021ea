// An echo server in Go, as its documentation teaches: a goroutine per connection that reads and
// writes back. TCP or UDP. It never looks at the bytes, and has no limits, no timeouts and no log.
//
// usage: echo tcp|udp ADDRESS
//
// Go sets TCP_NODELAY and SO_REUSEADDR by itself.
package main

import (
	"fmt"
	"net"
	"os"
)

// Of each connection: one message of the largest size that is measured.
const buffer = 16 * 1024

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: echo tcp|udp ADDRESS")
		os.Exit(2)
	}
	var err error
	if os.Args[1] == "udp" {
		err = datagrams(os.Args[2])
	} else {
		err = streams(os.Args[2])
	}
	fmt.Fprintln(os.Stderr, "echo:", err)
	os.Exit(1)
}

func streams(address string) error {
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go echo(connection)
	}
}

func echo(connection net.Conn) {
	defer connection.Close()
	bytes := make([]byte, buffer)
	for {
		count, err := connection.Read(bytes)
		if err != nil {
			return
		}
		if _, err := connection.Write(bytes[:count]); err != nil {
			return
		}
	}
}

func datagrams(address string) error {
	socket, err := net.ListenPacket("udp4", address)
	if err != nil {
		return err
	}
	bytes := make([]byte, 64*1024)
	for {
		count, from, err := socket.ReadFrom(bytes)
		if err != nil {
			return err
		}
		// A reply that cannot be sent is lost, as any datagram may be.
		_, _ = socket.WriteTo(bytes[:count], from)
	}
}
