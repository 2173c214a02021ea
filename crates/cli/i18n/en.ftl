# Every text of colok in English. The ids are those of `crates/cli/src/messages/ids.rs`.

## The help.

root-about = serve, talk, send, measure and explain, over TCP, UDP and Unix sockets
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
serve-model = auto, sequential, threads, processes, events or uring
serve-idle-timeout = close when idle for so long (echo 5s, others 60s)
serve-message-gap = a pause this long ends a message (default 50ms)
serve-max-connections = connections at once (default 80 % of descriptors)
serve-max-per-ip = per address; 0: no limit (default 256, loopback 0)
serve-workers = worker threads or processes (default: cores)
serve-busy-poll = uring: look for work so long before sleeping (0)
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

## colok load.

load-about = Measure a service: how fast, how steady, every reply checked.
load-target = [SERVICE=]URL: echo (default), count, files...
load-connections = connections at once (default 64)
load-depth = messages on their way on each (default 1)
load-rate = open loop: N messages a second (150k, 1.5M)
load-size = message size: 64, 64-4K or 64:9,16K:1 (64)
load-for = measure so long (default 10s)
load-messages = end after so many messages instead
load-until-ci = repeat until throughput is known so well (2%)
load-server-pid = tell what this process of the server uses
load-html = write a page with curves to FILE
load-json = print one JSON object, however it ends
load-compare = put two JSON reports side by side
load-quiet = show the report only, no progress
load-footer = Example: colok load localhost:5001 --rate 20k --for 5s
load-more-about = More about colok load: other services, connections, time, this side.
load-more-heading = More (colok load more --help tells):
load-active = so many connections send, others stay open
load-arrivals = --rate: poisson (default) or even gaps
load-send = any service: send TEXT (\n \r \t \xHH)
load-expect = and PATTERN is the reply: * many bytes, ? one
load-messages-per-connection = then connect anew (1: once per message)
load-ramp-up = open connections over so long (default 0)
load-warm-up = not measured at first (a tenth, at most 2s)
load-runs-max = --until-ci: give up after so many runs (20)
load-reply-timeout = a reply that takes longer is lost (5s)
load-connect-timeout = a connection that takes longer failed (5s)
load-threads = threads of each process (default: cores)
load-pin = run on these cores: 1, 0-3 or 0,2
load-processes = processes (default: as descriptors need)
load-io = auto (default), epoll or uring
load-seed = the same arrivals and sizes again
load-schema = print the JSON schema of the report
load-more-footer =
    SERVICE is echo, count, discard, chargen or files. More: docs/load.md
    Example: colok load localhost:6379 --send 'PING\r\n' --expect '+PONG\r\n'

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
usage-values-missing = { $option } needs { $count } values
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
only-uring = only the model uring polls, and the model here is { $model }
not-script = a script waits as long as --within and --deadline say
output-is-the-file = standard output is for the bytes of the file
output-is-no-file = there is nothing to overwrite
usage-choices = it can be: { $choices }
value-time = a length of time is written as 5s, 100ms, 2.5s, 3m or 1h
value-time-positive = it is a length of time above zero, such as 5s or 100ms
value-busy-poll = it is a length of time above zero and at most 10ms, such as 50us
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
expected-congestion = it is the name of a congestion control, such as reno, cubic or bbr

## Words of colok load.

only-rate = it says how the messages of --rate are spread, and there is no --rate
only-until = it bounds the runs of --until-ci, and there is no --until-ci
only-streams = uring is for tcp and unix; over udp it is auto or epoll
load-not-with = it means nothing with { $service }
load-one-service = --send and --expect are a service of their own
load-send-empty = an empty message cannot be sent
load-send-expect = --send and --expect go together: a message and its reply
value-at-most = it is a whole number from 1 to { $most }
value-rate = it is a number of messages per second above zero, such as 500, 150k or 1.5M
value-sizes = it is a size (64), a range (64-4K) or sizes with weights (64:9,16K:1), each from 1 and below 16M
value-until = it is a percentage above 0 and below 100, such as 2%
value-runs = it takes at least 3 runs to know how much they differ
value-cores = it is a list of processors, such as 1, 0-3 or 0,2, each once

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
congestion-tcp-only = congestion control is a part of tcp; there is none over { $transport }

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
no-ring-why = this system has no io_uring for us: an old kernel (it needs Linux 6.1), the setting kernel.io_uring_disabled, or a sandbox
congestion-absent = the congestion control { $name } is not loaded in this kernel; there are: { $there }
congestion-load = { $command } (where the kernel has a module for it)
congestion-forbidden = the congestion control { $name } is for root alone; everybody may choose: { $allowed }
congestion-allow = { $command } (lets everybody choose it)

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
notice-fell-back-to-events = served with the model events, which does all that uring does: this system has no io_uring for us (an old kernel, the setting kernel.io_uring_disabled, or a sandbox): { $subject }
notice-fell-back-to-threads = events cannot run here, threads are used: { $subject }
notice-worker-not-started = a worker process could not be started and is tried again: { $subject }
notice-datagrams-dropped = datagrams come faster to { $subject } than they can be read: some are lost, and counted
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
totals-datagrams-dropped = { $datagrams ->
        [one] 1 datagram lost
       *[other] { $datagrams } datagrams lost
    } before being read
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

## The report of a load.

done-at = at
done-connections = { $count ->
        [one] 1 connection
       *[other] { $count } connections
    }
done-active = { $all } connections of which { $active } send
done-size = messages of { $size }
done-sizes = messages of { $first } to { $last }
done-closed = { $depth ->
        [one] 1 message at a time on each
       *[other] { $depth } messages at a time on each
    } (closed loop)
done-open = { $rate } messages/s wanted (open loop)
done-taken = as fast as they are taken
done-reconnect = { $count ->
        [one] a new connection for each message
       *[other] a new connection after each { $count } messages
    }
done-messages = { $count } messages in all
done-until = runs of { $each } until known to +/- { $percent }
done-warm-up = { $length } after { $time } of warm-up
report-result = result
report-throughput = throughput
report-latency = latency
report-messages = messages
report-connections = connections
report-generator = generator
report-server = server
report-repeat = to repeat
report-page = page written to { $path }
report-all-right = every reply was right ({ $count } compared, byte for byte)
report-stream-right = every byte that came was right
report-taken = the server took everything ({ $count } messages) and answered nothing
report-sent = { $count } datagrams left; whether the server took them cannot be seen from here
report-nothing = nothing was answered
report-interrupted = interrupted: the figures are those until then
report-few = too few
meaning-few = too few: with fewer than 10 slower ones the figure may be chance
finding-generator = the generator was the bottleneck, not the server: the server may be faster than this
finding-generator-late = the times are partly those of the generator: the server may be faster than they say
limit-processor = its busiest thread was working { $share } of the time
limit-delayed = its threads waited for a processor { $share } of the time
limit-slip = 1 message in 100 left { $time } late or later although a connection was free
limit-backlog = { $count } messages were due and connections free, and it did not send: it was stopped, or had no processor
limit-descriptors = it had no descriptor left (limit { $limit })
limit-ports = it had no local port left ({ $available } per address)
limit-drops = { $count } datagrams were dropped because it read too slowly
limit-delayed-next = a quieter computer, other cores than the server's (--pin), or another computer for the load
limit-processor-next = more --threads, other cores than the server's (--pin), or another computer for the load
limit-descriptors-next = ulimit -n 1000000, or more --processes
limit-ports-next = fewer new connections, or a server on 127.0.0.1, where more source addresses can be used
limit-drops-next = more --threads, or less --depth or --rate
finding-rate = requested { $requested }/s, achieved { $achieved }/s: latencies grow for as long as this lasts
finding-rate-backlog = when it ended, { $count } messages were due and not yet sent; no percentile describes this server
finding-rate-next = a lower --rate; without --rate the load finds the most that the server can do
finding-unsteady = the throughput is not known to +/- { $wanted }
finding-unsteady-reached = { $runs ->
        [one] it is +/- { $reached } after 1 run
       *[other] it is +/- { $reached } after { $runs } runs
    }
finding-unsteady-few = there were too few runs to say
finding-unsteady-next = longer runs (--for), more of them (--runs-max), or a quieter computer
finding-unreliable = not every reply was right: { $list }
count-wrong = { $count } wrong
count-lost = { $count } lost
count-duplicates = { $count } doubled
count-out-of-order = { $count } out of order
count-late = { $count } too late
count-unexpected = { $count } bytes that nothing asked for
meaning-wrong = wrong: the reply differs from what must come
meaning-lost = lost: no reply within { $time }, or the connection ended before it
meaning-not-taken = lost: the connection ended before the server had taken them
meaning-duplicates = doubled: a second reply to a message that had its reply
meaning-out-of-order = out of order: a later message was answered first
other-service = is it an echo service? If not, name it: colok load count={ $url }
finding-connections = not every connection held
connections-not-made = could not be made: { $list }
connections-ended = ended before the load did: { $list }
reason-peer-closed = closed by the server
reason-timeout = no answer in time
finding-nothing = there is no figure: all that was sent belongs to the warm-up
finding-nothing-next = a shorter --warm-up, or a longer load
finding-few = only { $count } replies were measured: the rare slow ones are not known
finding-few-next = a longer --for
finding-few-next-messages = more --messages
finding-shared = server and generator shared the processors of this computer: each slowed the other
finding-shared-next = --pin, and taskset for the server, on different cores; or another computer for the load
throughput-messages = { $rate } messages/s
throughput-bytes = { $there } to the server, { $back } back
throughput-parts = +/- { $percent }: 95 % sure that it is { $low } to { $high } ({ $samples } parts of this run)
throughput-runs = +/- { $percent }: 95 % sure that it is { $low } to { $high } ({ $samples } runs)
throughput-unsure = how sure that is cannot be told: it changed too much while it was measured
throughput-nothing = nothing was measured: it ended before the warm-up did
column-service = service time
column-response = response time
column-beyond = slower ones
column-slip = schedule slip
column-connect = connecting
row-min = fastest
row-max = slowest
row-mean = mean
meaning-closed = from sending a message to the end of its reply; 99 %: 99 of 100 took no longer
meaning-service = service time: from sending a message to the end of its reply
meaning-response = response time: from when the message was due, waiting to be sent included: what users feel
reconciliation = sent { $sent } = answered { $answered } + in flight { $flight } + lost { $lost } + wrong { $wrong }
reconciliation-taken = sent { $sent } = taken { $answered } + in flight { $flight } + lost { $lost } + wrong { $wrong }
reconciliation-besides = besides: { $list }
reconciliation-fault = the sum is not right: that is a fault of colok, please report it
connections-opened = { $count } opened
connections-time = connecting took { $half } (half of them), at most { $max }
connections-sources = from { $count } addresses
connections-spread = { $least } to { $most } replies on each, evenness { $even } (1: all alike)
connections-spread-taken = { $least } to { $most } messages on each, evenness { $even } (1: all alike)
generator-threads = { $threads ->
        [one] 1 thread
       *[other] { $threads } threads
    }
generator-processes = { $processes } processes
generator-busy = the busiest working { $share } of the time
generator-cost = { $time } of processor time per message
generator-slip = 99 % of messages left within { $time } of when they were due and a connection was free
server-busy = { $name } (pid { $pid }): { $share } of one processor
server-cost = { $all } per message ({ $user } own, { $system } in the kernel)
server-memory = { $size } of memory
server-memory-each = { $size } more per connection
load-no-process = --server-pid: there is no process { $pid }
load-no-process-why = it has ended, or this user may not see it
load-no-processor = this computer has no processor { $number }
load-range = it is { $least } to { $most }
live-connecting = connecting
live-warm-up = warming up
live-measuring = measuring
live-run = measuring, run { $run }
live-ending = waiting for the last replies
live-errors = { $count } errors
live-answered = { $count } answered
live-connections = { $count } connections
live-stop = Ctrl-C ends it here; the report still comes
compare-title = A: { $first }, B: { $second }
compare-no-report = { $path } is no report of colok load
compare-form = its form is { $form }, which this version does not know
compare-higher = B has more throughput than A: { $change }
compare-lower = B has less throughput than A: { $change }
compare-same = no difference of throughput is seen ({ $change } may be chance)
compare-unknown = the throughputs differ by { $change }; too little is known to say whether by chance
compare-sure = 95 % sure that it is { $low } to { $high }
compare-figures = besides
compare-settings = settings
compare-nothing = one of them measured nothing: there is nothing to compare
compare-plan = they did not do the same: see the settings below
compare-machine = they ran on different machines, kernels or ways to the server
compare-limited = in at least one of them the generator was the bottleneck, not the server
compare-unreliable = in at least one of them not every reply was right
compare-single = one run each: what changes from one start to the next is not in the verdict (--until-ci)
compare-tool = they were made by different versions of colok

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

## The page of a load

page-language = en
page-outcome-ok = Nothing went wrong, and nothing speaks against the figures.
page-outcome-doubt = Nothing went wrong; read the findings below before believing the figures.
page-outcome-errors = Not every message got its right reply, or connections failed.
page-outcome-not-proved = The throughput is not known as well as was asked for.
page-outcome-interrupted = Stopped by the user; the figures are those until then.
page-outcome-failed = The load could not be carried out.
page-rate = messages per second
page-rate-taken = messages sent per second
page-bytes = bytes received per second
page-bytes-taken = bytes sent per second
page-confidence = ± { $percent } (95 % confidence)
page-half-within = half of the replies came within
page-most-within = 99 % of the replies came within
page-slowest = the slowest reply took
page-too-few = too few samples
page-errors = errors
page-findings = Read this first
page-service = service time
page-response = response time
page-slip = schedule slip
page-curve = How long replies took
page-curve-about = Read: this share of the replies took at most so long. Each step to the right leaves a tenth of the replies: the slow ones are rare, and this axis gives them room.
page-axis-share = share of the replies
page-axis-time = time (logarithmic axis)
page-axis-seconds = seconds since the first message
page-axis-rate = messages per second
page-axis-bytes = bytes per second
page-axis-errors = errors per second
page-weak = fewer than 10 slower replies
page-rate-time = Messages per second, over time
page-bytes-time = Bytes per second, over time
page-latency-time = Latency, over time
page-errors-time = Errors per second, over time
page-from-to = { $name }: { $least } to { $most }.
page-answered = answered
page-taken = taken
page-requested = requested
page-received = received
page-sent = sent
page-warm-up = warm-up
page-median = half within (median)
page-ninety-nine = 99 % within
page-ninety-nine-response = 99 % within, response time
page-max = slowest
page-min = fastest
page-mean = mean
page-deviation = standard deviation
page-percentiles = Percentiles
page-percentile = share of replies
page-beyond = slower ones
page-service-is = Service time: from the first byte sent of a message to the last byte of its reply. While a server stands still, little is sent, so little is seen here.
page-response-is = Response time: from when the message was due. It is what clients see that do not wait for each other.
page-slip-is = Schedule slip: how much later than due a message left.
page-account = Every message, accounted for
page-in-flight = in flight
page-lost = lost
page-wrong = wrong
page-balanced = The sum is right. Warm-up is counted here.
page-unbalanced = The sum is not right: this is a fault of the load generator; do not use these figures.
page-duplicates = duplicated replies
page-out-of-order = replies out of order
page-late = replies after they were given up as lost
page-unexpected = bytes that nothing had asked for
page-throughput = Throughput
page-interval = 95 % confidence interval
page-backlog = due and not sent at the end
page-bytes-sent = sent
page-bytes-received = received
page-measured = measured time
page-connections = Connections
page-connections-all = connections
page-opened = opened
page-open-at-end = open at the end
page-not-made = could not be made
page-ended = ended early
page-connect-time = connecting, mean – longest
page-sources = source addresses
page-each = answered per connection, fewest – most
page-each-taken = taken per connection, fewest – most
page-fairness = evenness (Jain's index; 1 is even)
page-runs = Runs
page-run = run
page-run-length = length
page-generator = What the generator used
page-threads = threads
page-processes = processes
page-busy = busy, each thread
page-delayed = waited for a processor, each thread
page-cost = processor time per message
page-own-slip = its own lateness, 99 %
page-descriptors = descriptors in use / allowed
page-ports = local ports in use / available
page-drops = datagrams dropped on our side
page-io = system calls through
page-server = What the server used
page-process = process
page-server-busy = processor time (100 % is one processor)
page-user = user time per message
page-system = system time per message
page-memory = memory at the end
page-memory-connection = memory per connection
page-memory-message = memory per message
page-settings = Settings
page-service-name = service
page-address = address
page-active = of them active
page-depth = messages on their way per connection
page-pace = pace
page-closed = each reply brings the next message (closed loop)
page-even = even gaps
page-sizes = message size
page-per-connection = messages per connection, then anew
page-ramp-up = opening connections over
page-length = length of a run
page-messages = messages
page-until = until known within (runs at most)
page-reply-timeout = a reply is lost after
page-connect-timeout = connecting fails after
page-pin = pinned to processors
page-io-asked = system calls asked for
page-seed = seed
page-machine = Machine
page-processor = processor
page-processors = processors
page-memory-all = memory
page-system-name = system
page-kernel = kernel
page-load = load average before
page-path = way to the server
page-started = started
page-tool = measured with
page-command = To repeat this
page-evidence = All figures as JSON
page-evidence-cut = The intervals are left out here, for they are many; --json has them all.

## The page of a run of scenarios

check-page-cases = Every case
check-page-cases-about = Open one to see its timeline, every expectation with what was seen, what proves its faults, and what each program wrote.
check-page-nothing = Nothing was run
check-page-all-passed = { $count ->
    [one] The case that was run passed
   *[other] All { $count } cases that were run passed
 }
check-page-some-failed = { $count } of { $all } cases did not pass
check-page-killed = The run was killed: this is what had been seen until then.
check-page-interrupted = The run was interrupted: cases that had not begun were not run.
check-page-fail = Something that must hold did not hold.
check-page-doubt = Nothing failed, but not everything is proved: what is invalid or unknown proves nothing.
check-page-skips = Everything that was run held; some cases could not be run here.
check-page-pass = Everything held, every fault took effect, and every expectation was seen to be able to fail.
check-page-expectations = expectations; { $tried } wrong forms of them tried
check-page-faults-proved = faults proved
check-page-troubles = What did not pass
check-page-more = and { $count } more, see below
check-page-expected = expected
check-page-got = seen
check-page-place = written in
check-page-machine = computer
check-page-kernel = kernel
check-page-processors = processors
check-page-rights = rights
check-page-root = root
check-page-user = an ordinary user
check-page-duration = duration
check-page-seed = seed
check-page-command = command
check-page-run = The run
check-page-evidence = Evidence: { $count ->
    [one] one file
   *[other] { $count } files
 }
check-page-evidence-about = Size in bytes and SHA-256 of every file beside this page.
check-page-matrix = Scenarios and hosts
check-page-scenario = scenario
check-page-verdicts = cases
check-page-hosts = hosts
check-page-timeline = Timeline
check-page-more-steps = { $count } more steps are in run.json
check-page-shaded = Shaded: a fault is in place.
check-page-from-to = { $from } s to { $to } s
check-page-step = step
check-page-mutations = wrong forms that failed
check-page-line = line
check-page-checks = Expectations
check-page-rest = The rest is in run.json.
check-page-fault = fault
check-page-where = where
check-page-proved = proved
check-page-proof = what proves it
check-page-faults = Faults
check-page-yes = yes
check-page-no = no
check-page-latency = Times of replies and connections
check-page-latency-about = How long each took, as the clients told; shaded while a fault was in place.
check-page-seconds = seconds after the case began
check-page-latency-axis = time
check-page-connection = connection
check-page-up = client to server, bytes
check-page-down = server to client, bytes
check-page-closed = closed
check-page-agrees = both ends agree
check-page-connections = Connections, as both ends told
check-page-flow = sent { $sent } = received { $received } + lost { $lost }
check-page-same-hash = same hash
check-page-other-hash = other hash
check-page-path = from, to
check-page-interface = interface
check-page-mtu = largest packet (MTU)
check-page-packets = packets
check-page-paths = Paths
check-page-transcripts = What the programs wrote
check-page-exit = exit { $code }
check-page-signal = ended by SIG{ $name }
check-page-stdout = standard output
check-page-stderr = standard error
check-page-bytes = { $name }, { $bytes } B
check-page-events = { $count } events

# What clients and servers log, and sessions that are kept as scenarios.
serve-log-hashes = with --log: hash what each connection carries
connect-log = add JSON lines about what happens to FILE
connect-save = write this session to FILE, for colok check
value-log-file = it is json:FILE; standard output is for what the server says
only-log = it adds hashes to the JSON log
save-title = a conversation with { $address }
save-title-failed = no connection to { $address }
save-about =
    Written by colok connect --save. To have the same conversation again:
    colok check { $file }
save-same-address = It talks to the same address, so the server must be running there.
save-server =
    To let the scenario start the server itself, put a step like this before the first one,
    and write { $placeholder } for the address there and below:
save-done = saved; to have it again: colok check { $file }
save-exists-why = a session is never saved over something else
save-cut-what = the session was too long to be saved
save-cut-why = at most { $limit } are kept, and each text must fit an argument of a program

## The help of colok check.

check-about = Run scenarios, break things on purpose, judge, keep the evidence.
check-scenario = files, folders, built-in names (default: all of these)
check-only = a part of a case's name; or with * and ?, or a tag
check-repeat = run each case so many times
check-seed = make the same random choices again
check-jobs = cases at once (default: cores, at least 2)
check-keep = put the evidence into DIR (default colok-check/TIME)
check-recover = make the record of a run that was killed
check-list = which scenarios and cases there are; runs nothing
check-dry-run = what would be done, step by step; runs nothing
check-no-skip = a skipped case means not proved (exit code 5)
check-faults-off = break nothing: what needs a fault must be invalid
check-schema = print the JSON schema of scenario files
check-run-schema = print the JSON schema of run.json
check-json = print one JSON object, however it ends
check-quiet = show the summary only, no progress
check-footer =
    Example: colok check my.toml echo --only '*tcp*' --repeat 5 --keep evidence

## Scenarios that cannot be run.

check-only-empty = it is a pattern, such as echo-quit, 'udp-*' or a tag
check-no-scenario = { $name }: there is no such file, and no such built-in scenario
check-no-scenario-why = a scenario is a .toml file, a folder of them, or the name of a built-in one
check-no-case = --only: no case matches { $patterns }
check-file-problems =
    { $count ->
        [one] { $count } mistake in the scenario files; nothing was run
       *[other] { $count } mistakes in the scenario files; nothing was run
    }
check-recover-no-run = the folder of a run that was killed has run.jsonl in it
check-recover-nothing = { $file }: nothing was recorded before the run was killed

## Verdicts, and what is told of a run.

check-pass = pass
check-fail = fail
check-invalid = invalid
check-unknown = unknown
check-skipped = skipped
check-cases =
    { $count ->
        [one] { $count } case
       *[other] { $count } cases
    }
check-of-cases = { $some } of { $cases }
check-stop = Ctrl-C breaks off; the record is written all the same
check-left = about { $time } left
check-of-step = step { $step }: { $key }
check-cannot-fail = step { $step }: { $key } cannot fail: a wrong form of it held too
check-expected = expected
check-got = got
check-seen = seen
check-did = did
check-fault-unproved = the fault { $fault } ({ $place }) was not proved
check-fault-never = it never began
check-fault-nothing = nothing
check-path-unproved = the path from { $from } to { $to } was not proved
check-path-seen = interface { $interface }, { $packets } packets
check-accounts = the two ends of { $from } to { $to } contradict each other
check-flow = { $sent } bytes sent, { $received } received
check-step-error = step { $step }: { $error }
check-reason = { $step }: { $key } (line { $line })
check-step-timed-out = step { $step }: its time ran out
check-wrote = { $step } wrote ({ $stream }):
check-evidence = evidence:
check-keep-not-empty = evidence is never mixed with something else: DIR must be new or empty
check-alike = the same: { $cases }
check-more-cases = { $cases } more did not pass; report.html shows all
check-interrupted = The run was broken off: not every case was run.
check-killed = The run was killed: not every case was run.
check-totals = { $cases } in { $time }: { $totals }
check-where = report: { $page } (seed { $seed })
check-repeat-these = to repeat what did not pass: { $command }

## Lists and plans of scenarios.

check-listed =
    { $count ->
        [one] { $count } scenario, { $cases }
       *[other] { $count } scenarios, { $cases }
    }
check-dry-run-end = { $cases }; nothing was run
check-dry-run-skips = { $cases }, { $skipped } of them would be skipped; nothing was run
check-expects-nothing = it expects nothing, so it would be invalid
check-hosts = hosts:
check-fault-word = fault
check-expects = expects { $keys }

## The report of a run of scenarios for a ticket.

check-head-verdict = verdict
check-head-scenario = scenario
check-head-cases = cases
check-head-time = time
check-not-passed = What did not pass
check-not-run = What was skipped, and why
check-this-run = This run
check-seed-word = seed
check-machine = { $name }, kernel { $kernel }, { $processors } processors, { $user }
check-as-root = as root
check-as-user = as an ordinary user
check-fact-tool = program
check-fact-machine = computer
check-fact-started = started
check-fact-time = time taken
check-fact-seed = seed
check-fact-command = command
check-fact-repeat = to repeat what did not pass

## colok relay.

relay-about = Pass traffic on to an address, and break it on purpose.
relay-listen = where clients come: tcp://localhost:5002, udp://..., unix:...
relay-to = where they are passed on to, over the same transport
relay-fault = do this to the traffic; again for more than one
relay-seed = what chance depends on (default 0)
relay-control = take orders on this socket: other faults, counts
relay-log = add JSON lines to FILE (-: stdout)
relay-quiet = print errors only
relay-verbose = a line for each target reached too
relay-footer =
    Faults: delay=50ms jitter=10ms, rate=100K, chunk=10, cut=N, reset=N,
      half_close=N, black_hole=N, corrupt=N, fail_first=N; datagrams: lose=3,7,
      duplicate=10%, reorder=5. With each: direction=up|down, connections=1-3.
    Example: colok relay 5002 localhost:5001 -f 'cut=1000 direction=down'
relay-transports = { $from } cannot be relayed to { $to }
relay-to-itself = LISTEN and TARGET are the same address: the relay would be its own client
value-unix = the address of a Unix socket: unix:/tmp/relay.sock
value-fault = for example --fault 'delay=50ms direction=up', --fault cut=1000
relay-title = colok relays:
relay-target = target
relay-does = fault: { $fault }
relay-listens-to = orders are taken on { $address }
relay-reached = reached { $target }
relay-closed = closed after { $duration }: { $reason }, by { $by } ({ $up } B up, { $down } B down)
relay-faults-now = faults from now on: { $faults }
relay-faults-none = no faults from now on
relay-totals = stopped: { $connections ->
        [one] 1 connection
       *[other] { $connections } connections
    }, { $up } B up, { $down } B down, { $refused } refused
relay-applied = {"  "}{ $fault }: applied { $applied }
