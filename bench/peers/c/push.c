// One connection, bytes in one direction, as fast as they are taken. `lines` ends a line every
// LINE bytes, and throws away the answers to them; without, there is no newline at all.
//
// It ends its side and waits until the server has ended too: what is counted was taken.
//
// usage: push ADDRESS PORT LINE(0: none) WARM-UP-SECONDS SECONDS
// prints: {"bytes":N,"seconds":S,"bytes_per_s":R,"bytes_all":A,"processor_us":C}

#define _GNU_SOURCE
#include "client.h"

// As much in one call as iperf3 gives.
enum { CHUNK = 128 * 1024 };

static char chunk[CHUNK];

// Takes what has come without copying it (tcp(7)); 0 at the end of the stream.
static int thrown_away(int socket, int flags) {
    ssize_t count = recv(socket, NULL, 1 << 24, MSG_TRUNC | flags);
    if (count < 0 && errno != EAGAIN) fail("recv");
    return count != 0;
}

static unsigned long long run(int socket, int answered, long long until) {
    unsigned long long sent = 0;
    while (now() < until) {
        ssize_t count = send(socket, chunk, CHUNK, 0);
        if (count < 0) fail("send");
        // The rest of a chunk that went in part would be a line of another length.
        for (size_t part = (size_t)count; part < CHUNK; part += (size_t)count) {
            count = send(socket, chunk + part, CHUNK - part, 0);
            if (count < 0) fail("send");
        }
        sent += CHUNK;
        if (answered && !thrown_away(socket, MSG_DONTWAIT)) {
            fprintf(stderr, "the server ended first\n");
            exit(3);
        }
    }
    return sent;
}

int main(int words_count, char **words) {
    if (words_count != 6) {
        fprintf(stderr, "usage: push ADDRESS PORT LINE WARM-UP SECONDS\n");
        return 2;
    }
    struct sockaddr_in to = address(words[1], words[2]);
    size_t line = (size_t)atol(words[3]);
    fill(chunk, CHUNK);
    for (size_t end = line; line && end <= CHUNK; end += line) chunk[end - 1] = '\n';
    int socket = connected(&to, NULL);
    unsigned long long before = run(socket, line != 0, now() + nanoseconds(words[4]));
    double used = processor();
    long long start = now();
    unsigned long long sent = run(socket, line != 0, start + nanoseconds(words[5]));
    if (shutdown(socket, SHUT_WR) < 0) fail("shutdown");
    while (thrown_away(socket, 0)) {
    }
    double seconds = (double)(now() - start) / 1e9;
    printf("{\"bytes\":%llu,\"seconds\":%.6f,\"bytes_per_s\":%.0f,\"bytes_all\":%llu,"
           "\"processor_us\":%.0f}\n",
           sent, seconds, (double)sent / seconds, before + sent, processor() - used);
    return 0;
}
