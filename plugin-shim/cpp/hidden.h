// Given to the compiler before every C++ file of the library: whatever is declared from here on, the
// bridge's Rust functions included, is hidden, so that the library exports its own API and nothing else.
// (-fvisibility=hidden alone speaks of definitions; a hidden declaration hides Rust's definition too.)
// The system's headers come first: their functions live in other libraries.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
#if __cplusplus >= 202002L
#include <ranges>
#endif
#if defined(TRTS_SDK_V2) || defined(TRTS_SDK_V3)
#include <cuda_runtime_api.h>
#endif

#pragma GCC visibility push(hidden)
