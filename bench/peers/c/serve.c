// The servers that every other one is compared with: epoll, one thread, one buffer, as few calls as
// there can be (wait, read, write), and nothing else. TCP echo, discard and count; UDP echo,
// and UDP echo for sockperf's client. `blocking` is TCP echo without epoll, one client at a time.
//
// It has no limits, no timeouts and no log, and it gives up at the first error that a healthy
// machine does not have.
//
// usage: serve echo|blocking|discard|count|udp-echo|sockperf ADDRESS PORT [nodelay]

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, EVENTS = 256, BACKLOG = 4096, REPLY = 80 };

// What a connection needs between two reads.
struct connection {
    int socket;
    size_t characters;     // count: of the line so far
    char *pending;         // what the socket had no room for; nothing is read meanwhile
    size_t pending_start, pending_end;
};

typedef void serve(int poll, struct connection *connection);

static char buffer[BUFFER];
// The worst case of count: every byte is a line of its own.
static char replies[BUFFER * REPLY];

static void fail(const char *call) {
    perror(call);
    exit(1);
}

static void end(struct connection *connection) {
    close(connection->socket);
    free(connection->pending);
    free(connection);
}

static void watch(int poll, struct connection *connection, int how, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poll, how, connection->socket, &event) < 0) fail("epoll_ctl");
}

// Writes at once; what finds no room is kept and goes when there is some.
static void reply(int poll, struct connection *connection, const char *bytes, size_t length) {
    ssize_t count = write(connection->socket, bytes, length);
    if (count < 0) {
        if (errno != EAGAIN) {
            end(connection);
            return;
        }
        count = 0;
    }
    if ((size_t)count == length) return;
    size_t rest = length - (size_t)count;
    connection->pending = malloc(rest);
    if (!connection->pending) fail("malloc");
    memcpy(connection->pending, bytes + count, rest);
    connection->pending_start = 0;
    connection->pending_end = rest;
    watch(poll, connection, EPOLL_CTL_MOD, EPOLLOUT);
}

static void reply_pending(int poll, struct connection *connection) {
    const char *start = connection->pending + connection->pending_start;
    size_t length = connection->pending_end - connection->pending_start;
    ssize_t count = write(connection->socket, start, length);
    if (count < 0) {
        if (errno != EAGAIN) end(connection);
        return;
    }
    connection->pending_start += (size_t)count;
    if ((size_t)count < length) return;
    free(connection->pending);
    connection->pending = NULL;
    watch(poll, connection, EPOLL_CTL_MOD, EPOLLIN);
}

// Returns how much came; 0 when there is nothing to do or the connection is over.
static size_t receive(struct connection *connection) {
    ssize_t count = read(connection->socket, buffer, sizeof buffer);
    if (count > 0) return (size_t)count;
    if (count == 0 || errno != EAGAIN) end(connection);
    return 0;
}

static void echo(int poll, struct connection *connection) {
    size_t count = receive(connection);
    if (count) reply(poll, connection, buffer, count);
}

static void discard(int poll, struct connection *connection) {
    (void)poll;
    receive(connection);
}

// A line is answered with the number of its characters; a byte that goes on with a character begins
// with the bits 10.
static void count(int poll, struct connection *connection) {
    size_t length = receive(connection), used = 0;
    for (size_t index = 0; index < length; index++) {
        unsigned char byte = (unsigned char)buffer[index];
        if (byte != '\n') {
            connection->characters += (byte & 0xC0) != 0x80;
            continue;
        }
        used += (size_t)snprintf(replies + used, REPLY,
                                 "Jumlah karakter dalam kalimat tersebut ada: %zu\n",
                                 connection->characters);
        connection->characters = 0;
    }
    if (used) reply(poll, connection, replies, used);
}

static void accept_all(int poll, int listener) {
    int socket;
    while ((socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection) fail("calloc");
        connection->socket = socket;
        watch(poll, connection, EPOLL_CTL_ADD, EPOLLIN);
    }
    if (errno != EAGAIN && errno != ECONNABORTED) fail("accept4");
}

static void serve_streams(int listener, serve *serve) {
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS], accepting = {.events = EPOLLIN, .data.ptr = NULL};
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &accepting) < 0) fail("epoll");
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        if (ready < 0) fail("epoll_wait");
        for (int index = 0; index < ready; index++) {
            struct connection *connection = events[index].data.ptr;
            if (!connection) accept_all(poll, listener);
            else if (connection->pending) reply_pending(poll, connection);
            else serve(poll, connection);
        }
    }
}

// What a textbook begins with: it sleeps in read, and nothing is between reading and writing.
static void serve_blocking(int listener) {
    if (listen(listener, BACKLOG) < 0) fail("listen");
    for (;;) {
        int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (socket < 0) fail("accept4");
        for (;;) {
            ssize_t count = read(socket, buffer, sizeof buffer);
            if (count <= 0) break;
            for (ssize_t start = 0, more; start < count; start += more) {
                more = write(socket, buffer + start, (size_t)(count - start));
                if (more < 0) break;
            }
        }
        close(socket);
    }
}

// `mark` clears the bit by which sockperf's client knows its own messages: it takes no plain echo.
static void serve_datagrams(int socket, int mark) {
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t count = recvfrom(socket, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &size);
        if (count < 0) fail("recvfrom");
        if (mark && count > 9) buffer[9] &= ~1;
        // A reply that cannot be sent is lost, as any datagram may be.
        (void)!sendto(socket, buffer, (size_t)count, 0, (struct sockaddr *)&from, size);
    }
}

static int bound(int type, const char *address, const char *port, int no_delay) {
    int on = 1;
    int made = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (made < 0 || inet_pton(AF_INET, address, &at.sin_addr) != 1) fail("socket");
    if (setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) fail("SO_REUSEADDR");
    // Accepted sockets inherit it.
    if (no_delay && setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        fail("TCP_NODELAY");
    if (bind(made, (struct sockaddr *)&at, sizeof at) < 0) fail("bind");
    return made;
}

static void raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) fail("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("setrlimit");
}

int main(int count_of_words, char **words) {
    if (count_of_words < 4) {
        fprintf(stderr, "usage: serve echo|blocking|discard|count|udp-echo|sockperf ADDRESS PORT "
                        "[nodelay]\n");
        return 2;
    }
    const char *service = words[1];
    int no_delay = count_of_words > 4 && !strcmp(words[4], "nodelay");
    raise_limit();
    // A client that is gone is an error of the write, not the end of the server.
    signal(SIGPIPE, SIG_IGN);
    int mark = !strcmp(service, "sockperf");
    if (mark || !strcmp(service, "udp-echo"))
        serve_datagrams(bound(SOCK_DGRAM, words[2], words[3], 0), mark);
    if (!strcmp(service, "blocking"))
        serve_blocking(bound(SOCK_STREAM, words[2], words[3], no_delay));
    int listener = bound(SOCK_STREAM | SOCK_NONBLOCK, words[2], words[3], no_delay);
    if (listen(listener, BACKLOG) < 0) fail("listen");
    if (!strcmp(service, "count")) serve_streams(listener, count);
    if (!strcmp(service, "discard")) serve_streams(listener, discard);
    serve_streams(listener, echo);
}
