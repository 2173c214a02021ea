# Every text of colok in English. The ids are those of `crates/cli/src/messages/ids.rs`.

## The help.

root-about = serve, talk, send files and explain, over TCP, UDP and Unix sockets
root-usage = VERB [OPTION]...
root-more = More about a verb: colok VERB --help
heading-usage = Usage:
heading-quick-start = Quick start, in two terminals:
heading-verbs = Verbs:
heading-options = Options:
usage-option = OPTION
quick-start-serve = echo on 5001, count on 12345, files on 25563
quick-start-connect = type a line, see it come back
quick-start-send = store a file: whole and proven, or not at all
flag-lang = en or id (default: COLOK_LANG, then the locale)
flag-help = this help
flag-version = the version

## colok serve.

serve-about = Serve files, echo, count, discard, chargen: TCP, UDP, Unix.
serve-service = what, where (default: echo count files, loopback)
serve-model = auto, sequential, threads, processes or events
serve-idle-timeout = close when idle for so long (echo 5s, others 60s)
serve-message-gap = a pause this long ends a message (default 50ms)
serve-max-connections = connections at once (default 80 % of descriptors)
serve-max-per-ip = per address; 0: no limit (default 256, loopback 0)
serve-workers = worker threads or processes (default: cores)
serve-turn = sequential: a client's turn while others wait (30s)
serve-drain = when stopping, let clients finish this long (5s)
serve-quiet = print errors only
serve-verbose = a line for each message and reply
serve-log = add JSON lines, messages too, to FILE (-: stdout)
serve-calls = show each socket call: bind, listen, accept, read...
serve-footer =
    Example: colok serve files 'echo=tcp://[::]:7?quit=off&idle=30s'

## The file store of colok serve.

serve-files-about = Serve a store of files that are written once, for colok send and get.
serve-files-heading = File store (colok serve files --help tells more):
serve-root = keep files in DIR (default ./colok-store)
serve-read-only = nobody stores anything
serve-no-list = nobody lists names
serve-token-file = who stores must know the secret in FILE
serve-allow-anonymous-write = anyone stores, from anywhere
serve-min-durability = none (default), file, full; clients may ask more
serve-max-file-size = the largest file (default: no limit)
serve-max-store-size = all stored files together (default: no limit)
serve-keep-free = leave so much of the disk free (default 5%)
serve-max-uploads = uploads at once (default 256)
serve-max-uploads-per-client = of one address (default 64)
serve-keep-partial = keep a broken upload so long (default 24h)
serve-max-rate = bytes per second of a connection (default: all)
serve-files-footer =
    Without --token-file and --allow-anonymous-write only clients on this computer
    may store; everyone may read. SIZE is 4096, 64K, 1.5G; TIME is 30s, 10m, 24h.
    Example: colok serve 'files=tcp://[::]' --root /srv/files --token-file secret

## colok connect.

connect-about = Talk to a server: lines, exact bytes in a pipe, or a script.
connect-url = host:port, tcp://, udp://, unix:/path, unix:@name
connect-send = send TEXT (\n \r \t \xHH); may be repeated
connect-expect = then wait for PATTERN: * many bytes, ? one
connect-within = how long --expect waits (default 5s)
connect-on-eof = half-close (default), close or wait=5s
connect-datagram = UDP: each line or SIZE bytes is one datagram
connect-wait = UDP: end so long after the last reply (1s)
connect-connect-timeout = give up connecting after this (10s)
connect-idle-timeout = end when nothing comes or goes for so long
connect-deadline = end after this, whatever happens
connect-retry = keep trying for so long until a server is up
connect-source = send from this address[:port]
connect-hex = show replies as a hex dump
connect-crlf = at a terminal, end lines with CR LF
connect-reconnect = at a terminal, connect again unasked
connect-verbose = say why it ended, as the last line
connect-calls = show each socket call: connect, write, read...

## The verbs about files.

files-host = a host, host:port or URL (port 25563)
files-name = the name of a stored file
files-token-file = show the secret in FILE to the server
files-idle-timeout = give up on a silent server after this (60s)
files-json = print events as JSON, one object per line
files-quiet = print errors only
send-about = Store files on a server: each whole and proven, or not at all.
send-file = what to send; - is standard input
send-recursive = send folders: what is in DIR is stored as DIR/...
send-name = store the one FILE or folder under this name
send-prefix = store everything in this folder of the store
send-durability = how safe: none, file or full (default)
send-receipt = keep the receipts in FILE, as JSON
send-footer =
    Examples:
      colok send localhost some.iso
      tar c src | colok send 192.168.10.29 - --name src.tar
get-about = Get stored files: whole, verified, nothing overwritten.
get-output = a file, a folder, or - for standard output
get-range = only these bytes, from 0, the last one included
get-force = overwrite what is there
get-footer =
    Examples:
      colok get localhost some.iso
      colok get localhost log.txt --range 0-99 -o -
list-about = List the names of stored files, with size and time.
list-prefix = only names that start with this
list-json = print JSON, one object per line
list-quiet = print names only
list-footer =
    Example:
      colok list localhost docs/
stat-about = Tell size, time and BLAKE3 hash of stored files.
stat-reread = have the server read every byte again
stat-footer =
    Example:
      colok stat localhost some.iso
verify-about = Read stored bytes again: are they still what the hashes say?
verify-path = the folder of a store, or a receipt of colok send
verify-host = ask this server about a receipt, not its own
verify-quiet = print only what is wrong
verify-footer =
    Examples:
      colok verify ./colok-store
      colok verify receipt.json

## The other verbs.

explain-about = Tell what an address, a port or a URL means, with sources.
explain-address = an address, a port, a host or a URL
explain-json = print JSON
explain-footer =
    Examples:
      colok explain 192.168.10.26 5001 ff02::1 udp://localhost:12345
completions-about = Print command completions for a shell.
completions-shell = bash, zsh or fish
completions-footer =
    Example:
      source <(colok completions bash)
man-about = Print the man page of colok or of a verb.
man-verb = the verb; without one the page of colok itself
man-footer =
    Example:
      colok man serve | man -l -
help-about = Show the help of colok or of a verb.
help-verb = the verb

## The three parts of an error.

label-why = why:
label-try = try:
label-or = or:
meant-perhaps = perhaps { $name }

## Words that cannot be understood.

usage-unknown-option = there is no option { $option }
usage-unknown-verb = there is no verb { $verb }
usage-too-many = { $word } is one argument too many
usage-value-missing = { $option } needs a value
usage-no-value = { $option } takes no value, but got { $value }
usage-value = { $option }: { $value } is not a value for it
usage-conflict = { $option } cannot be used with { $other }
usage-missing = { $verb } needs { $name }
usage-utf8 = the arguments are not valid UTF-8
usage-no-effect = { $option } would have no effect here
only-expect = it says how long --expect waits, and there is none
only-stream = it is for input from a pipe or a file, over tcp or unix
only-datagrams = it is for input from a pipe or a file, over udp
only-inet = a Unix socket has no address to send from
only-shown = in a pipe every byte goes out as it came; it is for a terminal or a script
only-terminal = it is for typing at a terminal
only-receipt = a store is checked on this computer; HOST is for a receipt
only-files = it is for the service files, which is not among what is to be served
not-script = a script waits as long as --within and --deadline say
output-is-the-file = standard output is for the bytes of the file
output-is-no-file = there is nothing to overwrite
usage-choices = it can be: { $choices }
value-time = a length of time is written as 5s, 100ms, 2.5s, 3m or 1h
value-time-positive = it is a length of time above zero, such as 5s or 100ms
value-number = it is a whole number from 0 on
value-number-positive = it is a whole number from 1 on
value-size = it is a number of bytes from 1 on, such as 4096, 64K, 1.5M or 10G (K is 1024)
value-percent = it is a percentage from 0 to 99, such as 5%
value-range = it is FIRST-LAST or FIRST-, counted from 0: 0-99 is the first hundred bytes
value-log = it is json:FILE, or json:- for standard output
value-on-eof = it is half-close, close or wait=TIME, such as wait=5s
value-datagram = it is line, or a number of bytes from 1 to 65507
value-source = it is an address with or without a port: 127.0.0.1, 127.0.0.1:4000, [::1]:4000, fe80::1%eth0
value-pattern-empty = an empty pattern would match at once
value-escape = the escapes are \n \r \t \0 \\ \* \? \xHH
expected-on-off = it is on or off
expected-language = it is id or en
expected-unit = it is chars or bytes
expected-mode = it is three octal digits, such as 600 or 666
expected-group = it is a multicast address, such as 239.1.2.3 or ff02::1%eth0

## Addresses and services.

url-forms = { $forms }
url-empty = the address is empty
url-too-long = the address is too long
url-scheme = there is no scheme { $scheme }
url-scheme-why = the schemes are tcp, udp and unix
url-port = { $port } is not a port
url-port-why = a port is a number from 0 to 65535
url-port-missing = { $address } names no port
url-host = { $host } is not a host name or an address
url-brackets-why = an IPv6 address with a port needs brackets
url-path = { $rest } stands behind the port
url-path-why = a tcp or udp address has no path
url-unix-name = { $name } cannot name a Unix socket
url-unix-name-why = a name has 1 to { $longest } bytes, none of them NUL
url-options-here = the option { $option } belongs to a server's address, not to a client's
service-unknown = there is no service { $name }
services-are = the services are { $services }
service-transport = { $service } is not served over { $transport }
service-transport-why = a forged datagram would make it flood somebody else
service-option-unknown = { $service } has no option { $option } here

files-over-udp-why = files need a connection, and datagrams get lost

## Names of stored files.

name-wrong = { $place }: { $name } cannot be the name of a stored file
name-empty = it is empty
name-empty-component = it begins or ends with /, or has two in a row
name-dots = a part of it is . or ..
name-control = it holds a control character
name-too-long = it has more than { $limit } bytes
name-component-too-long = a part of it has more than { $limit } bytes
name-too-deep = it has more than { $limit } parts
name-reserved = names below { $reserved } are the store's own
name-encoding = it is not valid UTF-8

## Files that do not go where they should.

token-wrong = { $file } holds no secret
token-wrong-why = it must be one line of 1 to 1024 bytes
store-open-why = the folder of the file store cannot be used
files-interrupted = interrupted
files-go-on = the same command again; it goes on where it was
files-again = the same command again
files-lost-why = the connection broke
files-silent = { $address }: no answer for { $time }
files-silent-why = the server or the way to it hangs
files-not-a-store = { $address } is not a file store
file-changed = { $path } changed while it was sent
file-changed-why = what would be stored is neither the old nor the new file; nothing was
file-changed-next = again, when nobody writes to it
file-changed-there = { $name } changed at the server
file-damaged = { $name } came damaged
file-damaged-why = its BLAKE3 hash is { $computed }, not { $expected }
file-wrong-receipt = { $name }: the server vouches for something else than was sent
file-less-safe = { $name }: stored, but only with durability { $reached }
file-less-safe-why = durability { $asked } was asked for
target-exists = { $path } exists
target-exists-why = nothing is overwritten unasked
plan-folder = { $path } is a folder
plan-not-a-file = { $path } is neither a file nor a folder
plan-no-size = { $path } does not tell its true size
plan-no-size-why = what can be read is not as long as the system says, as in files of the kernel
plan-same-name = two files would be stored as { $name }
plan-same-name-next = send them one by one, each with its --name or --prefix
plan-same-target = two stored files would become { $path }
plan-same-target-next = get them one by one, each with its -o
plan-many-into-one = several files cannot all become { $path }
plan-input-needs-name = standard input needs a --name
plan-input-twice = standard input can be sent once only
plan-one-name-for-many = --name is for one file or folder
plan-one-range-for-many = --range is for one file
name-taken-why = the store has other content under this name ({ $size } B, BLAKE3 { $hash }); nothing changed
name-taken-next = another name: --name { $name }
refused-token-why = who stores there must show a secret
refused-list-why = the server lists no names (--no-list)
refused-write-why = the server lets nobody store from here; nothing changed
refused-write-next = at the server: --token-file FILE, or --allow-anonymous-write
refused-not-a-file-why = a folder has this name, or a file has the name of one of its folders
refused-other-name = another name: --name NAME
refused-hash-why = the bytes changed on the way; nothing was stored
refused-too-large-why = the server takes at most { $limit }
refused-range-why = the file has { $size } bytes
refused-uploads-why = as many uploads as it permits are open there
refused-not-now-why = the server serves nobody new at the moment
refused-space-why = the store or its disk is full; nothing was stored
refused-later = the same command in a while

## Sockets that fail.

nothing-listens = nothing is listening there
start-unix = { $command }
start-or-check-port = start the server first, or check the port ({ $port })
start-there = on { $host }: { $command }
resolve-why = no address is known for the name { $host }
resolve-next = check the spelling, or ask the resolver: getent hosts { $host }
connect-timeout-what = connect { $address }: no answer within { $time }
connect-timeout-why = the computer is off, or a firewall drops the packets
connect-timeout-next = check the address, or give it more time: --connect-timeout 30s
held-by = { $name } (pid { $process }) has this address
held-by-somebody = another process has this address
stop-holder = { $command } (stops it)
file-in-the-way = a file that is not a socket of colok is there; it was left alone
remove-file = { $command } (if nobody needs the file)
find-holder = { $command } (shows which process)
privileged-port-why = a port below 1024 needs a privilege
privileged-port-next = run it with sudo, or: sudo setcap cap_net_bind_service=+ep "$(command -v colok)"
permission-why = the system does not permit it
unreachable-why = no route leads there
unreachable-next = check the network (ip route), or another address
not-ours-why = this computer does not have that address
not-ours-next = ip address (shows what it has), or [::] for all of them
no-address-for-it-why = this computer has no address from which to reach it
show-addresses = ip address (shows the addresses of this computer)
zone-missing-why = a link-local address needs its network interface
zone-missing-next = { $address } (ip link shows the interfaces)
source-family-why = the source and the target are not the same kind of address
source-family-next-ipv4 = an IPv4 source, such as --source 127.0.0.1
source-family-next-ipv6 = an IPv6 source, such as --source ::1
family-why = this computer does not know that kind of address
family-next = the same with an IPv4 address, such as 127.0.0.1
datagram-too-long = the input does not fit into one datagram
datagram-too-long-why = a datagram carries at most { $limit } bytes
reset-why = the other side broke the connection off
descriptors-why = no descriptor is left
descriptors-next = ulimit -n 65536
unix-missing-why = there is no such socket file
no-folder-why = the folder for the socket file does not exist

## The table of what is served.

table-title = colok serves (model { $model }):
table-service = service
table-address = address
table-command = in another terminal
table-store = files are kept in { $root }; { $who }
table-store-loopback = clients on this computer may store
table-store-token = clients that know the secret may store
table-store-anyone = anyone may store
table-store-nobody = nobody may store
table-stop = Ctrl-C stops.

## The log.

log-accepted = connected { $remote } -> { $local }
log-message = message of { $bytes } B: { $text }
log-replied = sent { $bytes } B
log-closed = closed after { $duration }: { $reason } ({ $received } B in, { $sent } B out)
log-refused = refused { $remote } -> { $local }: { $reason }
log-file-resumed = going on with { $name } from byte { $offset }
log-file-have-it = have it: { $name }
log-file-name-taken = name taken: { $name }
log-file-not-stored = not stored: { $name }: { $reason }
log-file-opened = sending { $bytes } B of { $name }
log-file-damaged = damaged: the bytes of { $name } are not those that were stored
log-paused = accepting pauses on { $address }: { $reason }
log-resumed = accepting again on { $address }
log-worker-lost = worker { $worker } (pid { $process }) died: { $status }; { $connections ->
        [one] 1 connection is lost
       *[other] { $connections } connections are lost
    }
log-stopping = { $connections ->
        [0] stopping
        [one] stopping, waiting up to { $time } for 1 connection (Ctrl-C again: at once)
       *[other] stopping, waiting up to { $time } for { $connections } connections (Ctrl-C again: at once)
    }
log-dropped = { $records ->
        [one] 1 log line was lost
       *[other] { $records } log lines were lost
    }: they came faster than they could be written
notice-address-skipped = not served: { $subject }
notice-stale-socket-removed = removed the socket file { $subject }: nobody listened on it
notice-fell-back-to-threads = events cannot run here, threads are used: { $subject }
notice-worker-not-started = a worker process could not be started and is tried again: { $subject }
totals = stopped: { $connections ->
        [one] 1 connection
       *[other] { $connections } connections
    }, { $datagrams ->
        [one] 1 datagram
       *[other] { $datagrams } datagrams
    }, { $received } B in, { $sent } B out, { $refused } refused
totals-workers = { $workers ->
        [one] 1 worker died
       *[other] { $workers } workers died
    }
totals-dropped = { $records ->
        [one] 1 log line lost
       *[other] { $records } log lines lost
    }

## Files on their way.

phase-hashing = hashing
phase-checking = checking
phase-sending = sending
phase-waiting = waiting for the disk
phase-receiving = receiving
progress-files = { $done } of { $files } files
progress-of = { $done } of { $total }
progress-left = { $time } left
files-retrying = { $error }; try { $next } of { $most } in { $pause }
send-stored = { $name }: stored, { $size } B, durability { $durability }, BLAKE3 { $hash }
send-have-it = { $name }: have it, { $size } B, durability { $durability }, BLAKE3 { $hash }
send-not-asked-why = nothing was sent; the server was not asked
send-receipt-is-source = { $path } is to be sent; its receipt would replace it
send-nothing = nothing to send
send-skipped = skipped { $path }: { $why }
send-summary = { $files } files: { $stored } stored, { $already } there before, { $failed } failed; { $bytes } in { $time }
skip-link = a link
skip-special = no regular file
get-got = { $name }: got { $size } B as { $path }, BLAKE3 { $hash }
get-summary = { $files } files: { $got } got, { $failed } failed; { $bytes } in { $time }
list-summary = { $files ->
        [one] 1 file
       *[other] { $files } files
    }, { $bytes }
stat-entry =
    { $name }
    {"  "}size      { $size }
    {"  "}modified  { $modified }
    {"  "}BLAKE3    { $hash }
verify-whole = { $name }: whole, { $size } B, BLAKE3 { $hash }
verify-unknown = { $name }: unknown: no hash was kept; it is { $hash } now
verify-damaged = { $name }: damaged: BLAKE3 { $hash }, should be { $expected }
verify-missing = { $name }: missing: BLAKE3 { $expected } was stored
verify-unreadable = { $name }: could not be read: { $reason }
verify-summary = { $whole } whole, { $unknown } not known, { $damaged } damaged, { $missing } missing; { $bytes } read
verify-not-a-receipt = { $path } holds no receipt
verify-not-a-store = { $path } is not a file store
verify-not-a-store-why = there is no { $reserved } in it, where hashes are kept

## How a conversation ended.

end-line = ended: { $reason }; { $received } B in, { $sent } B out, { $unsent } B unsent
end-peer-closed = the server closed the connection (FIN)
end-reset = the connection broke: { $reason }
end-input-sent = all input was sent
end-wait-over = the wait for an answer was over
end-idle = nothing came or went for too long
end-deadline = the time was over
end-output-failed = standard output failed: { $reason }
end-input-failed = standard input failed: { $reason }
end-closed-by-us = we closed the connection
end-time-why = the limit was { $time }
short-not-sent = { $sent } B were sent; { $left } B of the input were not
short-input-open = { $sent } B were sent; the input had not ended
short-not-echoed = { $back } of { $sent } B came back
no-reply-what = { $address }: no reply within { $time }
no-reply-why = nothing answers there, or the datagram was lost
no-reply-next = try again and wait longer: --wait 5s
nothing-sent-what = nothing was sent
nothing-sent-why = the input was empty
nothing-sent-next = without --datagram an empty input is one empty datagram
script-not-met = step { $step }: expected { $expected }, got { $got }
script-got-nothing = nothing
script-not-sent = step { $step }: { $sent } of { $length } B were sent
terminal-greeting = connected { $local } -> { $remote }; Ctrl-D ends
terminal-closed = -- { $reason } ({ $received } B in, { $sent } B out)
terminal-how-to-reconnect = Enter connects again, Ctrl-D ends
terminal-reconnecting = connecting again

## colok explain.

explain-tcp = tcp: a stream of bytes, in order, over a connection
explain-udp = udp: single datagrams, for request and response, multicast and broadcast
explain-unix = unix: a stream between processes of one computer
explain-host-name = host name: { $host }, an address has to be looked up for it
explain-localhost = localhost: this computer, 127.0.0.1 and ::1
explain-every-address = *: every address of this computer, to listen on
explain-ipv4 = IPv4 address, in binary { $binary }
explain-ipv6 = IPv6 address, in full { $full }
explain-class = class { $class } (first bits { $bits }): network { $network } ({ $bytes ->
        [one] 1 byte
       *[other] { $bytes } bytes
    }), host { $host }
explain-class-d = class D (first bits { $bits }): multicast, no network and host part
explain-class-e = class E (first bits { $bits }): reserved for experiments
explain-purpose = { $purpose } (in { $block })
explain-scope = multicast scope: { $scope }
explain-embedded = carries the IPv4 address { $address }
explain-zone = on the network interface { $zone }
explain-port-well-known = port { $port }: well-known ({ $first } to { $last }); listening needs a privilege
explain-port-registered = port { $port }: registered ({ $first } to { $last }); any program may listen
explain-port-dynamic = port { $port }: dynamic ({ $first } to { $last }); given to clients, never assigned
explain-service = service on { $transport } port { $port }: { $name }
explain-udp-header = UDP header: { $bytes } bytes
explain-unix-path = socket file { $path }; its permissions say who may connect
explain-unix-abstract = abstract name { $name }: no file, no permissions, Linux only
explain-ipv4-wrong = { $text } is not an IPv4 address
explain-ipv4-wrong-why = an IPv4 address is four numbers from 0 to 255
header-source = source port
header-destination = destination port
header-length = length
header-checksum = checksum
header-data = data, at most { $bytes } bytes over IPv4
purpose-unspecified = unspecified: every address of this computer when listening
purpose-this-network = this network, only as a source
purpose-loopback = loopback: this computer itself
purpose-private = private network, not routed on the internet
purpose-shared = shared between a provider and its customers (carrier-grade NAT)
purpose-link-local = link-local: this link only, no router passes it on
purpose-broadcast = broadcast: every computer on this link
purpose-multicast = multicast: a group of computers
purpose-documentation = documentation: for examples only
purpose-benchmarking = measurements of network devices
purpose-protocol-assignments = assignments of protocols
purpose-reserved = reserved
purpose-global = global: the public internet
purpose-unique-local = unique local: private networks of IPv6
purpose-site-local = site-local: deprecated, unique local took its place
purpose-mapped = an IPv4 address as IPv6 sockets show it
purpose-translated = an IPv4 address behind a translator (NAT64)
purpose-tunnelled = an IPv6 network inside IPv4 (6to4)
purpose-discard-only = packets to be thrown away
scope-interface = this computer only
scope-link = this link
scope-realm = this realm, larger than the link
scope-admin = as an administrator sets it, the smallest
scope-site = this site
scope-organization = this organization
scope-administrative = as an administrator sets it
scope-source-specific = one sender that the receiver chooses
scope-global = the whole internet
scope-unassigned = not assigned
