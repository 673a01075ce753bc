/* A CUDA driver without a device. It keeps the driver's books (contexts, allocations, modules, functions), checks every
   handle and address that it is given against them, and computes nothing: launches and fills of words are counted, and
   leave memory as it is. The calls of an enqueue take no lock and search nothing, so that a benchmark can measure an
   enqueue's own time on the host. The stand_in_* functions at the end are for the tests. Numbers are those of NVIDIA's
   cuda.h. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    UNSUPPORTED_PTX_VERSION = 222,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700,
    CONTEXT_IS_DESTROYED = 709,
};

#define FUNCTIONS(F) \
    F(cuInit) F(cuDriverGetVersion) F(cuDeviceGetCount) F(cuDeviceGet) F(cuDeviceGetName) F(cuDeviceGetAttribute) \
    F(cuDevicePrimaryCtxRetain) F(cuDevicePrimaryCtxGetState) F(cuDevicePrimaryCtxReset_v2) F(cuCtxSetCurrent) \
    F(cuCtxGetCurrent) F(cuCtxGetDevice) F(cuCtxGetId) F(cuCtxSynchronize) F(cuMemGetInfo_v2) F(cuMemAlloc_v2) \
    F(cuMemFree_v2) F(cuPointerGetAttribute) F(cuMemsetD8_v2) F(cuMemsetD8Async) F(cuMemsetD32Async) \
    F(cuMemcpyHtoDAsync_v2) F(cuMemcpyDtoHAsync_v2) F(cuStreamCreate) \
    F(cuStreamCreateWithPriority) F(cuStreamDestroy_v2) F(cuStreamSynchronize) F(cuEventCreate) F(cuEventRecord) \
    F(cuEventSynchronize) F(cuEventElapsedTime) F(cuEventDestroy_v2) F(cuModuleLoadDataEx) F(cuModuleGetFunction) \
    F(cuLaunchKernel) F(cuLaunchKernelEx)

#define NAME(f) #f,
static const char *const names[] = {FUNCTIONS(NAME)};
#define ID(f) id_##f,
enum { FUNCTIONS(ID) function_count };

#define SETTINGS(S) S(devices) S(architecture) S(version) S(newest_ptx) S(compiling_waits) S(inactive_can_be_current)
#define SETTING_NAME(s) #s,
static const char *const setting_names[] = {SETTINGS(SETTING_NAME)};
#define SETTING_ID(s) setting_##s,
enum { SETTINGS(SETTING_ID) setting_count };
/* One H100 with a driver of CUDA 12.8. newest_ptx is major * 10 + minor. */
static atomic_int settings[setting_count] = {1, 90, 12080, 87, 0, 0};

static atomic_int answers[function_count];

/* Ends the process. The test is wrong, because it asks for something that the stand-in does not have. */
static _Noreturn void stop(const char *why, const char *name)
{
    fprintf(stderr, "the stand-in driver %s %s\n", why, name);
    abort();
}

enum { MOST_THREADS = 1 << 10, MOST_DEVICES = 4, MOST_OBJECTS = 1 << 18 };

/* What a thread has called, and its current context. Each thread counts by itself, which takes no atomic addition, so
   that a launch takes no longer than 30 ns. */
struct thread {
    atomic_int calls[function_count];
    atomic_long blocks;
    struct context *current;
};
static struct thread threads[MOST_THREADS];
static atomic_int thread_count;

static struct thread *this_thread(void)
{
    static __thread __attribute__((tls_model("initial-exec"))) struct thread *own;
    if (!own) {
        int number = atomic_fetch_add(&thread_count, 1);
        if (number >= MOST_THREADS) stop("has no place for another", "thread");
        own = &threads[number];
    }
    return own;
}

/* Adds to a number that this thread alone writes. */
#define COUNT(number, more) \
    do { \
        long old = atomic_load_explicit(&(number), memory_order_relaxed); \
        atomic_store_explicit(&(number), old + (more), memory_order_release); \
    } while (0)

static int calls_of(int function)
{
    int sum = 0;
    for (int number = 0; number < atomic_load(&thread_count); ++number)
        sum += atomic_load_explicit(&threads[number].calls[function], memory_order_acquire);
    return sum;
}

/* Counts the call. If a test has set an answer, returns it. The rest of the function has its thread as `self`. */
#define BEGIN(f) \
    struct thread *self = this_thread(); \
    COUNT(self->calls[id_##f], 1); \
    int wanted = atomic_load(&answers[id_##f]); \
    if (wanted != SUCCESS) return wanted

/* A loop that waits for another thread calls this. */
static void pause_shortly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

/* A primary context. Its handle is the address, which stays the same when it is reset and made again. */
struct context {
    atomic_int is_active;
    _Atomic uint64_t id;
};
static struct context primary[MOST_DEVICES];

/* Whatever belongs to one life of a context: an allocation, a module, a function, a stream, an event. Its address in
   the table is its handle, and is not used again, so that one look tells whether a handle is good. */
enum { ALLOCATION = 1, MODULE, FUNCTION, STREAM, EVENT };
struct object {
    _Alignas(64) int kind;
    atomic_int is_gone;
    uint64_t context_id;
    uint64_t address;
    size_t bytes;
    /* A module's PTX. */
    char *text;
};
static struct object objects[MOST_OBJECTS];
static atomic_size_t object_count;
static atomic_int bad_handles;

/* Guards the lives of contexts, and what of the device's memory is given out. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_context_id;

/* The memory of all devices: addresses, behind which the system puts memory where something is written. An allocation
   takes whole pages, and no page is given out twice, so that an address does not come back by itself. */
#define MEMORY_BYTES ((size_t)1 << 36)
#define PAGE_BYTES ((size_t)1 << 20)
static uint64_t memory;
static size_t given_out;
static struct object *holders[MEMORY_BYTES / PAGE_BYTES];

static int is_usable(const struct context *context)
{
    return context >= primary && context < primary + MOST_DEVICES && atomic_load(&context->is_active);
}

static struct object *make(const struct thread *self, int kind)
{
    size_t number = atomic_fetch_add(&object_count, 1);
    if (number >= MOST_OBJECTS) stop("has no place for another", "object");
    struct object *object = &objects[number];
    object->context_id = atomic_load(&self->current->id);
    object->kind = kind;
    return object;
}

static int is_current(const struct thread *self, const struct object *object)
{
    return !atomic_load(&object->is_gone) && object->context_id == atomic_load(&self->current->id);
}

/* The object of a handle, if it is of this kind and belongs to the current life of the current context. Otherwise null,
   and the handle is counted as bad. */
static struct object *live(const struct thread *self, void *handle, int kind)
{
    size_t offset = (uintptr_t)handle - (uintptr_t)objects;
    struct object *object = handle;
    int is_handle = offset < sizeof objects && offset % sizeof *objects == 0;
    if (is_handle && object->kind == kind && is_current(self, object)) return object;
    atomic_fetch_add(&bad_handles, 1);
    return NULL;
}

/* The live allocation, of any context, that holds all the bytes. Null if there is none. */
static struct object *holder(uint64_t address, size_t bytes)
{
    uint64_t offset = address - memory;
    if (!memory || offset >= MEMORY_BYTES) return NULL;
    struct object *object = holders[offset / PAGE_BYTES];
    int holds = object && !atomic_load(&object->is_gone) && bytes <= object->bytes
        && address - object->address <= object->bytes - bytes;
    return holds ? object : NULL;
}

/* Whether a live allocation of the current context holds all the bytes. If not, the address is counted as bad. */
static int holds(const struct thread *self, uint64_t address, size_t bytes)
{
    struct object *object = holder(address, bytes);
    if (object && is_current(self, object)) return 1;
    atomic_fetch_add(&bad_handles, 1);
    return 0;
}

#define NEED_CONTEXT() \
    do { \
        if (!self->current) return INVALID_CONTEXT; \
        if (!is_usable(self->current)) return CONTEXT_IS_DESTROYED; \
    } while (0)
#define NEED_STREAM(stream) \
    do { \
        if ((stream) && !live(self, stream, STREAM)) return INVALID_HANDLE; \
    } while (0)

int cuInit(unsigned flags)
{
    (void)flags;
    BEGIN(cuInit);
    return settings[setting_devices] ? SUCCESS : NO_DEVICE;
}

int cuDriverGetVersion(int *version)
{
    BEGIN(cuDriverGetVersion);
    *version = settings[setting_version];
    return SUCCESS;
}

int cuDeviceGetCount(int *count)
{
    BEGIN(cuDeviceGetCount);
    *count = settings[setting_devices];
    return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal)
{
    BEGIN(cuDeviceGet);
    if (ordinal < 0 || ordinal >= settings[setting_devices]) return INVALID_DEVICE;
    *device = ordinal;
    return SUCCESS;
}

int cuDeviceGetName(char *name, int length, int device)
{
    BEGIN(cuDeviceGetName);
    snprintf(name, (size_t)length, "stand-in %d", device);
    return SUCCESS;
}

/* Attributes of a device. */
enum {
    CLOCK_KHZ = 13,
    MULTIPROCESSORS = 16,
    MEMORY_CLOCK_KHZ = 36,
    MEMORY_BUS_BITS = 37,
    L2_CACHE_BYTES = 38,
    MULTIPROCESSOR_THREADS = 39,
    MAJOR = 75,
    MINOR = 76,
};

/* The attributes of an H100, except the architecture, which is a setting. */
int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    BEGIN(cuDeviceGetAttribute);
    (void)device;
    switch (attribute) {
    case MAJOR: *value = settings[setting_architecture] / 10; return SUCCESS;
    case MINOR: *value = settings[setting_architecture] % 10; return SUCCESS;
    case CLOCK_KHZ: *value = 1980000; return SUCCESS;
    case MULTIPROCESSORS: *value = 132; return SUCCESS;
    case MULTIPROCESSOR_THREADS: *value = 2048; return SUCCESS;
    case L2_CACHE_BYTES: *value = 50 << 20; return SUCCESS;
    case MEMORY_CLOCK_KHZ: *value = 2619000; return SUCCESS;
    case MEMORY_BUS_BITS: *value = 5120; return SUCCESS;
    default: return INVALID_VALUE;
    }
}

int cuDevicePrimaryCtxRetain(void **context, int device)
{
    BEGIN(cuDevicePrimaryCtxRetain);
    pthread_mutex_lock(&lock);
    if (!primary[device].is_active) {
        primary[device].id = ++last_context_id;
        primary[device].is_active = 1;
    }
    pthread_mutex_unlock(&lock);
    *context = &primary[device];
    return SUCCESS;
}

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active)
{
    BEGIN(cuDevicePrimaryCtxGetState);
    *flags = 0;
    *active = primary[device].is_active;
    return SUCCESS;
}

int cuDevicePrimaryCtxReset_v2(int device)
{
    BEGIN(cuDevicePrimaryCtxReset_v2);
    pthread_mutex_lock(&lock);
    for (size_t number = 0; number < object_count; ++number)
        if (objects[number].context_id == primary[device].id) objects[number].is_gone = 1;
    primary[device].is_active = 0;
    pthread_mutex_unlock(&lock);
    return SUCCESS;
}

int cuCtxSetCurrent(void *context)
{
    BEGIN(cuCtxSetCurrent);
    if (context && !is_usable(context) && !settings[setting_inactive_can_be_current]) return CONTEXT_IS_DESTROYED;
    self->current = context;
    return SUCCESS;
}

int cuCtxGetCurrent(void **context)
{
    BEGIN(cuCtxGetCurrent);
    *context = self->current;
    return SUCCESS;
}

int cuCtxGetDevice(int *device)
{
    BEGIN(cuCtxGetDevice);
    NEED_CONTEXT();
    *device = (int)(self->current - primary);
    return SUCCESS;
}

int cuCtxGetId(struct context *context, uint64_t *id)
{
    BEGIN(cuCtxGetId);
    /* A driver from before CUDA 12.0 lacks the function. lazy_cuda_driver then returns NOT_FOUND. */
    if (settings[setting_version] < 12000) return NOT_FOUND;
    *id = (context ? context : self->current)->id;
    return SUCCESS;
}

int cuCtxSynchronize(void)
{
    BEGIN(cuCtxSynchronize);
    NEED_CONTEXT();
    return SUCCESS;
}

int cuMemGetInfo_v2(size_t *free_bytes, size_t *total)
{
    BEGIN(cuMemGetInfo_v2);
    NEED_CONTEXT();
    *free_bytes = *total = MEMORY_BYTES;
    return SUCCESS;
}

int cuMemAlloc_v2(uint64_t *address, size_t bytes)
{
    BEGIN(cuMemAlloc_v2);
    NEED_CONTEXT();
    if (bytes == 0) return INVALID_VALUE;
    pthread_mutex_lock(&lock);
    if (!memory) {
        void *reserved =
            mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (reserved == MAP_FAILED) stop("finds no room for", "the devices' memory");
        memory = (uintptr_t)reserved;
    }
    struct object *object = NULL;
    if (bytes <= MEMORY_BYTES - given_out) {
        object = make(self, ALLOCATION);
        object->address = memory + given_out;
        object->bytes = bytes;
        for (size_t taken = 0; taken < bytes; taken += PAGE_BYTES, given_out += PAGE_BYTES)
            holders[given_out / PAGE_BYTES] = object;
        *address = object->address;
    }
    pthread_mutex_unlock(&lock);
    return object ? SUCCESS : OUT_OF_MEMORY;
}

int cuMemFree_v2(uint64_t address)
{
    BEGIN(cuMemFree_v2);
    NEED_CONTEXT();
    struct object *object = holder(address, 1);
    if (!object || !is_current(self, object) || object->address != address) {
        atomic_fetch_add(&bad_handles, 1);
        return INVALID_VALUE;
    }
    object->is_gone = 1;
    return SUCCESS;
}

int cuPointerGetAttribute(uint64_t *value, int attribute, uint64_t address)
{
    BEGIN(cuPointerGetAttribute);
    struct object *object = holder(address, 1);
    if (attribute != 7 || !object) return INVALID_VALUE;
    *value = 1 + (uint64_t)(object - objects);
    return SUCCESS;
}

int cuMemsetD8_v2(uint64_t address, unsigned char value, size_t count)
{
    BEGIN(cuMemsetD8_v2);
    NEED_CONTEXT();
    if (!holds(self, address, count)) return ILLEGAL_ADDRESS;
    memset((void *)(uintptr_t)address, value, count);
    return SUCCESS;
}

int cuMemsetD8Async(uint64_t address, unsigned char value, size_t count, void *stream)
{
    BEGIN(cuMemsetD8Async);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    if (!holds(self, address, count)) return ILLEGAL_ADDRESS;
    memset((void *)(uintptr_t)address, value, count);
    return SUCCESS;
}

int cuMemsetD32Async(uint64_t address, unsigned value, size_t count, void *stream)
{
    (void)value;
    BEGIN(cuMemsetD32Async);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    return holds(self, address, count * 4) ? SUCCESS : ILLEGAL_ADDRESS;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream)
{
    BEGIN(cuMemcpyHtoDAsync_v2);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    if (!holds(self, to, bytes)) return ILLEGAL_ADDRESS;
    memcpy((void *)(uintptr_t)to, from, bytes);
    return SUCCESS;
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream)
{
    BEGIN(cuMemcpyDtoHAsync_v2);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    if (!holds(self, from, bytes)) return ILLEGAL_ADDRESS;
    memcpy(to, (void *)(uintptr_t)from, bytes);
    return SUCCESS;
}

int cuStreamCreate(void **stream, unsigned flags)
{
    (void)flags;
    BEGIN(cuStreamCreate);
    NEED_CONTEXT();
    *stream = make(self, STREAM);
    return SUCCESS;
}

int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority)
{
    (void)flags, (void)priority;
    BEGIN(cuStreamCreateWithPriority);
    NEED_CONTEXT();
    *stream = make(self, STREAM);
    return SUCCESS;
}

int cuStreamDestroy_v2(void *stream)
{
    BEGIN(cuStreamDestroy_v2);
    NEED_CONTEXT();
    struct object *object = live(self, stream, STREAM);
    if (!object) return INVALID_HANDLE;
    object->is_gone = 1;
    return SUCCESS;
}

int cuStreamSynchronize(void *stream)
{
    BEGIN(cuStreamSynchronize);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    return SUCCESS;
}

int cuEventCreate(void **event, unsigned flags)
{
    (void)flags;
    BEGIN(cuEventCreate);
    NEED_CONTEXT();
    *event = make(self, EVENT);
    return SUCCESS;
}

int cuEventRecord(void *event, void *stream)
{
    BEGIN(cuEventRecord);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    return live(self, event, EVENT) ? SUCCESS : INVALID_HANDLE;
}

int cuEventSynchronize(void *event)
{
    BEGIN(cuEventSynchronize);
    NEED_CONTEXT();
    return live(self, event, EVENT) ? SUCCESS : INVALID_HANDLE;
}

int cuEventElapsedTime(float *milliseconds, void *start, void *end_event)
{
    BEGIN(cuEventElapsedTime);
    NEED_CONTEXT();
    if (!live(self, start, EVENT) || !live(self, end_event, EVENT)) return INVALID_HANDLE;
    *milliseconds = 1.5f;
    return SUCCESS;
}

int cuEventDestroy_v2(void *event)
{
    BEGIN(cuEventDestroy_v2);
    NEED_CONTEXT();
    struct object *object = live(self, event, EVENT);
    if (!object) return INVALID_HANDLE;
    object->is_gone = 1;
    return SUCCESS;
}

/* The options of the last compilation, and the architecture of its PTX. */
static atomic_uint last_option_count;
static atomic_uint last_option;
static atomic_int last_target;

static int number_after(const char *text, const char *word)
{
    const char *found = strstr(text, word);
    int major = 0, minor = 0;
    if (!found) return 0;
    /* ".version 8.1" is 81, ".target sm_90" is 90. */
    if (sscanf(found + strlen(word), "%d.%d", &major, &minor) == 2) return major * 10 + minor;
    return major;
}

int cuModuleLoadDataEx(void **module, const char *image, unsigned option_count, const unsigned *options, void **values)
{
    BEGIN(cuModuleLoadDataEx);
    NEED_CONTEXT();
    (void)values;
    while (settings[setting_compiling_waits]) pause_shortly();
    last_option_count = option_count;
    last_option = option_count ? options[0] : 0;
    last_target = number_after(image, ".target sm_");
    if (number_after(image, ".version ") > settings[setting_newest_ptx]) return UNSUPPORTED_PTX_VERSION;
    struct object *object = make(self, MODULE);
    object->text = strdup(image);
    *module = object;
    return SUCCESS;
}

int cuModuleGetFunction(void **function, void *module, const char *name)
{
    BEGIN(cuModuleGetFunction);
    NEED_CONTEXT();
    struct object *of = live(self, module, MODULE);
    if (!of) return INVALID_HANDLE;
    char entry[256];
    snprintf(entry, sizeof entry, ".entry %s(", name);
    if (!strstr(of->text, entry)) return NOT_FOUND;
    *function = make(self, FUNCTION);
    return SUCCESS;
}

static int launch(struct thread *self, void *function, const unsigned grid[3], void *stream)
{
    NEED_CONTEXT();
    NEED_STREAM(stream);
    if (!live(self, function, FUNCTION)) return INVALID_HANDLE;
    COUNT(self->blocks, (long)grid[0] * grid[1] * grid[2]);
    return SUCCESS;
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream, void **parameters,
                   void **extra)
{
    (void)block_x, (void)block_y, (void)block_z, (void)shared_bytes, (void)parameters, (void)extra;
    BEGIN(cuLaunchKernel);
    return launch(self, function, (unsigned[]){grid_x, grid_y, grid_z}, stream);
}

struct config {
    unsigned grid[3], block[3], shared_bytes;
    void *stream;
};

int cuLaunchKernelEx(const struct config *config, void *function, void **parameters, void **extra)
{
    (void)parameters, (void)extra;
    BEGIN(cuLaunchKernelEx);
    return launch(self, function, config->grid, config->stream);
}

/* Only a few errors have texts here. In the same way, a driver has no texts for the errors of newer drivers. */
static const char *describe(int error, int full)
{
    switch (error) {
    case OUT_OF_MEMORY: return full ? "out of memory" : "CUDA_ERROR_OUT_OF_MEMORY";
    case 46: return full ? "CUDA-capable device(s) is/are busy or unavailable" : "CUDA_ERROR_DEVICE_UNAVAILABLE";
    case CONTEXT_IS_DESTROYED: return full ? "context is destroyed" : "CUDA_ERROR_CONTEXT_IS_DESTROYED";
    default: return NULL;
    }
}

int cuGetErrorName(int error, const char **text)
{
    *text = describe(error, 0);
    return *text ? SUCCESS : INVALID_VALUE;
}

int cuGetErrorString(int error, const char **text)
{
    *text = describe(error, 1);
    return *text ? SUCCESS : INVALID_VALUE;
}

/* The functions for the tests. An unknown name ends the process, because with it a test would wait forever, or would
   test nothing. */

static int find(const char *const *list, int count, const char *name)
{
    for (int i = 0; i < count; ++i)
        if (strcmp(list[i], name) == 0) return i;
    stop("has no", name);
}

/* Makes every later call of the function return `answer`. 0 makes the function do its work again. */
void stand_in_answer(const char *function, int answer)
{
    answers[find(names, function_count, function)] = answer;
}

/* The number of calls of a function so far. */
int stand_in_calls(const char *function)
{
    return calls_of(find(names, function_count, function));
}

/* Waits until a function has been called `count` times or more. */
void stand_in_wait_for_calls(const char *function, int count)
{
    int id = find(names, function_count, function);
    while (calls_of(id) < count) pause_shortly();
}

void stand_in_set(const char *setting, int value)
{
    settings[find(setting_names, setting_count, setting)] = value;
}

/* The number of handles and addresses that were given to the driver and are not of the current context. */
int stand_in_bad_handles(void)
{
    return bad_handles;
}

/* The blocks of all kernels launched so far. */
long stand_in_blocks(void)
{
    long sum = 0;
    for (int number = 0; number < atomic_load(&thread_count); ++number)
        sum += atomic_load_explicit(&threads[number].blocks, memory_order_acquire);
    return sum;
}

/* The last compilation: the architecture of its PTX, the number of its options, and the first option (0 if there is
   none). */
int stand_in_last_target(void)
{
    return last_target;
}

int stand_in_last_option_count(void)
{
    return (int)last_option_count;
}

int stand_in_last_option(void)
{
    return (int)last_option;
}
