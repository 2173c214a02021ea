// What the clients of this folder share: a clock, an address, messages, and an end at the first
// error that a healthy machine does not have.

#ifndef COLOK_BENCH_CLIENT_H
#define COLOK_BENCH_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void fail(const char *call) {
    perror(call);
    exit(1);
}

static inline long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Of this process so far, in microseconds.
static inline double processor(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static inline long long nanoseconds(const char *seconds) {
    return (long long)(atof(seconds) * 1e9);
}

static inline struct sockaddr_in address(const char *ip, const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (inet_pton(AF_INET, ip, &to.sin_addr) != 1) exit(2);
    return to;
}

// A connection of its own socket, with the options that all have.
static inline int connected(const struct sockaddr_in *to, const struct sockaddr_in *from) {
    int on = 1, made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) fail("socket");
    if (from) {
        // The port is chosen at connect: one that is taken toward another address will do.
        if (setsockopt(made, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0)
            fail("IP_BIND_ADDRESS_NO_PORT");
        if (bind(made, (const struct sockaddr *)from, sizeof *from) < 0) fail("bind");
    }
    if (connect(made, (const struct sockaddr *)to, sizeof *to) < 0) fail("connect");
    if (setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) fail("TCP_NODELAY");
    return made;
}

// Letters that are the same in every run.
static inline void fill(char *bytes, size_t length) {
    unsigned seed = 1;
    for (size_t index = 0; index < length; index++) {
        seed = seed * 1103515245 + 12345;
        bytes[index] = (char)('a' + seed / 65536 % 26);
    }
}

#endif
