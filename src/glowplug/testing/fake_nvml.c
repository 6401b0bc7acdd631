/* A libnvidia-ml.so.1 without a GPU: what the driver's library answers, taken from a text file.
 *
 * It imitates NVML as driver r575 has it (CUDA 12.9; the same names go on in 13.x): function names, structures and return
 * codes as in nvml.h, semantics as in the NVML API reference.  Only what a reader of memory and of energy needs is here.  Built and fed
 * by glowplug.testing.fake_nvml, which describes the file; $NVIDIA_FAKE_STATE names it, and every call reads it again.
 *
 * As with the real driver, memory of a process that is gone is free, whoever killed it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
       DRIVER_NOT_LOADED = 9, ARGUMENT_VERSION_MISMATCH = 25 };
enum { MOST_GPUS = 16, MOST_HOLDS = 128, MOST_FAILURES = 32, MOST_TEXT = 65536 };

typedef unsigned long long bytes;

typedef struct {
    bytes total, reserved, base, others, leaked;
    int lost; /* the code every call about it returns, or 0 */
    char pci[24], uuid[96], flags[64], name[96];
    bytes millijoules;
    unsigned milliwatts;
    int counts, draws; /* whether it says so */
} gpu;

typedef struct {
    int gpu;
    unsigned pid;
    bytes start, memory;
    char kind; /* C compute, G graphics, B both */
    int keep;  /* outlives its process */
} hold;

typedef struct {
    char function[64];
    int code, gpu; /* gpu -1: whichever */
} failure;

typedef struct {
    int gpus, holds, failures;
    bytes epoch;
    char driver[80];
    gpu gpu[MOST_GPUS];
    hold hold[MOST_HOLDS];
    failure failure[MOST_FAILURES];
} state;

static int users;          /* of nvmlInit without nvmlShutdown */
static bytes epoch_of_init; /* handles of an earlier driver are worthless, as after a reload of the module */
static int device = -1;    /* open from the first nvmlInit to the last nvmlShutdown, as /dev/nvidiactl is */

static int alive(unsigned pid, bytes start)
{
    char path[40], text[1024], *end;
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0)
        return 0;
    text[length] = 0;
    end = strrchr(text, ')'); /* the name before it may hold anything */
    if (!end || end[2] == 'Z' || end[2] == 'X')
        return 0;
    char *field = end + 2;
    for (int number = 3; number < 22 && field; number++)
        if ((field = strchr(field, ' ')))
            field++;
    return field && strtoull(field, NULL, 10) == start;
}

static void read_line(state *s, const char *line)
{
    gpu g = {0};
    hold h = {0};
    failure f = {.gpu = -1};
    int index;
    bytes number;
    if (s->gpus < MOST_GPUS && sscanf(line, "gpu %llu %llu %llu %llu %llu %d %23s %95s %63s %95[^\n]", &g.total,
            &g.reserved, &g.base, &g.others, &g.leaked, &g.lost, g.pci, g.uuid, g.flags, g.name) == 10)
        s->gpu[s->gpus++] = g;
    else if (s->holds < MOST_HOLDS && sscanf(line, "hold %d %u %llu %llu %c %d", &h.gpu, &h.pid, &h.start, &h.memory,
                 &h.kind, &h.keep) == 6)
        s->hold[s->holds++] = h;
    else if (s->failures < MOST_FAILURES && sscanf(line, "fail %63s %d %d", f.function, &f.code, &f.gpu) >= 2)
        s->failure[s->failures++] = f;
    else if (sscanf(line, "energy %d %llu", &index, &number) == 2 && index >= 0 && index < s->gpus) {
        s->gpu[index].millijoules = number;
        s->gpu[index].counts = 1;
    } else if (sscanf(line, "power %d %llu", &index, &number) == 2 && index >= 0 && index < s->gpus) {
        s->gpu[index].milliwatts = (unsigned)number;
        s->gpu[index].draws = 1;
    } else if (sscanf(line, "driver %79s", s->driver) != 1)
        sscanf(line, "epoch %llu", &s->epoch);
}

static void read_state(state *s)
{
    static __thread char text[MOST_TEXT];
    const char *path = getenv("NVIDIA_FAKE_STATE");
    memset(s, 0, sizeof *s);
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) { /* nobody set it up: as if the module were not loaded */
        s->failure[s->failures++] = (failure){"*", DRIVER_NOT_LOADED, -1};
        return;
    }
    ssize_t length = 0, more;
    while (length < MOST_TEXT - 1 && (more = read(file, text + length, MOST_TEXT - 1 - length)) > 0)
        length += more;
    close(file);
    text[length] = 0;
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")))
        read_line(s, line);
}

/* What every call begins with: the state, and whether this call fails. */
static int begin(state *s, const char *function, int index, int needs_init)
{
    read_state(s);
    for (int i = 0; i < s->failures; i++) {
        failure *f = &s->failure[i];
        int named = !strcmp(f->function, function) || (!strcmp(f->function, "*") && strcmp(function, "nvmlShutdown"));
        if (named && (f->gpu < 0 || f->gpu == index))
            return f->code;
    }
    if (needs_init && (users == 0 || epoch_of_init != s->epoch))
        return UNINITIALIZED;
    return SUCCESS;
}

static int index_of(const void *handle) { return (int)(long)handle - 1; }

static int begin_device(state *s, const char *function, const void *handle, gpu **out)
{
    int index = index_of(handle);
    int code = begin(s, function, index, 1);
    if (code)
        return code;
    if (index < 0 || index >= s->gpus)
        return INVALID_ARGUMENT;
    *out = &s->gpu[index];
    return (*out)->lost;
}

#define BEGIN(index) state s; int code = begin(&s, __func__, index, 1); if (code) return code
#define BEGIN_DEVICE(handle) state s; gpu *g = NULL; int code = begin_device(&s, __func__, handle, &g); if (code) return code

static int give(const char *text, char *out, unsigned length)
{
    if (strlen(text) + 1 > length)
        return INSUFFICIENT_SIZE;
    strcpy(out, text);
    return SUCCESS;
}

static bytes allocated(const state *s, int index)
{
    const gpu *g = &s->gpu[index];
    bytes sum = g->base + g->others + g->leaked;
    for (int i = 0; i < s->holds; i++)
        if (s->hold[i].gpu == index && (s->hold[i].keep || alive(s->hold[i].pid, s->hold[i].start)))
            sum += s->hold[i].memory;
    bytes most = g->total - g->reserved;
    return sum < most ? sum : most;
}

/* ---- the library and the driver */

int nvmlInitWithFlags(unsigned flags)
{
    state s;
    int code = begin(&s, "nvmlInitWithFlags", -1, 0);
    (void)flags;
    if (code)
        return code;
    if (users++ == 0) {
        char path[4096];
        snprintf(path, sizeof path, "%s.device", getenv("NVIDIA_FAKE_STATE"));
        device = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    }
    epoch_of_init = s.epoch;
    return SUCCESS;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void)
{
    state s;
    int code = begin(&s, __func__, -1, 0);
    if (code)
        return code;
    if (users == 0)
        return UNINITIALIZED;
    if (--users == 0 && device >= 0) {
        close(device);
        device = -1;
    }
    return SUCCESS;
}

const char *nvmlErrorString(int code)
{
    static const struct { int code; const char *text; } known[] = {
        {0, "Success"}, {1, "Uninitialized"}, {2, "Invalid Argument"}, {3, "Not Supported"},
        {4, "Insufficient Permissions"}, {6, "Not Found"}, {7, "Insufficient Size"}, {9, "Driver Not Loaded"},
        {10, "Timeout"}, {12, "NVML Shared Library Not Found"}, {13, "Function Not Found"}, {15, "GPU is lost"},
        {16, "GPU requires reset"}, {18, "Driver/library version mismatch"}, {25, "Argument version mismatch"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == code)
            return known[i].text;
    return "Unknown Error";
}

int nvmlSystemGetDriverVersion(char *out, unsigned length) { BEGIN(-1); return give(s.driver, out, length); }
int nvmlSystemGetNVMLVersion(char *out, unsigned length) { BEGIN(-1); return give("12.575.57.08", out, length); }
int nvmlSystemGetCudaDriverVersion(int *out) { BEGIN(-1); *out = 12090; return SUCCESS; }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { BEGIN(-1); *out = 12090; return SUCCESS; }

/* ---- devices and what they are */

int nvmlDeviceGetCount_v2(unsigned *out) { BEGIN(-1); *out = s.gpus; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out)
{
    BEGIN((int)index);
    if (index >= (unsigned)s.gpus)
        return INVALID_ARGUMENT;
    *out = (void *)(long)(index + 1);
    return s.gpu[index].lost;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **out)
{
    BEGIN(-1);
    for (int i = 0; i < s.gpus; i++)
        if (!strcmp(s.gpu[i].uuid, uuid)) {
            *out = (void *)(long)(i + 1);
            return s.gpu[i].lost;
        }
    return NOT_FOUND;
}

int nvmlDeviceGetIndex(void *handle, unsigned *out) { BEGIN_DEVICE(handle); *out = index_of(handle); return SUCCESS; }
int nvmlDeviceGetName(void *handle, char *out, unsigned length) { BEGIN_DEVICE(handle); return give(g->name, out, length); }
int nvmlDeviceGetUUID(void *handle, char *out, unsigned length) { BEGIN_DEVICE(handle); return give(g->uuid, out, length); }

typedef struct {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} pci_info;

int nvmlDeviceGetPciInfo_v3(void *handle, pci_info *out)
{
    BEGIN_DEVICE(handle);
    memset(out, 0, sizeof *out);
    if (sscanf(g->pci, "%x:%x:%x", &out->domain, &out->bus, &out->device) != 3)
        return NOT_SUPPORTED;
    snprintf(out->bus_id, sizeof out->bus_id, "%08X:%02X:%02X.0", out->domain, out->bus & 0xff, out->device & 0xff);
    snprintf(out->bus_id_legacy, sizeof out->bus_id_legacy, "%04X:%02X:%02X.0", out->domain & 0xffff, out->bus & 0xff,
             out->device & 0xff);
    return SUCCESS;
}

int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending)
{
    BEGIN_DEVICE(handle);
    if (!strstr(g->flags, "mig"))
        return NOT_SUPPORTED;
    *current = *pending = 1;
    return SUCCESS;
}

typedef struct { unsigned gpu, memory; } utilization;

int nvmlDeviceGetUtilizationRates(void *handle, utilization *out)
{
    BEGIN_DEVICE(handle);
    out->gpu = out->memory = 0;
    return SUCCESS;
}

/* ---- energy */

int nvmlDeviceGetTotalEnergyConsumption(void *handle, bytes *out)
{
    BEGIN_DEVICE(handle);
    if (!g->counts)
        return NOT_SUPPORTED;
    *out = g->millijoules;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(void *handle, unsigned *out)
{
    BEGIN_DEVICE(handle);
    if (!g->draws)
        return NOT_SUPPORTED;
    *out = g->milliwatts;
    return SUCCESS;
}

/* ---- memory */

typedef struct { bytes total, free, used; } memory;
typedef struct { unsigned version; bytes total, reserved, free, used; } memory_v2;

int nvmlDeviceGetMemoryInfo(void *handle, memory *out)
{
    BEGIN_DEVICE(handle);
    if (strstr(g->flags, "unified"))
        return NOT_SUPPORTED;
    out->total = g->total;
    out->used = g->reserved + allocated(&s, index_of(handle));
    out->free = out->total - out->used;
    return SUCCESS;
}

#ifndef OLD_DRIVER /* r470: no second version of the memory, and the process lists only in their second */
int nvmlDeviceGetMemoryInfo_v2(void *handle, memory_v2 *out)
{
    BEGIN_DEVICE(handle);
    if (out->version != (sizeof *out | 2u << 24))
        return ARGUMENT_VERSION_MISMATCH;
    if (strstr(g->flags, "unified"))
        return NOT_SUPPORTED;
    out->total = g->total;
    out->reserved = g->reserved;
    out->used = allocated(&s, index_of(handle));
    out->free = out->total - out->reserved - out->used;
    return SUCCESS;
}
#endif

typedef struct { unsigned pid; bytes memory; unsigned gpu_instance, compute_instance; } process;

static int list(const state *s, const gpu *g, int index, char kind, unsigned *count, process *out)
{
    unsigned found = 0, room = out ? *count : 0;
    for (int i = 0; i < s->holds; i++) {
        const hold *h = &s->hold[i];
        if (h->gpu != index || (h->kind != kind && h->kind != 'B') || !alive(h->pid, h->start))
            continue;
        if (found < room)
            out[found] = (process){h->pid, strstr(g->flags, "no-process-memory") ? ~0ull : h->memory, ~0u, ~0u};
        found++;
    }
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

#ifdef OLD_DRIVER
#define LISTS(version) nvmlDeviceGet##version##RunningProcesses_v2
#else
#define LISTS(version) nvmlDeviceGet##version##RunningProcesses_v3
#endif

int LISTS(Compute)(void *handle, unsigned *count, process *out)
{
    BEGIN_DEVICE(handle);
    return list(&s, g, index_of(handle), 'C', count, out);
}

int LISTS(Graphics)(void *handle, unsigned *count, process *out)
{
    BEGIN_DEVICE(handle);
    return list(&s, g, index_of(handle), 'G', count, out);
}

int glowplug_fake_nvml(void) { return 1; } /* tells it from the real one */
