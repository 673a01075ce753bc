/*
 * A stand-in for a TensorRT runtime library, of any version: what a plugin library looks for, and loadLibrary as
 * TensorRT does it. Built with
 *   -DVERSION=110400           what getInferLibVersion answers
 *   -DREGISTER=8 -DGET=10 -DDEREGISTER=11
 *                              the slots of IPluginRegistry's functions for creators; without them, no call is right
 *   -DNAME=6                   the slot of a creator's name
 *   -DLOG=4                    the slot of ILogger::log and ILoggerFinder::findLogger; without it, no call is right
 *   -DASKS='"getCreators"'     what loadLibrary calls
 *   -DROOM=7                   how many creators the registry takes
 * Every call that is not right is written to the standard output stream.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void (*function)(void);

typedef struct {
    const function *table;
} object;

#ifndef ROOM
#define ROOM 64
#endif

enum { SLOTS = 24, MAX_CREATORS = ROOM };

#ifdef REGISTER
static const object *creators[MAX_CREATORS];
#endif
static int creator_count;
/* Those that loadLibrary registered. */
static const object *of_library[MAX_CREATORS];
static int of_library_count;

static void wrong_call(void) { printf("a call of a slot that is not known in version %d\n", VERSION); }

#define WRONG_6 wrong_call, wrong_call, wrong_call, wrong_call, wrong_call, wrong_call
static function registry_table[SLOTS] = {WRONG_6, WRONG_6, WRONG_6, WRONG_6};
static function logger_table[SLOTS] = {WRONG_6, WRONG_6, WRONG_6, WRONG_6};
static function finder_table[SLOTS] = {WRONG_6, WRONG_6, WRONG_6, WRONG_6};
static const object registry = {registry_table};
static const object logger = {logger_table};
static const object finder = {finder_table};

#ifdef REGISTER
static const char *name_of(const object *creator) {
    return ((const char *(*)(const object *))creator->table[NAME])(creator);
}

static int find(const char *name) {
    for (int i = 0; i < creator_count; ++i)
        if (strcmp(name_of(creators[i]), name) == 0) return i;
    return -1;
}

static bool register_creator(const object *self, const object *creator, const char *space) {
    (void)self;
    if (space == NULL || *space != '\0' || find(name_of(creator)) >= 0 || creator_count == MAX_CREATORS) return false;
    creators[creator_count++] = creator;
    return true;
}

static bool deregister_creator(const object *self, const object *creator) {
    (void)self;
    int const at = find(name_of(creator));
    if (at < 0 || creators[at] != creator) {
        printf("%s to take out is not there\n", name_of(creator));
        return false;
    }
    creators[at] = creators[--creator_count];
    return true;
}

static const object *get_creator(const object *self, const char *name, const char *version, const char *space) {
    (void)self;
    int const at = find(name);
    return at < 0 || strcmp(version, "1") != 0 || *space != '\0' ? NULL : creators[at];
}
#endif

#ifdef LOG
static void write_log(const object *self, int32_t severity, const char *message) {
    (void)self;
    printf("log of %d, severity %d: %s\n", VERSION, severity, message);
}

static const object *find_logger(const object *self) {
    (void)self;
    return &logger;
}
#endif

__attribute__((constructor)) static void fill_tables(void) {
#ifdef REGISTER
    registry_table[REGISTER] = (function)register_creator;
    registry_table[DEREGISTER] = (function)deregister_creator;
    registry_table[GET] = (function)get_creator;
#endif
#ifdef LOG
    logger_table[LOG] = (function)write_log;
    finder_table[LOG] = (function)find_logger;
#endif
}

int32_t getInferLibVersion(void) { return VERSION; }

const object *getPluginRegistry(void) { return &registry; }

/* Null until an application has set a logger, as in TensorRT. Where no call of the logger is right, there is a logger
 * from the start, so that a wrong call is noticed. */
const object *getLogger(void) {
#ifdef LOG
    return NULL;
#else
    return &logger;
#endif
}

/* How many creators the registry has. */
int stand_in_count(void) { return creator_count; }

/* IPluginRegistry::loadLibrary: how many creators were registered, or -1. */
int stand_in_load_library(const char *path) {
    void *const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return -1;
    void (*set_finder)(const object *);
    *(void **)&set_finder = dlsym(library, "setLoggerFinder");
    const object *const *(*ask)(int32_t *);
    *(void **)&ask = dlsym(library, ASKS);
    set_finder(&finder);
    int32_t count = -1;
    const object *const *const given = ask(&count);
#ifdef REGISTER
    for (int i = 0; i < count; ++i)
        if (find(name_of(given[i])) >= 0) return -1;
    for (int i = 0; i < count; ++i) register_creator(&registry, given[i], "");
#endif
    memcpy(of_library, given, (size_t)count * sizeof *given);
    of_library_count = count;
    return count;
}

/* IPluginRegistry::deregisterLibrary. */
void stand_in_deregister_library(void) {
#ifdef REGISTER
    for (int i = 0; i < of_library_count; ++i) deregister_creator(&registry, of_library[i]);
#endif
    of_library_count = 0;
}
