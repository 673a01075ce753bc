/* A driver that tells what reached it. Functions that take other parameters than NVIDIA's do so to
   cover every register and stack slot that the C ABI passes arguments in. */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { SUCCESS = 0, STACK_MISALIGNED = 716, OBSOLETE_FUNCTION_CALLED = 999 };

/* Both ABIs align the stack to 16 bytes at a call, and the frame pointer with it. */
#define CHECK_STACK() \
    do { \
        if ((uintptr_t)__builtin_frame_address(0) % 16 != 0) return STACK_MISALIGNED; \
    } while (0)

/* Loading may overwrite every register that a function need not preserve. Code compiled without
   vector instructions leaves most of them alone, which would hide that one was not saved. */
__attribute__((constructor)) static void overwrite_vector_registers(void)
{
#define OVERWRITE(n) __asm__ volatile(CLEAR(n)::: REGISTER(n))
#if defined __x86_64__
#define REGISTER(n) "xmm" #n
#define CLEAR(n) "pxor %%xmm" #n ", %%xmm" #n
#else
#define REGISTER(n) "v" #n
#define CLEAR(n) "movi v" #n ".2d, #0"
#endif
    OVERWRITE(0);
    OVERWRITE(1);
    OVERWRITE(2);
    OVERWRITE(3);
    OVERWRITE(4);
    OVERWRITE(5);
    OVERWRITE(6);
    OVERWRITE(7);
}

static atomic_int init_calls;

int cuInit(unsigned flags)
{
    CHECK_STACK();
    (void)flags;
    atomic_fetch_add(&init_calls, 1);
    return SUCCESS;
}

int cuDeviceGetCount(int *count)
{
    CHECK_STACK();
    *count = atomic_load(&init_calls);
    return SUCCESS;
}

/* Eleven integer arguments: six in registers and five on the stack on x86-64, eight and three on
   aarch64. The last one takes them all back. */
int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                   void *stream, void **params, void **received)
{
    CHECK_STACK();
    uint64_t *out = (uint64_t *)received;
    out[0] = (uint64_t)(uintptr_t)function;
    out[1] = grid_x;
    out[2] = grid_y;
    out[3] = grid_z;
    out[4] = block_x;
    out[5] = block_y;
    out[6] = block_z;
    out[7] = shared_bytes;
    out[8] = (uint64_t)(uintptr_t)stream;
    out[9] = (uint64_t)(uintptr_t)params;
    return SUCCESS;
}

/* Eight integers and eight vectors, which fill all argument registers of either architecture. */
int cuMemAdvise(uint64_t i0, uint64_t i1, uint64_t i2, uint64_t i3, uint64_t i4, uint64_t i5,
                uint64_t i6, uint64_t i7, double d0, double d1, double d2, double d3, double d4,
                double d5, double d6, double d7, double *received)
{
    CHECK_STACK();
    double all[] = {(double)i0, (double)i1, (double)i2, (double)i3, (double)i4, (double)i5,
                    (double)i6, (double)i7, d0, d1, d2, d3, d4, d5, d6, d7};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) received[i] = all[i];
    return SUCCESS;
}

/* The function of CUDA 3.1, whose sizes were 32 bits, stands beside its successor to this day. */
int cuMemAlloc(unsigned *address, unsigned bytes)
{
    (void)address;
    (void)bytes;
    return OBSOLETE_FUNCTION_CALLED;
}

int cuMemAlloc_v2(uint64_t *address, size_t bytes)
{
    CHECK_STACK();
    *address = bytes;
    return SUCCESS;
}

int cuGetErrorString(int error, const char **text)
{
    CHECK_STACK();
    (void)error;
    *text = "the stand-in's text";
    return SUCCESS;
}
