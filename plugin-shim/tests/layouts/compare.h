// What the layout checks are made of. Compiled without access control: slots of protected functions count too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

// The position in the virtual function table of the function that a pointer to member denotes (Itanium C++ ABI:
// the pointer's first word is 1 plus the offset in bytes).
template <typename Function>
int slotOf(Function function)
{
    static_assert(sizeof(function) == 2 * sizeof(void*));
    uintptr_t words[2];
    std::memcpy(words, &function, sizeof(function));
    return static_cast<int>((words[0] - 1) / sizeof(void*));
}

inline int failures = 0;

inline void checkSlot(char const* what, int ours, int expected)
{
    if (ours != expected)
    {
        std::printf("%s: our header has slot %d, TensorRT has %d\n", what, ours, expected);
        ++failures;
    }
}

