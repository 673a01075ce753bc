// An engine with layers of tensorrt_scatter, run once in C++. TensorRT 8.5 or newer:
//
//     g++ -std=c++17 serve.cpp -I$TENSORRT/include -I$CUDA/include -L$TENSORRT/lib -L$CUDA/lib64 -lnvinfer -lcudart -ldl -o serve
//     ./serve libtensorrt_scatter_plugin.so pillars.engine points=points.bin:35000x5 pillar=pillar.bin:35000
//
// A file holds an input's elements in order; each output NAME goes to NAME.bin.

#include <NvInfer.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

class Logger : public nvinfer1::ILogger {
    void log(Severity severity, char const* message) noexcept override {
        if (severity <= Severity::kWARNING) {
            std::cerr << message << '\n';
        }
    }
};

void check(bool is_fine, std::string const& what) {
    if (!is_fine) {
        throw std::runtime_error(what);
    }
}

void check(cudaError_t answer) { check(answer == cudaSuccess, cudaGetErrorString(answer)); }

std::vector<char> read(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    check(file.good(), "cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// "35000x5"
nvinfer1::Dims parse_shape(std::string const& text) {
    nvinfer1::Dims shape{};
    std::istringstream axes(text);
    for (std::string axis; std::getline(axes, axis, 'x');) {
        check(shape.nbDims < nvinfer1::Dims::MAX_DIMS, "too many axes: " + text);
        shape.d[shape.nbDims++] = std::stoi(axis);
    }
    return shape;
}

size_t bytes(nvinfer1::ICudaEngine const& engine, nvinfer1::IExecutionContext const& context, char const* name) {
    using nvinfer1::DataType;
    auto const type = engine.getTensorDataType(name);
    size_t size = type == DataType::kHALF ? 2 : type == DataType::kINT8 || type == DataType::kBOOL ? 1 : 4;
#if NV_TENSORRT_MAJOR >= 9
    size = type == DataType::kBF16 ? 2 : type == DataType::kINT64 ? 8 : size;
#endif
    auto const shape = context.getTensorShape(name);
    for (int axis = 0; axis < shape.nbDims; ++axis) {
        size *= shape.d[axis];
    }
    return size;
}

int run(int count, char** arguments) {
    check(count >= 3, "usage: serve LIBRARY ENGINE NAME=FILE:SHAPE...");
    // Before the first runtime. The library registers itself with the TensorRT that the process has.
    if (!dlopen(arguments[1], RTLD_NOW)) {
        throw std::runtime_error(std::string("cannot load the plugins: ") + dlerror());
    }
    Logger logger;
    std::unique_ptr<nvinfer1::IRuntime> runtime{nvinfer1::createInferRuntime(logger)};
    auto const plan = read(arguments[2]);
    std::unique_ptr<nvinfer1::ICudaEngine> engine{runtime->deserializeCudaEngine(plan.data(), plan.size())};
    check(engine != nullptr, std::string("not an engine of this TensorRT: ") + arguments[2]);
    std::unique_ptr<nvinfer1::IExecutionContext> context{engine->createExecutionContext()};
    cudaStream_t stream;
    check(cudaStreamCreate(&stream));

    for (int i = 3; i < count; ++i) {
        std::string const argument = arguments[i];
        auto const name = argument.substr(0, argument.find('='));
        auto const colon = argument.rfind(':');
        check(name.size() < argument.size() && colon != std::string::npos, "not NAME=FILE:SHAPE: " + argument);
        auto const values = read(argument.substr(name.size() + 1, colon - name.size() - 1));
        check(context->setInputShape(name.c_str(), parse_shape(argument.substr(colon + 1))), "no such input, or not of a shape that the engine takes: " + argument);
        check(values.size() == bytes(*engine, *context, name.c_str()), "not as many bytes as the shape says: " + argument);
        void* address;
        check(cudaMalloc(&address, values.size() + 1));
        check(cudaMemcpyAsync(address, values.data(), values.size(), cudaMemcpyHostToDevice, stream));
        context->setTensorAddress(name.c_str(), address);
    }
    std::vector<std::pair<std::string, void*>> outputs;
    for (int i = 0; i < engine->getNbIOTensors(); ++i) {
        char const* name = engine->getIOTensorName(i);
        if (engine->getTensorIOMode(name) == nvinfer1::TensorIOMode::kOUTPUT) {
            void* address;
            check(cudaMalloc(&address, bytes(*engine, *context, name) + 1));
            context->setTensorAddress(name, address);
            outputs.emplace_back(name, address);
        }
    }
    check(context->enqueueV3(stream), "TensorRT could not run the engine");
    check(cudaStreamSynchronize(stream));
    for (auto const& [name, address] : outputs) {
        std::vector<char> values(bytes(*engine, *context, name.c_str()));
        check(cudaMemcpy(values.data(), address, values.size(), cudaMemcpyDeviceToHost));
        std::ofstream(name + ".bin", std::ios::binary).write(values.data(), values.size());
        std::cout << name << ".bin: " << values.size() << " bytes\n";
    }
    return 0;
}

int main(int count, char** arguments) {
    try {
        return run(count, arguments);
    } catch (std::exception const& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
