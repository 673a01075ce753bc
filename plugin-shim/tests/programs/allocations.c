/* Counts what each thread allocates: preloaded into a process, it stands before the C library's allocator. */

#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static _Thread_local __attribute__((tls_model("initial-exec"))) long count;

/* The allocations of the calling thread so far. */
long allocations_of_thread(void)
{
    return count;
}

void *malloc(size_t bytes)
{
    ++count;
    return __libc_malloc(bytes);
}

void *calloc(size_t items, size_t bytes)
{
    ++count;
    return __libc_calloc(items, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    ++count;
    return __libc_realloc(memory, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
    ++count;
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    void *allocated = memalign(alignment, bytes);
    if (allocated == NULL) return ENOMEM;
    *memory = allocated;
    return 0;
}
