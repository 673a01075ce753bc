// What Rust asks of the C++ side: one TensorRT creator per operator and generation.
#pragma once

#include "rust/cxx.h"

namespace trts
{

struct Creator;

// nvinfer1::IPluginCreator as 8.5 to 9 have it, and nvinfer1::IPluginCreatorInterface as 10 and later have it.
// The bridge knows the pointers alone, because no file may see both generations' declarations.
struct CreatorV2;
struct CreatorV3;

// A creator that lives as long as the process; null without memory.
CreatorV2* new_creator_v2(rust::Box<Creator> creator) noexcept;
CreatorV3* new_creator_v3(rust::Box<Creator> creator) noexcept;

} // namespace trts
