// One connection, one message on its way, every reply checked and timed: what a round trip takes.
// `blocking` sleeps in read until the reply is there; `spinning` asks again and again and never
// sleeps, so that no time of its own for waking up is in the figure.
//
// usage: trip ADDRESS PORT blocking|spinning SIZE WARM-UP-SECONDS SECONDS
// prints: {"messages":N,"seconds":S,"messages_per_s":R,"p50_us":A,"p99_us":B,"processor_us":C}

#define _GNU_SOURCE
#include "client.h"

enum { SIZE_MAX_ = 64 * 1024, SAMPLES = 1 << 22 };

static char message[SIZE_MAX_], reply[SIZE_MAX_];
static unsigned samples[SAMPLES];
static size_t count;

static void exchange(int socket, size_t size, int flags) {
    if (send(socket, message, size, 0) != (ssize_t)size) fail("send");
    for (size_t got = 0; got < size;) {
        ssize_t more = recv(socket, reply + got, size - got, flags);
        if (more < 0 && errno == EAGAIN) continue;
        if (more <= 0) fail("recv");
        got += (size_t)more;
    }
    if (memcmp(message, reply, size)) {
        fprintf(stderr, "a wrong reply\n");
        exit(3);
    }
}

static void run(int socket, size_t size, int flags, long long until, int measuring) {
    for (long long start = now(); start < until;) {
        // Another first byte, so that a reply to the message before is noticed.
        message[0]++;
        exchange(socket, size, flags);
        long long end = now();
        if (measuring && count < SAMPLES) samples[count++] = (unsigned)(end - start);
        start = end;
    }
}

static int smaller(const void *one, const void *other) {
    unsigned left = *(const unsigned *)one, right = *(const unsigned *)other;
    return (left > right) - (left < right);
}

int main(int words_count, char **words) {
    if (words_count != 7) {
        fprintf(stderr, "usage: trip ADDRESS PORT blocking|spinning SIZE WARM-UP SECONDS\n");
        return 2;
    }
    struct sockaddr_in to = address(words[1], words[2]);
    int flags = strcmp(words[3], "spinning") ? 0 : MSG_DONTWAIT;
    size_t size = (size_t)atol(words[4]);
    if (!size || size > SIZE_MAX_) return 2;
    fill(message, size);
    // Memory that is touched for the first time is no part of a round trip.
    memset(samples, 0xff, sizeof samples);
    int socket = connected(&to, NULL);
    run(socket, size, flags, now() + nanoseconds(words[5]), 0);
    double used = processor();
    long long start = now();
    run(socket, size, flags, start + nanoseconds(words[6]), 1);
    double seconds = (double)(now() - start) / 1e9;
    used = processor() - used;
    if (!count) return 1;
    qsort(samples, count, sizeof *samples, smaller);
    printf("{\"messages\":%zu,\"seconds\":%.6f,\"messages_per_s\":%.1f,\"p50_us\":%.3f,"
           "\"p99_us\":%.3f,\"processor_us\":%.0f}\n",
           count, seconds, (double)count / seconds, samples[count / 2] / 1e3,
           samples[count - 1 - count / 100] / 1e3, used);
    return 0;
}
