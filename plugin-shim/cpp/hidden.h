// The compiler reads this file before every C++ file of the library. It hides every declaration that follows, so that
// the library exports its own API and nothing else. -fvisibility=hidden hides only what C++ defines; a hidden
// declaration also hides a function that Rust defines.
//
// The system's headers come first, because their functions are in other libraries and must stay visible.
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
