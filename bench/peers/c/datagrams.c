// Sends datagrams and counts the answers; each of SOCKETS sockets has at most WINDOW on their way.
// `plain` makes a call for each datagram; `gso` gives BATCH datagrams to the kernel in one call
// (UDP_SEGMENT) and takes answers as the kernel gathered them (UDP_GRO). A socket that hears
// nothing for 20 ms takes what is on its way for lost.
//
// Datagrams look like those of sockperf's client, whose server answers no others: a number of 8
// bytes, flags (client, wants an answer), the length. Answers must be of the same size and end with
// the same bytes.
//
// usage: datagrams ADDRESS PORT plain|gso SIZE SOCKETS WINDOW WARM-UP-SECONDS SECONDS
// prints: {"sent":N,"answered":M,"dropped":D,"seconds":S,"per_s":R,"processor_us":C}
// `sent`, `answered` and `dropped` (at our own sockets, for want of room) are of the whole run;
// `per_s` is answers in the measured time.

#define _GNU_SOURCE
#include "client.h"
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <poll.h>

enum { SOCKETS_MAX = 64, BATCH = 64, HEAD = 14, SIZE_MAX_ = 1024, AT_ONCE = 64, PATIENCE_MS = 20 };
enum { BUFFER = 65536, ASIDE = 64 };

struct end {
    int socket;
    unsigned on_the_way;
    long long heard_at;
};

static struct end ends[SOCKETS_MAX];
static char out[BATCH * SIZE_MAX_], in[AT_ONCE][BUFFER];
static char aside[AT_ONCE][ASIDE];
static struct mmsghdr headers[AT_ONCE];
static struct iovec pieces[AT_ONCE];
static unsigned long long sent, answered;
static size_t size, sockets, window;
static int gso;

static void number(char *datagram, unsigned long long value) {
    for (int index = 7; index >= 0; index--, value >>= 8) datagram[index] = (char)value;
    datagram[8] = 0;
    datagram[9] = 3; // a client's, and to be answered
    for (int index = 0; index < 4; index++) datagram[10 + index] = (char)(size >> (24 - 8 * index));
}

static int send_once(struct end *end, unsigned count) {
    char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct iovec piece = {out, count * size};
    struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1};
    for (unsigned index = 0; index < count; index++) number(out + index * size, sent + index);
    if (count > 1) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        struct cmsghdr *segment = CMSG_FIRSTHDR(&header);
        segment->cmsg_level = SOL_UDP;
        segment->cmsg_type = UDP_SEGMENT;
        segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        uint16_t length = (uint16_t)size;
        memcpy(CMSG_DATA(segment), &length, sizeof length);
    }
    if (sendmsg(end->socket, &header, MSG_DONTWAIT) < 0) {
        if (errno == EAGAIN || errno == ENOBUFS) return 0;
        fail("sendmsg");
    }
    sent += count;
    end->on_the_way += count;
    return 1;
}

// How many answers there are in what came as one piece.
static unsigned checked(const char *bytes, size_t length) {
    unsigned count = 0;
    for (; length >= size; bytes += size, length -= size, count++)
        if (memcmp(bytes + HEAD, out + HEAD, size - HEAD)) break;
    if (length || !count) {
        fprintf(stderr, "a wrong answer\n");
        exit(3);
    }
    return count;
}

static void take(struct end *end, long long time) {
    for (int count = AT_ONCE; count == AT_ONCE;) {
        for (int index = 0; index < AT_ONCE; index++) {
            pieces[index] = (struct iovec){in[index], BUFFER};
            headers[index].msg_hdr = (struct msghdr){.msg_iov = &pieces[index], .msg_iovlen = 1};
            headers[index].msg_hdr.msg_control = gso ? aside[index] : NULL;
            headers[index].msg_hdr.msg_controllen = gso ? ASIDE : 0;
        }
        count = recvmmsg(end->socket, headers, AT_ONCE, MSG_DONTWAIT, NULL);
        if (count < 0 && errno != EAGAIN) fail("recvmmsg");
        for (int index = 0; index < count; index++) {
            unsigned more = checked(in[index], headers[index].msg_len);
            answered += more;
            // One that was given up may come yet.
            end->on_the_way -= more < end->on_the_way ? more : end->on_the_way;
            end->heard_at = time;
        }
    }
}

static void run(long long until) {
    struct pollfd watched[SOCKETS_MAX];
    unsigned batch = gso ? BATCH : 1;
    for (long long time = now(); time < until; time = now()) {
        int moved = 0;
        for (size_t index = 0; index < sockets; index++) {
            struct end *end = &ends[index];
            watched[index] = (struct pollfd){.fd = end->socket, .events = POLLIN};
            take(end, time);
            if (end->on_the_way && time - end->heard_at > PATIENCE_MS * 1000000LL)
                end->on_the_way = 0;
            if (!end->on_the_way) end->heard_at = time;
            while (end->on_the_way + batch <= window && send_once(end, batch)) moved = 1;
        }
        if (!moved && poll(watched, sockets, PATIENCE_MS) < 0) fail("poll");
    }
}

static unsigned long long dropped(int socket) {
    unsigned values[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof values;
    if (getsockopt(socket, SOL_SOCKET, SO_MEMINFO, values, &length) < 0) fail("SO_MEMINFO");
    return values[SK_MEMINFO_DROPS];
}

int main(int words_count, char **words) {
    if (words_count != 9) {
        fprintf(stderr,
                "usage: datagrams ADDRESS PORT plain|gso SIZE SOCKETS WINDOW WARM-UP SECONDS\n");
        return 2;
    }
    struct sockaddr_in to = address(words[1], words[2]);
    gso = !strcmp(words[3], "gso");
    size = (size_t)atol(words[4]);
    sockets = (size_t)atol(words[5]);
    window = (size_t)atol(words[6]);
    if (size <= HEAD || size > SIZE_MAX_ || !sockets || sockets > SOCKETS_MAX) return 2;
    for (size_t index = 0; index < BATCH; index++) fill(out + index * size, size);
    for (size_t index = 0; index < sockets; index++) {
        int on = 1, made = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (made < 0 || connect(made, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
        if (gso && setsockopt(made, SOL_UDP, UDP_GRO, &on, sizeof on) < 0) fail("UDP_GRO");
        ends[index].socket = made;
    }
    run(now() + nanoseconds(words[7]));
    unsigned long long before = answered;
    double used = processor();
    long long start = now();
    run(start + nanoseconds(words[8]));
    double seconds = (double)(now() - start) / 1e9, rate = (double)(answered - before) / seconds;
    used = processor() - used;
    // What is on its way still is not lost.
    for (long long until = now() + 100000000LL; now() < until && answered < sent;)
        for (size_t index = 0; index < sockets; index++) take(&ends[index], now());
    unsigned long long drops = 0;
    for (size_t index = 0; index < sockets; index++) drops += dropped(ends[index].socket);
    printf("{\"sent\":%llu,\"answered\":%llu,\"dropped\":%llu,\"seconds\":%.6f,\"per_s\":%.1f,"
           "\"processor_us\":%.0f}\n",
           sent, answered, drops, seconds, rate, used);
    return answered == 0;
}
