// load.c: the clients of the benchmark.  One thread, epoll, a full HTTP/1.1 response parser (a gateway may cut chunks
// where it likes).
//
//   load -p PORT -b BODYFILE [-m json|sse] [-c CONNECTIONS] [-d SECONDS] [-n COUNT] [-k KEY] [-P PATH]
//        [-e EVENTS] [-r RAMP_MS] [-E END]
//
// json: a closed loop; every connection sends the next request when the answer is complete.  Ends after SECONDS or
//       COUNT requests, whichever is first, and waits for what is under way.
// sse:  every connection opens COUNT streams one after the other (default 1), connections spread over RAMP_MS.  Each must
//       bring EVENTS events "@<CLOCK_MONOTONIC ns>.<number> " (see upstream.c) in order, then END ("[DONE]" unless given).
//       SECONDS bounds the run; what has not come by then is lost.
// Prints one JSON object.  Delays and latencies in microseconds; `first` is the first answer of each connection (json), the
// first event of each stream (sse), counted apart in json.  Exit status 0 unless nothing at all could be measured.
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

enum { HEAD_MAX = 16384, READ_MAX = 65536, BATCH = 256, CONNECTIONS_MAX = 20000, ERRORS_MAX = 1000 };
enum part { HEAD, LENGTH, SIZE, DATA, DATA_END, TRAILER, TO_EOF };

struct conn {
  int fd;
  bool connecting, busy, finished;
  uint64_t began, opened; // request sent; connection attempt started
  size_t sent;            // bytes of the request that the socket took
  long served;            // requests or streams completed on this slot
  // response
  enum part part;
  int status;
  uint64_t left;
  bool close_after;
  char head[HEAD_MAX];
  size_t head_used;
  // events
  int scan, done_match; // 0 look for '@', 1 time, 2 number
  uint64_t stamp;
  int number, expected;
};

struct samples {
  uint32_t *value; // units of 100 ns
  size_t count, room;
};

static int port, connections = 1, poller, ramp_ms = 1000, events_per_stream = 250;
static bool sse;
static double seconds = 5;
static long limit_count;
static const char *done = "[DONE]";
static char *request;
static size_t request_size;
static struct conn *conns;
static struct samples latency, first;
static unsigned long completed, started, errors, lost, disordered, events_seen, unfinished;
static unsigned long long bytes_in;
static uint64_t begin_ns, end_ns, last_ns;
static bool stopping;
static char first_error[200];

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

static void record(struct samples *s, uint64_t ns) {
  if (s->count == s->room) s->value = must(realloc(s->value, (s->room = s->room ? 2 * s->room : 4096) * sizeof(uint32_t)));
  uint64_t v = ns / 100;
  s->value[s->count++] = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

// Nearest-rank percentile in microseconds of sorted samples; -1 without any.
static double percentile(const struct samples *s, double p) {
  if (!s->count) return -1;
  size_t rank = (size_t)(p / 100 * (double)s->count + 0.999999);
  return s->value[rank ? (rank > s->count ? s->count : rank) - 1 : 0] / 10.0;
}

static void failed(const char *what, const char *detail, int size) {
  if (!errors++) {
    int n = snprintf(first_error, sizeof first_error, "%s: %.*s", what, size > 120 ? 120 : size, detail);
    for (int i = 0; i < n && first_error[i]; i++)
      if ((unsigned char)first_error[i] < 32 || first_error[i] == '"' || first_error[i] == '\\') first_error[i] = ' ';
  }
}

static bool more_to_start(const struct conn *c) {
  if (stopping) return false;
  if (sse) return c->served < (limit_count ? limit_count : 1);
  return !limit_count || started < (unsigned long)limit_count;
}

static void dial(struct conn *c) {
  int one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) {
    perror("load: socket");
    exit(1);
  }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  c->connecting = true;
  c->busy = false;
  c->opened = now_ns();
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) {
    perror("load: connect");
    exit(1);
  }
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
}

static void hang_up(struct conn *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
}

static void redial(struct conn *c) {
  hang_up(c);
  c->busy = false;
  if (errors > ERRORS_MAX && errors > completed) stopping = true; // nothing to be learnt from a dead candidate
  if (more_to_start(c)) dial(c);
  else c->finished = true;
}

static void watch(struct conn *c, uint32_t what) {
  struct epoll_event e = {.events = what, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}

static bool push(struct conn *c) {
  ssize_t n = send(c->fd, request + c->sent, request_size - c->sent, MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN) return false;
  if (n > 0) c->sent += (size_t)n;
  watch(c, c->sent < request_size ? EPOLLIN | EPOLLOUT : EPOLLIN);
  return true;
}

static void fire(struct conn *c) {
  c->part = HEAD;
  c->head_used = 0;
  c->status = 0;
  c->sent = 0;
  c->scan = c->done_match = 0;
  c->expected = 0;
  c->busy = true;
  started++;
  c->began = now_ns();
  ssize_t n = send(c->fd, request, request_size, MSG_NOSIGNAL);
  if (n >= 0 && (size_t)n == request_size) {
    c->sent = request_size;
    return;
  }
  c->sent = n > 0 ? (size_t)n : 0;
  watch(c, EPOLLIN | EPOLLOUT);
}

// ---- events inside a body

static void saw_event(struct conn *c, uint64_t now) {
  if (c->number != c->expected) disordered++;
  if (!c->expected) record(&first, now - c->began);
  c->expected = c->number + 1;
  events_seen++;
  record(&latency, now > c->stamp ? now - c->stamp : 0);
}

static void scan(struct conn *c, const char *p, size_t size, uint64_t now) {
  for (const char *end = p + size; p < end; p++) {
    if (c->scan == 1 || c->scan == 2) {
      if (*p >= '0' && *p <= '9') {
        if (c->scan == 1) c->stamp = c->stamp * 10 + (uint64_t)(*p - '0');
        else c->number = c->number * 10 + (*p - '0');
      } else if (c->scan == 1 && *p == '.') {
        c->scan = 2;
        c->number = 0;
      } else {
        if (c->scan == 2) saw_event(c, now);
        c->scan = 0;
      }
    } else if (*p == '@') {
      c->scan = 1;
      c->stamp = 0;
    } else if (done[c->done_match] && *p == done[c->done_match]) {
      c->done_match++;
    } else if (done[c->done_match]) {
      c->done_match = *p == done[0];
    }
  }
}

// ---- responses

static void finish(struct conn *c, uint64_t now) {
  c->busy = false;
  c->served++;
  last_ns = now;
  bool good = c->status == 200;
  if (sse) {
    if (c->expected < events_per_stream) lost += (unsigned long)(events_per_stream - c->expected);
    if (good && done[c->done_match]) good = false;
    if (!good) failed("stream without its end", c->head, (int)c->head_used);
  } else if (good) {
    // The first answer of a connection also waited to be accepted: that is another question, told apart.
    record(c->served == 1 ? &first : &latency, now - c->began);
  } else {
    failed("status", c->head, (int)c->head_used);
  }
  if (good) completed++;
  if (c->close_after) {
    redial(c);
  } else if (more_to_start(c)) {
    fire(c);
  } else {
    c->finished = true;
    hang_up(c);
  }
}

// Returns false when the head is not one that can be followed.
static bool read_head(struct conn *c) {
  c->head[c->head_used] = 0;
  if (strncmp(c->head, "HTTP/1.", 7) || c->head_used < 12) return false;
  c->status = atoi(c->head + 9);
  c->close_after = strcasestr(c->head, "\r\nconnection: close") != NULL || c->head[7] == '0';
  const char *length = strcasestr(c->head, "\r\ncontent-length:");
  if (c->status < 200) {
    c->head_used = 0; // interim: the real one follows
  } else if (strcasestr(c->head, "\r\ntransfer-encoding: chunked")) {
    c->part = SIZE;
    c->left = 0;
  } else if (length) {
    c->part = LENGTH;
    c->left = strtoull(length + 17, NULL, 10);
  } else {
    c->part = TO_EOF;
    c->close_after = true;
  }
  return true;
}

// Take one piece of a response.  1: more may follow, 0: response complete, -1: broken.  *used: bytes taken.
static int step(struct conn *c, const char *p, size_t size, uint64_t now, size_t *used) {
  size_t n = 1;
  switch (c->part) {
    case HEAD:
      if (c->head_used + 1 >= HEAD_MAX) return -1;
      c->head[c->head_used++] = *p;
      if (*p == '\n' && c->head_used > 3 && !memcmp(c->head + c->head_used - 4, "\r\n\r\n", 4)) {
        if (!read_head(c)) return -1;
        if (c->part == LENGTH && !c->left) { *used = 1; return 0; }
      }
      break;
    case SIZE:
      if (*p == '\n') c->part = c->left ? DATA : TRAILER, c->head_used = 0;
      else if (*p >= '0' && *p <= '9') c->left = c->left * 16 + (uint64_t)(*p - '0');
      else if ((*p | 32) >= 'a' && (*p | 32) <= 'f') c->left = c->left * 16 + (uint64_t)((*p | 32) - 'a' + 10);
      else if (*p != '\r') return -1; // no candidate sends chunk extensions
      break;
    case TRAILER:
      if (*p == '\n') {
        if (c->head_used <= 1) { *used = 1; return 0; }
        c->head_used = 0;
      } else c->head_used++;
      break;
    case DATA_END:
      if (*p == '\n') c->part = SIZE, c->left = 0;
      break;
    case LENGTH:
    case DATA:
    case TO_EOF:
      n = c->part == TO_EOF || size < c->left ? size : (size_t)c->left;
      if (sse) scan(c, p, n, now);
      if (c->part == TO_EOF) break;
      c->left -= n;
      if (!c->left && c->part == LENGTH) { *used = n; return 0; }
      if (!c->left) c->part = DATA_END;
      break;
  }
  *used = n;
  return 1;
}

static void readable(struct conn *c) {
  static char buffer[READ_MAX];
  ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
  uint64_t now = now_ns();
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    if (c->busy && c->part == TO_EOF && n == 0) {
      finish(c, now);
      return;
    }
    if (c->busy) {
      failed(n ? "connection reset" : "connection closed midway", c->head, (int)c->head_used);
      if (sse) lost += (unsigned long)(events_per_stream - c->expected), c->served++;
    }
    redial(c);
    return;
  }
  bytes_in += (unsigned long long)n;
  for (size_t at = 0, used = 0; at < (size_t)n; at += used) {
    int state = c->busy ? step(c, buffer + at, (size_t)n - at, now, &used) : -1;
    if (state > 0) continue;
    if (state < 0) {
      failed("broken response", buffer + at, (int)((size_t)n - at));
      if (sse) lost += (unsigned long)(events_per_stream - c->expected), c->served++;
      redial(c);
    } else {
      if (at + used < (size_t)n) failed("bytes after the response", buffer + at, (int)((size_t)n - at));
      finish(c, now);
    }
    return;
  }
}

static void ready(struct conn *c, uint32_t what) {
  if (c->connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
      failed("connect", strerror(error), 60);
      usleep(1000);
      redial(c);
      return;
    }
    c->connecting = false;
    watch(c, EPOLLIN);
    fire(c);
    return;
  }
  if (what & EPOLLOUT && c->sent < request_size && !push(c)) {
    failed("send", strerror(errno), 60);
    redial(c);
    return;
  }
  if (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
}

static void build_request(const char *file, const char *key, const char *path) {
  FILE *f = fopen(file, "rb");
  if (!f || fseek(f, 0, SEEK_END)) {
    perror(file);
    exit(2);
  }
  long size = ftell(f);
  rewind(f);
  request = must(malloc((size_t)size + 2048));
  int head = snprintf(request, 2048,
                      "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
                      "Content-Type: application/json\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
                      "User-Agent: OpenAI/Python 2.0.0\r\nX-Stainless-Lang: python\r\nX-Stainless-OS: Linux\r\n"
                      "X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Async: async\r\n"
                      "Content-Length: %ld\r\n\r\n",
                      path, port, key, size);
  if (head >= 2048 || fread(request + head, 1, (size_t)size, f) != (size_t)size) {
    fprintf(stderr, "load: cannot read %s\n", file);
    exit(2);
  }
  request_size = (size_t)head + (size_t)size;
  fclose(f);
}

static void report(void) {
  for (int i = 0; i < connections; i++) {
    struct conn *c = &conns[i];
    if (!c->busy) continue;
    unfinished++;
    if (sse) lost += (unsigned long)(events_per_stream - c->expected);
  }
  qsort(latency.value, latency.count, sizeof(uint32_t), by_value);
  qsort(first.value, first.count, sizeof(uint32_t), by_value);
  double took = (double)((last_ns > begin_ns ? last_ns : now_ns()) - begin_ns) / 1e9;
  printf("{\"mode\":\"%s\",\"connections\":%d,\"seconds\":%.3f,\"completed\":%lu,\"errors\":%lu,\"unfinished\":%lu,"
         "\"per_second\":%.1f,\"kb_per_second\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f",
         sse ? "sse" : "json", connections, took, completed, errors, unfinished,
         (double)(sse ? events_seen : completed) / took, (double)bytes_in / 1024 / took, percentile(&latency, 50),
         percentile(&latency, 90), percentile(&latency, 99), percentile(&latency, 100));
  printf(",\"first_p50_us\":%.1f,\"first_p99_us\":%.1f", percentile(&first, 50), percentile(&first, 99));
  if (sse)
    printf(",\"streams\":%lu,\"events\":%lu,\"lost\":%lu,\"disordered\":%lu", started, events_seen, lost, disordered);
  printf(",\"first_error\":\"%s\"}\n", first_error);
}

static bool run(void) {
  struct epoll_event got[BATCH];
  int dialled = 0;
  uint64_t grace = end_ns + 5000000000u; // what is under way when a json run ends may take so long
  for (;;) {
    uint64_t now = now_ns();
    if (now >= end_ns) stopping = true;
    while (dialled < connections && !stopping &&
           (now - begin_ns) >= (uint64_t)dialled * (uint64_t)ramp_ms * 1000000u / (uint64_t)connections)
      dial(&conns[dialled++]);
    bool waiting = dialled < connections && !stopping;
    for (int i = 0; i < dialled && !waiting; i++) waiting = conns[i].busy || (!conns[i].finished && !stopping);
    if (!waiting || (stopping && sse) || now > grace) return true;
    int n = epoll_wait(poller, got, BATCH, dialled < connections ? 1 : 50);
    for (int i = 0; i < n; i++) {
      struct conn *c = got[i].data.ptr;
      if (c->fd >= 0) ready(c, got[i].events);
    }
  }
}

int main(int argc, char **argv) {
  const char *file = NULL, *key = "none", *path = "/v1/chat/completions";
  bool ramp_given = false;
  for (int option; (option = getopt(argc, argv, "p:b:m:c:d:n:k:P:e:r:E:")) != -1;) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 'b': file = optarg; break;
      case 'm': sse = !strcmp(optarg, "sse"); break;
      case 'c': connections = atoi(optarg); break;
      case 'd': seconds = atof(optarg); break;
      case 'n': limit_count = atol(optarg); break;
      case 'k': key = optarg; break;
      case 'P': path = optarg; break;
      case 'E': done = optarg; break;
      case 'e': events_per_stream = atoi(optarg); break;
      case 'r': ramp_ms = atoi(optarg), ramp_given = true; break;
      default: return 2;
    }
  if (!file || port <= 0 || connections < 1 || connections > CONNECTIONS_MAX || seconds <= 0) {
    fprintf(stderr, "usage: load -p PORT -b BODYFILE [-m json|sse] [-c CONNECTIONS] [-d SECONDS] [-n COUNT] [-k KEY]\n"
                    "            [-P PATH] [-e EVENTS] [-r RAMP_MS] [-E END]\n");
    return 2;
  }
  if (!sse && !ramp_given) ramp_ms = 0;
  if (!sse && limit_count && limit_count < connections) connections = (int)limit_count;
  signal(SIGPIPE, SIG_IGN);
  build_request(file, key, path);
  conns = must(calloc((size_t)connections, sizeof *conns));
  for (int i = 0; i < connections; i++) conns[i].fd = -1;
  poller = epoll_create1(EPOLL_CLOEXEC);
  begin_ns = now_ns();
  end_ns = begin_ns + (uint64_t)(seconds * 1e9);
  run();
  report();
  return completed ? 0 : 1;
}
