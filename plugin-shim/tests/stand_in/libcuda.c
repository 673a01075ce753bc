/* A CUDA driver with one device of compute capability 9.0, on which every call succeeds and nothing runs. Device memory is
   host memory. Built as libcuda.so.1, it lets plugins be enqueued where there is no GPU. The functions whose names begin with
   stand_in are for the tests. */

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201 };

enum {
    DRIVER_VERSION = 12040, MAJOR = 75, MINOR = 76, MULTIPROCESSORS = 16, L2_CACHE_BYTES = 38, CLOCK_KHZ = 13,
    MEMORY_CLOCK_KHZ = 36, MEMORY_BUS_BITS = 37, MULTIPROCESSOR_THREADS = 39
};

/* What a device of its kind answers to the attributes that tuning may ask for; 1 for all others. */
static int attribute_value(int attribute)
{
    switch (attribute) {
    case MAJOR: return 9;
    case MINOR: return 0;
    case MULTIPROCESSORS: return 132;
    case L2_CACHE_BYTES: return 50 << 20;
    case CLOCK_KHZ: return 1980000;
    case MEMORY_CLOCK_KHZ: return 2619000;
    case MEMORY_BUS_BITS: return 5120;
    case MULTIPROCESSOR_THREADS: return 2048;
    default: return 1;
    }
}

static char context;
static _Thread_local void *current;

static atomic_long launches, blocks, compilations;
static pthread_mutex_t compiler = PTHREAD_MUTEX_INITIALIZER;

/* The launches, fills and copies so far. */
long stand_in_launches(void)
{
    return atomic_load(&launches);
}

/* The blocks of the kernels launched so far. */
long stand_in_blocks(void)
{
    return atomic_load(&blocks);
}

/* The modules compiled so far, those that are being compiled included. */
long stand_in_compilations(void)
{
    return atomic_load(&compilations);
}

/* From now on a compilation waits, until stand_in_resume_compiler(). */
void stand_in_stop_compiler(void)
{
    pthread_mutex_lock(&compiler);
}

void stand_in_resume_compiler(void)
{
    pthread_mutex_unlock(&compiler);
}

int cuInit(unsigned flags)
{
    (void)flags;
    return SUCCESS;
}

int cuDriverGetVersion(int *version)
{
    *version = DRIVER_VERSION;
    return SUCCESS;
}

int cuDeviceGetCount(int *count)
{
    *count = 1;
    return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal)
{
    *device = 0;
    return ordinal == 0 ? SUCCESS : INVALID_VALUE;
}

int cuDeviceGetName(char *name, int size, int device)
{
    (void)device;
    strncpy(name, "stand-in", (size_t)size);
    return SUCCESS;
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    (void)device;
    *value = attribute_value(attribute);
    return SUCCESS;
}

int cuDevicePrimaryCtxRetain(void **retained, int device)
{
    (void)device;
    *retained = &context;
    return SUCCESS;
}

int cuCtxSetCurrent(void *new_current)
{
    current = new_current;
    return SUCCESS;
}

int cuCtxGetCurrent(void **answer)
{
    *answer = current;
    return SUCCESS;
}

int cuCtxGetDevice(int *device)
{
    *device = 0;
    return current ? SUCCESS : INVALID_CONTEXT;
}

int cuCtxGetId(void *of, unsigned long long *id)
{
    (void)of;
    *id = 1;
    return current ? SUCCESS : INVALID_CONTEXT;
}

int cuCtxSynchronize(void)
{
    return SUCCESS;
}

int cuMemAlloc_v2(uint64_t *address, size_t bytes)
{
    /* As aligned as the driver's own. */
    void *memory = NULL;
    if (posix_memalign(&memory, 256, bytes) != 0) return OUT_OF_MEMORY;
    *address = (uintptr_t)memory;
    return SUCCESS;
}

int cuMemFree_v2(uint64_t address)
{
    free((void *)(uintptr_t)address);
    return SUCCESS;
}

int cuMemGetInfo_v2(size_t *free_bytes, size_t *total)
{
    *free_bytes = *total = (size_t)1 << 36;
    return SUCCESS;
}

int cuMemsetD8_v2(uint64_t address, unsigned char value, size_t bytes)
{
    memset((void *)(uintptr_t)address, value, bytes);
    return SUCCESS;
}

int cuMemsetD32Async(uint64_t address, unsigned value, size_t count, void *stream)
{
    (void)address, (void)value, (void)count, (void)stream;
    atomic_fetch_add(&launches, 1);
    return SUCCESS;
}

int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream)
{
    (void)to, (void)from, (void)bytes, (void)stream;
    atomic_fetch_add(&launches, 1);
    return SUCCESS;
}

int cuStreamCreate(void **stream, unsigned flags)
{
    (void)flags;
    *stream = &context;
    return SUCCESS;
}

int cuStreamSynchronize(void *stream)
{
    (void)stream;
    return SUCCESS;
}

int cuModuleLoadDataEx(void **module, const void *image, unsigned count, const unsigned *options, void **values)
{
    (void)image, (void)count, (void)options, (void)values;
    atomic_fetch_add(&compilations, 1);
    pthread_mutex_lock(&compiler);
    pthread_mutex_unlock(&compiler);
    *module = &context;
    return SUCCESS;
}

int cuModuleGetFunction(void **function, void *module, const char *name)
{
    (void)module, (void)name;
    *function = &context;
    return SUCCESS;
}

int cuFuncGetAttribute(int *value, int attribute, void *function)
{
    (void)attribute, (void)function;
    *value = 0;
    return SUCCESS;
}

int cuFuncSetAttribute(void *function, int attribute, int value)
{
    (void)function, (void)attribute, (void)value;
    return SUCCESS;
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                   unsigned block_z, unsigned shared_bytes, void *stream, void **parameters, void **extra)
{
    (void)function, (void)grid_y, (void)grid_z, (void)block_x, (void)block_y, (void)block_z;
    (void)shared_bytes, (void)stream, (void)parameters, (void)extra;
    atomic_fetch_add(&launches, 1);
    atomic_fetch_add(&blocks, grid_x);
    return SUCCESS;
}

int cuLaunchKernelEx(const void *config, void *function, void **parameters, void **extra)
{
    (void)function, (void)parameters, (void)extra;
    atomic_fetch_add(&launches, 1);
    /* A CUlaunchConfig begins with the grid's size along x. */
    atomic_fetch_add(&blocks, *(const unsigned *)config);
    return SUCCESS;
}

int cuGetErrorName(int error, const char **name)
{
    (void)error;
    *name = "an error of the stand-in";
    return SUCCESS;
}

int cuGetErrorString(int error, const char **text)
{
    (void)error;
    *text = "an error of the stand-in";
    return SUCCESS;
}
