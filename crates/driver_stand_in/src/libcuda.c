/* A CUDA driver without a device. It keeps the driver's books (contexts, allocations, modules, functions), checks every handle
   and address that it is given against them, and computes nothing: a launch is counted, and leaves memory as it is.
   The stand_in_* functions at the end are for the tests. Numbers are those of NVIDIA's cuda.h. */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    F(cuCtxGetCurrent) F(cuCtxGetDevice) F(cuCtxGetId) F(cuMemGetInfo_v2) F(cuMemAlloc_v2) F(cuMemFree_v2) \
    F(cuPointerGetAttribute) F(cuMemsetD8Async) F(cuMemsetD32Async) F(cuMemcpyHtoDAsync_v2) F(cuMemcpyDtoHAsync_v2) \
    F(cuMemcpyDtoDAsync_v2) F(cuStreamCreateWithPriority) F(cuStreamDestroy_v2) F(cuStreamSynchronize) F(cuEventCreate) \
    F(cuEventRecord) F(cuEventSynchronize) F(cuEventElapsedTime) F(cuEventDestroy_v2) F(cuModuleLoadDataEx) \
    F(cuModuleGetFunction) F(cuLaunchKernel) F(cuLaunchKernelEx)

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
static int settings[setting_count] = {1, 90, 12080, 87, 0, 0};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int answers[function_count];
static int calls[function_count];

/* Takes the lock, counts the call, and gives the answer that a test wants. */
static int begin(int function)
{
    pthread_mutex_lock(&lock);
    ++calls[function];
    pthread_cond_broadcast(&changed);
    return answers[function];
}

static int end(int answer)
{
    pthread_mutex_unlock(&lock);
    return answer;
}

#define BEGIN(f) \
    do { \
        int wanted = begin(id_##f); \
        if (wanted != SUCCESS) return end(wanted); \
    } while (0)

enum { MOST_DEVICES = 4 };

/* A primary context. Its handle is the address, which stays the same when it is reset and made again. */
struct context {
    int is_active;
    uint64_t id;
};
static struct context primary[MOST_DEVICES];
static uint64_t last_id;
static __thread struct context *current;

/* Whatever belongs to one life of a context: an allocation, a module, a function, a stream, an event. */
enum { ALLOCATION, MODULE, FUNCTION, STREAM, EVENT };
struct object {
    struct object *next;
    int kind;
    uint64_t context_id;
    uint64_t number;
    int is_gone;
    size_t bytes;
    char *memory;
    char *text;
};
static struct object *objects;
static uint64_t last_number;
static char *last_launched;
static int bad_handles;

static int is_usable(const struct context *context)
{
    return context >= primary && context < primary + MOST_DEVICES && context->is_active;
}

static struct object *make(int kind)
{
    struct object *object = calloc(1, sizeof *object);
    *object = (struct object){.next = objects, .kind = kind, .context_id = current->id, .number = ++last_number};
    objects = object;
    return object;
}

/* A live object of the current context, or null, which is counted. */
static struct object *live(const void *handle, int kind)
{
    for (struct object *object = objects; object; object = object->next)
        if (object == handle && object->kind == kind && !object->is_gone && object->context_id == current->id)
            return object;
    ++bad_handles;
    return NULL;
}

/* The live allocation of any context that holds the bytes. */
static struct object *holder(uint64_t address, size_t bytes)
{
    for (struct object *object = objects; object; object = object->next) {
        uint64_t start = (uintptr_t)object->memory;
        if (object->kind == ALLOCATION && !object->is_gone && address >= start && address + bytes <= start + object->bytes)
            return object;
    }
    return NULL;
}

/* The same in the current context. */
static int holds(uint64_t address, size_t bytes)
{
    struct object *object = holder(address, bytes);
    if (object && object->context_id == current->id) return 1;
    ++bad_handles;
    return 0;
}

#define NEED_CONTEXT() \
    do { \
        if (!current) return end(INVALID_CONTEXT); \
        if (!is_usable(current)) return end(CONTEXT_IS_DESTROYED); \
    } while (0)
#define NEED_STREAM(stream) \
    do { \
        if ((stream) && !live(stream, STREAM)) return end(INVALID_HANDLE); \
    } while (0)

int cuInit(unsigned flags)
{
    (void)flags;
    BEGIN(cuInit);
    return end(settings[setting_devices] ? SUCCESS : NO_DEVICE);
}

int cuDriverGetVersion(int *version)
{
    BEGIN(cuDriverGetVersion);
    *version = settings[setting_version];
    return end(SUCCESS);
}

int cuDeviceGetCount(int *count)
{
    BEGIN(cuDeviceGetCount);
    *count = settings[setting_devices];
    return end(SUCCESS);
}

int cuDeviceGet(int *device, int ordinal)
{
    BEGIN(cuDeviceGet);
    if (ordinal < 0 || ordinal >= settings[setting_devices]) return end(INVALID_DEVICE);
    *device = ordinal;
    return end(SUCCESS);
}

int cuDeviceGetName(char *name, int length, int device)
{
    BEGIN(cuDeviceGetName);
    snprintf(name, (size_t)length, "stand-in %d", device);
    return end(SUCCESS);
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    BEGIN(cuDeviceGetAttribute);
    (void)device;
    if (attribute == 75) *value = settings[setting_architecture] / 10;
    else if (attribute == 76) *value = settings[setting_architecture] % 10;
    /* An H100's: multiprocessors, threads of each, their clock; bytes of the second-level cache; the memory's clock and bus. */
    else if (attribute == 16) *value = 132;
    else if (attribute == 39) *value = 2048;
    else if (attribute == 13) *value = 1980000;
    else if (attribute == 38) *value = 50 << 20;
    else if (attribute == 36) *value = 2619000;
    else if (attribute == 37) *value = 5120;
    else return end(INVALID_VALUE);
    return end(SUCCESS);
}

int cuDevicePrimaryCtxRetain(void **context, int device)
{
    BEGIN(cuDevicePrimaryCtxRetain);
    if (!primary[device].is_active) primary[device] = (struct context){1, ++last_id};
    *context = &primary[device];
    return end(SUCCESS);
}

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active)
{
    BEGIN(cuDevicePrimaryCtxGetState);
    *flags = 0;
    *active = primary[device].is_active;
    return end(SUCCESS);
}

int cuDevicePrimaryCtxReset_v2(int device)
{
    BEGIN(cuDevicePrimaryCtxReset_v2);
    for (struct object *object = objects; object; object = object->next)
        if (object->context_id == primary[device].id) object->is_gone = 1;
    primary[device].is_active = 0;
    return end(SUCCESS);
}

int cuCtxSetCurrent(void *context)
{
    BEGIN(cuCtxSetCurrent);
    if (context && !is_usable(context) && !settings[setting_inactive_can_be_current]) return end(CONTEXT_IS_DESTROYED);
    current = context;
    return end(SUCCESS);
}

int cuCtxGetCurrent(void **context)
{
    BEGIN(cuCtxGetCurrent);
    *context = current;
    return end(SUCCESS);
}

int cuCtxGetDevice(int *device)
{
    BEGIN(cuCtxGetDevice);
    NEED_CONTEXT();
    *device = (int)(current - primary);
    return end(SUCCESS);
}

int cuCtxGetId(struct context *context, uint64_t *id)
{
    BEGIN(cuCtxGetId);
    /* An older driver does not have the function; lazy_cuda_driver answers this then. */
    if (settings[setting_version] < 12000) return end(NOT_FOUND);
    *id = (context ? context : current)->id;
    return end(SUCCESS);
}

int cuMemGetInfo_v2(size_t *free_bytes, size_t *total)
{
    BEGIN(cuMemGetInfo_v2);
    NEED_CONTEXT();
    *free_bytes = *total = (size_t)1 << 36;
    return end(SUCCESS);
}

int cuMemAlloc_v2(uint64_t *address, size_t bytes)
{
    BEGIN(cuMemAlloc_v2);
    NEED_CONTEXT();
    if (bytes == 0) return end(INVALID_VALUE);
    char *memory = bytes >> 40 ? NULL : aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!memory) return end(OUT_OF_MEMORY);
    struct object *object = make(ALLOCATION);
    object->memory = memory;
    object->bytes = bytes;
    *address = (uintptr_t)memory;
    return end(SUCCESS);
}

/* The memory of an allocation that is gone is kept, so that its address does not come back by itself. */
int cuMemFree_v2(uint64_t address)
{
    BEGIN(cuMemFree_v2);
    NEED_CONTEXT();
    struct object *object = holder(address, 1);
    if (!object || object->context_id != current->id) {
        ++bad_handles;
        return end(INVALID_VALUE);
    }
    object->is_gone = 1;
    return end(SUCCESS);
}

int cuPointerGetAttribute(uint64_t *value, int attribute, uint64_t address)
{
    BEGIN(cuPointerGetAttribute);
    struct object *object = holder(address, 1);
    if (attribute != 7 || !object) return end(INVALID_VALUE);
    *value = object->number;
    return end(SUCCESS);
}

int cuMemsetD8Async(uint64_t address, unsigned char value, size_t count, void *stream)
{
    BEGIN(cuMemsetD8Async);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    if (!holds(address, count)) return end(ILLEGAL_ADDRESS);
    memset((void *)(uintptr_t)address, value, count);
    return end(SUCCESS);
}

int cuMemsetD32Async(uint64_t address, unsigned value, size_t count, void *stream)
{
    BEGIN(cuMemsetD32Async);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    if (!holds(address, count * 4)) return end(ILLEGAL_ADDRESS);
    for (size_t i = 0; i < count; ++i) ((unsigned *)(uintptr_t)address)[i] = value;
    return end(SUCCESS);
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream)
{
    BEGIN(cuMemcpyHtoDAsync_v2);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    if (!holds(to, bytes)) return end(ILLEGAL_ADDRESS);
    memcpy((void *)(uintptr_t)to, from, bytes);
    return end(SUCCESS);
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream)
{
    BEGIN(cuMemcpyDtoHAsync_v2);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    if (!holds(from, bytes)) return end(ILLEGAL_ADDRESS);
    memcpy(to, (void *)(uintptr_t)from, bytes);
    return end(SUCCESS);
}

int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream)
{
    BEGIN(cuMemcpyDtoDAsync_v2);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    if (!holds(to, bytes) || !holds(from, bytes)) return end(ILLEGAL_ADDRESS);
    memcpy((void *)(uintptr_t)to, (void *)(uintptr_t)from, bytes);
    return end(SUCCESS);
}

int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority)
{
    (void)flags, (void)priority;
    BEGIN(cuStreamCreateWithPriority);
    NEED_CONTEXT();
    *stream = make(STREAM);
    return end(SUCCESS);
}

int cuStreamDestroy_v2(void *stream)
{
    BEGIN(cuStreamDestroy_v2);
    NEED_CONTEXT();
    struct object *object = live(stream, STREAM);
    if (!object) return end(INVALID_HANDLE);
    object->is_gone = 1;
    return end(SUCCESS);
}

int cuStreamSynchronize(void *stream)
{
    BEGIN(cuStreamSynchronize);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    return end(SUCCESS);
}

int cuEventCreate(void **event, unsigned flags)
{
    (void)flags;
    BEGIN(cuEventCreate);
    NEED_CONTEXT();
    *event = make(EVENT);
    return end(SUCCESS);
}

int cuEventRecord(void *event, void *stream)
{
    BEGIN(cuEventRecord);
    NEED_CONTEXT();
    NEED_STREAM(stream);
    return end(live(event, EVENT) ? SUCCESS : INVALID_HANDLE);
}

int cuEventSynchronize(void *event)
{
    BEGIN(cuEventSynchronize);
    NEED_CONTEXT();
    return end(live(event, EVENT) ? SUCCESS : INVALID_HANDLE);
}

int cuEventElapsedTime(float *milliseconds, void *start, void *end_event)
{
    BEGIN(cuEventElapsedTime);
    NEED_CONTEXT();
    if (!live(start, EVENT) || !live(end_event, EVENT)) return end(INVALID_HANDLE);
    *milliseconds = 1.5f;
    return end(SUCCESS);
}

int cuEventDestroy_v2(void *event)
{
    BEGIN(cuEventDestroy_v2);
    NEED_CONTEXT();
    struct object *object = live(event, EVENT);
    if (!object) return end(INVALID_HANDLE);
    object->is_gone = 1;
    return end(SUCCESS);
}

/* What the last compilation was given. */
static unsigned last_option_count;
static unsigned last_option;
static int last_target;

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
    while (settings[setting_compiling_waits]) pthread_cond_wait(&changed, &lock);
    last_option_count = option_count;
    last_option = option_count ? options[0] : 0;
    last_target = number_after(image, ".target sm_");
    if (number_after(image, ".version ") > settings[setting_newest_ptx]) return end(UNSUPPORTED_PTX_VERSION);
    struct object *object = make(MODULE);
    object->text = strdup(image);
    *module = object;
    return end(SUCCESS);
}

int cuModuleGetFunction(void **function, void *module, const char *name)
{
    BEGIN(cuModuleGetFunction);
    NEED_CONTEXT();
    struct object *of = live(module, MODULE);
    if (!of) return end(INVALID_HANDLE);
    char entry[256];
    snprintf(entry, sizeof entry, ".entry %s(", name);
    if (!strstr(of->text, entry)) return end(NOT_FOUND);
    struct object *object = make(FUNCTION);
    object->text = strdup(name);
    *function = object;
    return end(SUCCESS);
}

static int launch(void *function, void *stream)
{
    NEED_CONTEXT();
    NEED_STREAM(stream);
    struct object *object = live(function, FUNCTION);
    if (!object) return end(INVALID_HANDLE);
    last_launched = object->text;
    return end(SUCCESS);
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                   unsigned block_z, unsigned shared_bytes, void *stream, void **parameters, void **extra)
{
    (void)grid_x, (void)grid_y, (void)grid_z, (void)block_x, (void)block_y, (void)block_z, (void)shared_bytes;
    (void)parameters, (void)extra;
    BEGIN(cuLaunchKernel);
    return launch(function, stream);
}

struct config {
    unsigned grid[3], block[3], shared_bytes;
    void *stream;
};

int cuLaunchKernelEx(const struct config *config, void *function, void **parameters, void **extra)
{
    (void)parameters, (void)extra;
    BEGIN(cuLaunchKernelEx);
    return launch(function, config->stream);
}

/* A few errors have texts; a driver has none for the numbers of newer ones. */
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

/* For the tests. A name that is not known ends the process: the test would wait for nothing, or test nothing. */

static int find(const char *const *list, int count, const char *name)
{
    for (int i = 0; i < count; ++i)
        if (strcmp(list[i], name) == 0) return i;
    fprintf(stderr, "the stand-in driver has no %s\n", name);
    abort();
}

/* Every later call of the function answers this; 0 lets it do its work again. */
void stand_in_answer(const char *function, int answer)
{
    pthread_mutex_lock(&lock);
    answers[find(names, function_count, function)] = answer;
    pthread_mutex_unlock(&lock);
}

/* The number of calls of a function so far. */
int stand_in_calls(const char *function)
{
    pthread_mutex_lock(&lock);
    int count = calls[find(names, function_count, function)];
    pthread_mutex_unlock(&lock);
    return count;
}

/* Waits until a function was called that many times. */
void stand_in_wait_for_calls(const char *function, int count)
{
    pthread_mutex_lock(&lock);
    int id = find(names, function_count, function);
    while (calls[id] < count) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

void stand_in_set(const char *setting, int value)
{
    pthread_mutex_lock(&lock);
    settings[find(setting_names, setting_count, setting)] = value;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* The number of handles and addresses that were given to the driver and are not of the current context. */
int stand_in_bad_handles(void)
{
    pthread_mutex_lock(&lock);
    int count = bad_handles;
    pthread_mutex_unlock(&lock);
    return count;
}

/* The architecture, the number of options and the first option of the last compilation. */
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
