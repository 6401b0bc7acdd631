// upstream.c: the provider behind every candidate of the benchmark.  One thread, epoll, prebuilt answers, so that it is
// never the slowest part.
//
//   upstream [-p PORT] [-j BYTES] [-e EVENTS] [-g GAP_US] [-f FIRST_US] [-m NAME]
//
// Prints {"port":N} when it listens.  A POST whose body says "stream": true gets EVENTS server-sent events, one every
// GAP_US, the first after FIRST_US plus a share of GAP_US that differs from stream to stream (so that 500 streams do
// not tick together); any other POST a chat.completion of about BYTES bytes.  The text of each event is
// "@<CLOCK_MONOTONIC ns>.<number> ", stamped right before the send: text survives every gateway, and reader and writer
// share the machine's clock.  GET /stats tells how many requests came and how many named the model NAME.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REQUEST = 8 << 20, MAX_FDS = 65536, BATCH = 256 };

struct client {
  int fd;
  char *in;
  size_t used, room;
  char *out; // what the socket did not take
  size_t pending, done;
  int events_left, number, slot; // slot: place in the heap of timers, -1 when not streaming
  uint64_t due;
};

static int poller, events = 250, gap_us = 40000, first_us = 5000;
static const char *model;
static char *answer;
static size_t answer_size;
static unsigned long requests, named;
static struct client *clients[MAX_FDS], *timers[MAX_FDS];
static int timer_count;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *must(void *p) {
  if (!p) {
    perror("memory");
    exit(1);
  }
  return p;
}

// ---- timers: a binary heap of clients by due time, each knowing its place

static void place(int i, struct client *c) {
  timers[i] = c;
  c->slot = i;
}

static void sift(int i) {
  struct client *c = timers[i];
  while (i > 0 && timers[(i - 1) / 2]->due > c->due) {
    place(i, timers[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  for (int child; (child = 2 * i + 1) < timer_count; i = child) {
    if (child + 1 < timer_count && timers[child + 1]->due < timers[child]->due) child++;
    if (timers[child]->due >= c->due) break;
    place(i, timers[child]);
  }
  place(i, c);
}

static void unschedule(struct client *c) {
  int i = c->slot;
  if (i < 0) return;
  c->slot = -1;
  struct client *last = timers[--timer_count];
  if (last != c) {
    place(i, last);
    sift(i);
  }
}

static void schedule(struct client *c) {
  place(timer_count++, c);
  sift(timer_count - 1);
}

// ---- sockets

static void drop(struct client *c) {
  unschedule(c);
  clients[c->fd] = NULL;
  close(c->fd);
  free(c->in);
  free(c->out);
  free(c);
}

static void watch(struct client *c, uint32_t what) {
  struct epoll_event e = {.events = what, .data.fd = c->fd};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}

// Returns false when the client is gone (and freed).
static bool put(struct client *c, const char *data, size_t size) {
  if (!c->pending) {
    ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
      drop(c);
      return false;
    }
    if (n > 0) data += n, size -= (size_t)n;
    if (!size) return true;
    watch(c, EPOLLIN | EPOLLOUT);
  }
  c->out = must(realloc(c->out, c->done + c->pending + size));
  memcpy(c->out + c->done + c->pending, data, size);
  c->pending += size;
  return true;
}

static bool flush(struct client *c) {
  ssize_t n = send(c->fd, c->out + c->done, c->pending, MSG_NOSIGNAL);
  if (n < 0) {
    if (errno == EAGAIN) return true;
    drop(c);
    return false;
  }
  c->done += (size_t)n;
  c->pending -= (size_t)n;
  if (!c->pending) {
    c->done = 0;
    watch(c, EPOLLIN);
  }
  return true;
}

// ---- answers

static void build_answer(size_t want) {
  static const char form[] =
      "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1780000000,\"model\":\"bench-model\","
      "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\",\"refusal\":null},"
      "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":240,\"completion_tokens\":120,"
      "\"total_tokens\":360,\"prompt_tokens_details\":{\"cached_tokens\":64}},\"system_fingerprint\":\"fp_bench\"}";
  size_t frame = sizeof form - 3, fill = want > frame ? want - frame : 0;
  char *text = must(malloc(fill + 1)), *body = NULL;
  for (size_t i = 0; i < fill; i++) text[i] = i % 6 == 5 ? ' ' : 'w';
  text[fill] = 0;
  int size = asprintf(&body, form, text);
  int total = asprintf(&answer,
                       "HTTP/1.1 200 OK\r\ndate: Mon, 01 Jun 2026 10:00:00 GMT\r\nserver: bench\r\n"
                       "content-type: application/json\r\nx-request-id: req_bench\r\n"
                       "x-ratelimit-remaining-requests: 9999\r\ncontent-length: %d\r\n\r\n%s",
                       size, body);
  if (size < 0 || total < 0) exit(1);
  answer_size = (size_t)total;
  free(text);
  free(body);
}

static bool begin_stream(struct client *c) {
  static const char head[] =
      "HTTP/1.1 200 OK\r\ndate: Mon, 01 Jun 2026 10:00:00 GMT\r\nserver: bench\r\n"
      "content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-request-id: req_bench\r\n"
      "transfer-encoding: chunked\r\n\r\n";
  if (!put(c, head, sizeof head - 1)) return false;
  c->events_left = events;
  c->number = 0;
  c->due = now_ns() + (uint64_t)first_us * 1000 + (uint64_t)(rand() % 1024) * (uint64_t)gap_us * 1000 / 1024;
  schedule(c);
  return true;
}

static void tick(struct client *c) {
  char data[768], framed[1024];
  int size;
  if (c->events_left-- > 0) {
    size = snprintf(data, sizeof data,
                    "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,"
                    "\"model\":\"bench-model\",\"system_fingerprint\":\"fp_bench\",\"choices\":[{\"index\":0,"
                    "\"delta\":{\"content\":\"@%llu.%d \"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
                    (unsigned long long)now_ns(), c->number++);
    size = snprintf(framed, sizeof framed, "%x\r\n%s\r\n", size, data);
    c->due += (uint64_t)gap_us * 1000;
    sift(c->slot);
  } else {
    size = snprintf(data, sizeof data,
                    "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,"
                    "\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
                    "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,"
                    "\"model\":\"bench-model\",\"choices\":[],\"usage\":{\"prompt_tokens\":240,"
                    "\"completion_tokens\":%d,\"total_tokens\":%d}}\n\ndata: [DONE]\n\n",
                    events, events + 240);
    size = snprintf(framed, sizeof framed, "%x\r\n%s\r\n0\r\n\r\n", size, data);
    unschedule(c);
  }
  put(c, framed, (size_t)size);
}

// ---- requests

// Size of a chunked body that begins at p, 0 when it is not complete, (size_t)-1 when it is not chunked coding.
static size_t chunked_size(const char *p, size_t size) {
  size_t at = 0;
  for (;;) {
    const char *line = memmem(p + at, size - at, "\r\n", 2);
    if (!line) return 0;
    char *rest;
    unsigned long n = strtoul(p + at, &rest, 16);
    if (rest == p + at || n > MAX_REQUEST) return (size_t)-1;
    at = (size_t)(line - p) + 2 + n + 2;
    if (at > size) return 0;
    if (!n) return at; // trailers are not sent by any candidate
  }
}

// Value of a header, or NULL.  The head ends with a NUL.
static const char *header(const char *head, const char *name) {
  const char *p = strcasestr(head, name);
  return p ? p + strlen(name) : NULL;
}

// Bytes used by the first complete request, 0 when more is needed, -1 when the client is gone.
static ssize_t serve(struct client *c) {
  char *end = memmem(c->in, c->used, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t head = (size_t)(end - c->in) + 4, body = 0;
  end[2] = 0;
  const char *length = header(c->in, "\r\ncontent-length:"), *coding = header(c->in, "\r\ntransfer-encoding:");
  bool expects = header(c->in, "\r\nexpect:") != NULL;
  if (length) body = strtoul(length, NULL, 10);
  end[2] = '\r';
  if (expects && c->used == head && !put(c, "HTTP/1.1 100 Continue\r\n\r\n", 25)) return -1;
  if (!length && coding) {
    body = chunked_size(c->in + head, c->used - head);
    if (!body) return 0;
  }
  if (body > MAX_REQUEST) {
    drop(c);
    return -1;
  }
  if (c->used < head + body) return 0;
  const char *text = c->in + head;
  if (!strncmp(c->in, "GET ", 4)) {
    char stats[256], out[512];
    int n = snprintf(stats, sizeof stats, "{\"requests\":%lu,\"named\":%lu}", requests, named);
    n = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
                 n, stats);
    return put(c, out, (size_t)n) ? (ssize_t)(head + body) : -1;
  }
  requests++;
  if (model && memmem(text, body, model, strlen(model))) named++;
  bool stream = memmem(text, body, "\"stream\":true", 13) || memmem(text, body, "\"stream\": true", 14);
  bool here = stream ? begin_stream(c) : put(c, answer, answer_size);
  return here ? (ssize_t)(head + body) : -1;
}

static void arrive(struct client *c) {
  if (c->room - c->used < 4096) {
    if (c->room >= MAX_REQUEST) {
      drop(c);
      return;
    }
    c->in = must(realloc(c->in, c->room *= 2));
  }
  ssize_t n = recv(c->fd, c->in + c->used, c->room - c->used - 1, 0);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) drop(c);
    return;
  }
  c->used += (size_t)n;
  while (c->used && c->slot < 0) { // a pipelined request waits until the stream before it is over
    ssize_t taken = serve(c);
    if (taken < 0) return;
    if (!taken) break;
    c->used -= (size_t)taken;
    memmove(c->in, c->in + taken, c->used);
  }
}

static void welcome(int listener) {
  for (int fd, one = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    if (fd >= MAX_FDS) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct client *c = must(calloc(1, sizeof *c));
    *c = (struct client){.fd = fd, .slot = -1, .room = 8192};
    c->in = must(malloc(c->room));
    clients[fd] = c;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
  }
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t size = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 4096) ||
      getsockname(fd, (struct sockaddr *)&address, &size)) {
    perror("upstream: listen");
    exit(1);
  }
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(int argc, char **argv) {
  int port = 0, size = 1024;
  for (int option; (option = getopt(argc, argv, "p:j:e:g:f:m:")) != -1;) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 'j': size = atoi(optarg); break;
      case 'e': events = atoi(optarg); break;
      case 'g': gap_us = atoi(optarg); break;
      case 'f': first_us = atoi(optarg); break;
      case 'm': model = optarg; break;
      default: return 2;
    }
  signal(SIGPIPE, SIG_IGN);
  build_answer((size_t)size);
  int listener = listen_on(port);
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, ready[BATCH];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
  for (;;) {
    struct timespec wait = {0}, *limit = NULL;
    if (timer_count) {
      uint64_t now = now_ns(), left = timers[0]->due > now ? timers[0]->due - now : 0;
      wait.tv_sec = (time_t)(left / 1000000000u);
      wait.tv_nsec = (long)(left % 1000000000u);
      limit = &wait;
    }
    int n = epoll_pwait2(poller, ready, BATCH, limit, NULL);
    if (n < 0 && errno != EINTR) {
      perror("upstream: epoll_pwait2");
      return 1;
    }
    for (int i = 0; i < n; i++) {
      int fd = ready[i].data.fd;
      if (fd == listener) {
        welcome(listener);
        continue;
      }
      struct client *c = clients[fd];
      if (c && ready[i].events & EPOLLOUT && !flush(c)) continue;
      if (c && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) arrive(c);
    }
    // A fixed number of events before sockets get a look again: late timers must not starve new requests.
    for (int budget = BATCH; timer_count && budget && timers[0]->due <= now_ns(); budget--) tick(timers[0]);
  }
}
