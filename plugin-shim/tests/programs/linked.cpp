// A program that is linked with TensorRT and loads no plugin library itself: it succeeds where its registry has a
// plugin of this library's, as LD_PRELOAD leaves it.

#include <cstdint>
#include <cstdio>

extern "C" int32_t getInferLibVersion();
extern "C" void* getPluginRegistry();

int main()
{
    int32_t const version = getInferLibVersion();
    // IPluginRegistry::getCreator, before TensorRT 10 getPluginCreator.
    int32_t const slot = version >= 110000 ? 10 : version >= 100000 ? 14 : 2;
    using GetCreator = void* (*)(void*, char const*, char const*, char const*);
    void* const registry = getPluginRegistry();
    auto const getCreator = reinterpret_cast<GetCreator>((*static_cast<void***>(registry))[slot]);
    bool const found = getCreator(registry, "TRTS_ScatterStd", "1", "") != nullptr;
    std::printf("TensorRT %d %s TRTS_ScatterStd\n", version, found ? "has" : "does not have");
    return found ? 0 : 1;
}
