// A load generator for echo, as small as one can be that still checks and times every reply: epoll,
// one thread, closed loop, every connection keeps DEPTH messages on their way. What `colok load` is
// compared with, since no other generator speaks plain echo over many connections.
//
// It has no schedule, no report and no second attempt; any wrong byte ends it.
//
// usage: load ADDRESS PORT CONNECTIONS DEPTH SIZE WARM-UP-SECONDS SECONDS
// prints: {"messages":N,"seconds":S,"messages_per_s":R,"p50_us":A,"p99_us":B,"processor_us":C}

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, DEPTH_MAX = 1024, SIZE_MAX_ = 64 * 1024, OFFSETS = 4096 };
// Of the histogram: 16 to each power of two of nanoseconds.
enum { STEPS = 16, BUCKETS = 64 * STEPS };

struct connection {
    int socket;
    unsigned sent, answered;           // messages written whole, and checked whole
    size_t sent_bytes, checked_bytes;  // of the message at hand
    unsigned due;                      // messages to write, the one at hand included
    int waits_for_room;
    long long sent_at[DEPTH_MAX];
};

// Messages are windows of this table that move with the connection and with each message, so that a
// reply to another message is noticed.
static char table[SIZE_MAX_ + OFFSETS];
static char buffer[SIZE_MAX_ * 4];
static unsigned long long buckets[BUCKETS], messages;
static unsigned depth;
static size_t size;
static int measuring;

static void fail(const char *call) {
    perror(call);
    exit(1);
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static double processor(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static const char *message(const struct connection *connection, unsigned number) {
    return table + ((unsigned)connection->socket * 131 + number * 7) % OFFSETS;
}

static void record(long long nanoseconds) {
    unsigned long long value = nanoseconds > STEPS ? (unsigned long long)nanoseconds : STEPS;
    int power = 63 - __builtin_clzll(value);
    unsigned step = (unsigned)(value >> (power - 4)) & (STEPS - 1);
    buckets[power * STEPS + (int)step]++;
    messages++;
}

static double percentile(double share) {
    unsigned long long beyond = (unsigned long long)((double)messages * share), sum = 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        sum += buckets[bucket];
        if (sum > beyond) {
            int power = bucket / STEPS, step = bucket % STEPS;
            return (double)((1ULL << power) + ((unsigned long long)step << power) / STEPS) / 1e3;
        }
    }
    return 0;
}

static void watch(int poll, struct connection *connection, int how, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poll, how, connection->socket, &event) < 0) fail("epoll_ctl");
}

// Writes what is due, several messages in one call.
static void write_due(int poll, struct connection *connection, long long time) {
    while (connection->due) {
        size_t length = 0;
        unsigned number = connection->sent, most = connection->due;
        size_t start = connection->sent_bytes;
        for (; most && length + size <= sizeof buffer; most--, number++, start = 0) {
            memcpy(buffer + length, message(connection, number) + start, size - start);
            length += size - start;
        }
        ssize_t count = write(connection->socket, buffer, length);
        if (count < 0 && errno != EAGAIN) fail("write");
        size_t written = count < 0 ? 0 : (size_t)count;
        size_t whole = connection->sent_bytes + written;
        for (; whole >= size; whole -= size, connection->due--)
            connection->sent_at[connection->sent++ % DEPTH_MAX] = time;
        connection->sent_bytes = whole;
        if (written < length) {
            if (!connection->waits_for_room)
                watch(poll, connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            connection->waits_for_room = 1;
            return;
        }
    }
    if (connection->waits_for_room) watch(poll, connection, EPOLL_CTL_MOD, EPOLLIN);
    connection->waits_for_room = 0;
}

// Checks every byte that came and makes as many messages due as were answered.
static void read_replies(struct connection *connection, long long time) {
    ssize_t count = read(connection->socket, buffer, sizeof buffer);
    if (count == 0 || (count < 0 && errno != EAGAIN)) fail("read");
    size_t left = count < 0 ? 0 : (size_t)count;
    for (const char *bytes = buffer; left;) {
        size_t wanted = size - connection->checked_bytes, part = left < wanted ? left : wanted;
        const char *right = message(connection, connection->answered) + connection->checked_bytes;
        if (memcmp(bytes, right, part)) {
            fprintf(stderr, "a wrong reply\n");
            exit(3);
        }
        bytes += part;
        left -= part;
        connection->checked_bytes += part;
        if (connection->checked_bytes < size) continue;
        if (measuring) record(time - connection->sent_at[connection->answered % DEPTH_MAX]);
        connection->checked_bytes = 0;
        connection->answered++;
        connection->due++;
    }
}

static void run(int poll, long long until) {
    struct epoll_event events[EVENTS];
    for (long long time = now(); time < until;) {
        int ready = epoll_wait(poll, events, EVENTS, 1000);
        if (ready < 0) fail("epoll_wait");
        time = now();
        for (int index = 0; index < ready; index++) {
            struct connection *connection = events[index].data.ptr;
            if (events[index].events & ~(unsigned)EPOLLOUT) read_replies(connection, time);
            if (connection->due) write_due(poll, connection, time);
        }
    }
}

static void open_all(int poll, const struct sockaddr_in *to, unsigned connections) {
    for (unsigned number = 0; number < connections; number++) {
        int on = 1, made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (made < 0 || connect(made, (const struct sockaddr *)to, sizeof *to) < 0) fail("connect");
        if (setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) fail("TCP_NODELAY");
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection) fail("calloc");
        connection->socket = made;
        connection->due = depth;
        watch(poll, connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
        connection->waits_for_room = 1;
    }
}

int main(int count, char **words) {
    if (count != 8) {
        fprintf(stderr, "usage: load ADDRESS PORT CONNECTIONS DEPTH SIZE WARM-UP SECONDS\n");
        return 2;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) fail("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("setrlimit");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))};
    depth = (unsigned)atoi(words[4]);
    size = (size_t)atol(words[5]);
    if (inet_pton(AF_INET, words[1], &to.sin_addr) != 1 || !depth || depth > DEPTH_MAX || !size ||
        size > SIZE_MAX_)
        return 2;
    unsigned seed = 1;
    for (size_t index = 0; index < sizeof table; index++) {
        seed = seed * 1103515245 + 12345;
        table[index] = (char)(' ' + seed / 65536 % 95);
    }
    int poll = epoll_create1(EPOLL_CLOEXEC);
    open_all(poll, &to, (unsigned)atoi(words[3]));
    run(poll, now() + (long long)(atof(words[6]) * 1e9));
    double used = processor();
    long long start = now();
    measuring = 1;
    run(poll, start + (long long)(atof(words[7]) * 1e9));
    double seconds = (double)(now() - start) / 1e9;
    used = processor() - used;
    printf("{\"messages\":%llu,\"seconds\":%.6f,\"messages_per_s\":%.1f,\"p50_us\":%.2f,"
           "\"p99_us\":%.2f,\"processor_us\":%.0f}\n",
           messages, seconds, (double)messages / seconds, percentile(0.5), percentile(0.99), used);
    return messages == 0;
}
