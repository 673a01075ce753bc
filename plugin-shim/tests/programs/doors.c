/*
 * Makes the calls by which a plugin library and TensorRTs meet, in the order of the arguments, and writes the answer of
 * each:
 *   open PATH         dlopen of a TensorRT or of the plugin library
 *   global PATH       the same with RTLD_GLOBAL, as in a program that is linked with it
 *   getCreators PATH, getPluginCreators PATH   of the plugin library: how many creators
 *   register PATH     trts_register_plugins of the plugin library: status, *registered, error
 *   load TENSORRT PATH, unload TENSORRT        loadLibrary and deregisterLibrary of a stand-in
 *   count TENSORRT    how many creators a stand-in's registry has
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *handle(const char *path) {
    void *const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    return library;
}

#define FUNCTION(type, name, library, symbol) \
    __typeof__(type) name;                    \
    *(void **)&name = dlsym(library, symbol); \
    if (name == NULL) exit(3)

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IONBF, 0);
    setvbuf(stderr, NULL, _IONBF, 0);
    for (int i = 1; i < argc;) {
        const char *const door = argv[i++];
        void *const library = handle(argv[i++]);
        if (strcmp(door, "open") == 0) {
            continue;
        } else if (strcmp(door, "global") == 0) {
            if (dlopen(argv[i - 1], RTLD_NOW | RTLD_GLOBAL) == NULL) return 5;
        } else if (strcmp(door, "getCreators") == 0 || strcmp(door, "getPluginCreators") == 0) {
            FUNCTION(void *(*)(int32_t *), ask, library, door);
            int32_t count = -1;
            ask(&count);
            printf("%s %d\n", door, count);
        } else if (strcmp(door, "register") == 0) {
            FUNCTION(int32_t(*)(int32_t *), register_plugins, library, "trts_register_plugins");
            FUNCTION(const char *(*)(void), last_error, library, "trts_last_error");
            int32_t registered = -1;
            int32_t const status = register_plugins(&registered);
            printf("register %d %d%s%s\n", status, registered, status == 0 ? "" : " ", last_error());
        } else if (strcmp(door, "load") == 0) {
            FUNCTION(int (*)(const char *), load, library, "stand_in_load_library");
            printf("load %d\n", load(argv[i++]));
        } else if (strcmp(door, "unload") == 0) {
            FUNCTION(void (*)(void), unload, library, "stand_in_deregister_library");
            unload();
        } else if (strcmp(door, "count") == 0) {
            FUNCTION(int (*)(void), count, library, "stand_in_count");
            printf("count %d\n", count());
        } else {
            return 4;
        }
    }
    return 0;
}
