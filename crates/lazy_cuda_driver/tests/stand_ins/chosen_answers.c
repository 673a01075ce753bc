/* A driver whose answers a test chooses, by environment variables: what cuInit returns, how many
   devices there are, and what cuDevicePrimaryCtxRetain returns. */

#include <stdlib.h>
#include <string.h>

static int chosen(const char *variable)
{
    const char *value = getenv(variable);
    return value ? atoi(value) : 0;
}

int cuInit(unsigned flags)
{
    (void)flags;
    return chosen("STAND_IN_INIT");
}

int cuDeviceGetCount(int *count)
{
    *count = chosen("STAND_IN_DEVICES");
    return 0;
}

int cuDeviceGet(int *device, int ordinal)
{
    enum { INVALID_DEVICE = 101 };
    *device = ordinal;
    return ordinal < chosen("STAND_IN_DEVICES") ? 0 : INVALID_DEVICE;
}

int cuDeviceGetName(char *name, int bytes, int device)
{
    (void)device;
    strncpy(name, "stand-in", (size_t)bytes);
    return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device)
{
    (void)device;
    *context = NULL;
    return chosen("STAND_IN_CONTEXT");
}

int cuGetErrorString(int error, const char **text)
{
    (void)error;
    *text = "the stand-in's text";
    return 0;
}

int cuGetErrorName(int error, const char **name)
{
    (void)error;
    *name = "STAND_IN_ERROR";
    return 0;
}
