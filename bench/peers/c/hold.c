// Holds connections that say nothing. The first one exchanges ROUNDS large messages, so that
// whatever a server shares between its connections has been used; then it says "first" and waits
// for a byte on its input. Then it opens CONNECTIONS more, each answered a small message, says
// "held" and waits again. At the end each must be there still.
//
// A local address has some 28 000 ports, and the kernel finds a free one fast only while less than
// half of them are taken, so the connections come from 127.0.0.2, 127.0.0.3 and so on.
//
// usage: hold ADDRESS PORT CONNECTIONS ROUNDS

#define _GNU_SOURCE
#include "client.h"

enum { PER_SOURCE = 10000, SMALL = 64, LARGE = 64 * 1024 };

static char message[LARGE], reply[LARGE];

static void exchange(int socket, size_t size) {
    if (send(socket, message, size, 0) != (ssize_t)size) fail("send");
    for (size_t got = 0; got < size;) {
        ssize_t count = recv(socket, reply + got, size - got, 0);
        if (count <= 0) fail("recv");
        got += (size_t)count;
    }
    if (memcmp(message, reply, size)) {
        fprintf(stderr, "a wrong reply\n");
        exit(3);
    }
}

// Says where it is, and goes on when it is told so; the end of the input is the end.
static void wait_after(const char *word) {
    char byte;
    puts(word);
    fflush(stdout);
    if (read(0, &byte, 1) != 1) exit(4);
}

int main(int words_count, char **words) {
    if (words_count != 5) {
        fprintf(stderr, "usage: hold ADDRESS PORT CONNECTIONS ROUNDS\n");
        return 2;
    }
    struct sockaddr_in to = address(words[1], words[2]);
    size_t connections = (size_t)atol(words[3]);
    int *sockets = calloc(connections + 1, sizeof *sockets);
    if (!sockets) fail("calloc");
    fill(message, LARGE);
    message[SMALL - 1] = message[LARGE - 1] = '\n';
    sockets[0] = connected(&to, NULL);
    for (long round = atol(words[4]); round > 0; round--) exchange(sockets[0], LARGE);
    wait_after("first");
    for (size_t number = 1; number <= connections; number++) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(0x7f000002 + (uint32_t)(number / PER_SOURCE));
        sockets[number] = connected(&to, &from);
        exchange(sockets[number], SMALL);
    }
    wait_after("held");
    for (size_t number = 0; number <= connections; number++) {
        char byte;
        if (recv(sockets[number], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN) {
            fprintf(stderr, "connection %zu was lost\n", number);
            return 3;
        }
    }
    return 0;
}
