// The C++ functions that Rust calls: each makes one of TensorRT's creators.
#pragma once

#include "rust/cxx.h"

namespace trts
{

struct Creator;

// nvinfer1::IPluginCreator of TensorRT 8.5 to 9, and nvinfer1::IPluginCreatorInterface of TensorRT 10 and 11. Rust
// knows only pointers to them, because no file can include the declarations of both generations.
struct CreatorV2;
struct CreatorV3;

// Makes a creator that is never deleted. Null where there is no memory.
CreatorV2* new_creator_v2(rust::Box<Creator> creator) noexcept;
CreatorV3* new_creator_v3(rust::Box<Creator> creator) noexcept;

} // namespace trts
