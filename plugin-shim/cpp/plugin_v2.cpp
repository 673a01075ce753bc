// The plugin class and the creator class for TensorRT 8.5 to 9: IPluginV2DynamicExt. They convert arguments and call
// Rust, which decides everything.

#if defined(TRTS_SDK_V2)
#include <NvInferRuntime.h>
#else
#include "tensorrt_v2.h"
#endif

#include "convert.h"
#include "creators.h"

namespace trts
{
namespace
{

using nvinfer1::AsciiChar;
using nvinfer1::DataType;
using nvinfer1::DimensionOperation;
using nvinfer1::DimsExprs;
using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::PluginField;
using nvinfer1::PluginFieldCollection;
using nvinfer1::PluginTensorDesc;

Tensors actual(DynamicPluginTensorDesc const* descs, int32_t count)
{
    return {descs, count, [](DynamicPluginTensorDesc const& desc) { return describe(desc.desc); }};
}

} // namespace

// Where a function below catches an exception, it returns null. Rust has logged the reason; std::bad_alloc is not
// logged.

class PluginV2 final : public nvinfer1::IPluginV2DynamicExt
{
public:
    explicit PluginV2(rust::Box<Plugin> plugin)
        : mPlugin{std::move(plugin)}
    {
    }

    AsciiChar const* getPluginType() const noexcept override
    {
        return mPlugin->name();
    }

    AsciiChar const* getPluginVersion() const noexcept override
    {
        return mPlugin->version();
    }

    int32_t getNbOutputs() const noexcept override
    {
        return mPlugin->output_count();
    }

    DataType getOutputDataType(int32_t index, DataType const* inputTypes, int32_t nbInputs) const noexcept override
    {
        return static_cast<DataType>(mPlugin->output_type(index, Types{inputTypes, nbInputs}.slice()));
    }

    DimsExprs getOutputDimensions(int32_t outputIndex, DimsExprs const* inputs, int32_t nbInputs,
        nvinfer1::IExprBuilder& exprBuilder) noexcept override
    {
        // The V2 interface has no shape tensors.
        auto const shape = mPlugin->output_shape(outputIndex, symbolic(inputs, nbInputs).slice(), {});
        return express<DimensionOperation, DimsExprs>(shape, inputs, nullptr, exprBuilder);
    }

    bool supportsFormatCombination(
        int32_t pos, PluginTensorDesc const* inOut, int32_t nbInputs, int32_t nbOutputs) noexcept override
    {
        return mPlugin->supports(pos, trts::actual(inOut, nbInputs + nbOutputs).slice(), nbInputs, nbOutputs);
    }

    void configurePlugin(DynamicPluginTensorDesc const* in, int32_t nbInputs, DynamicPluginTensorDesc const* out,
        int32_t nbOutputs) noexcept override
    {
        // The function cannot return an error. Rust logs what is wrong, and enqueue fails.
        mPlugin->configure(actual(in, nbInputs).slice(), actual(out, nbOutputs).slice());
    }

    size_t getWorkspaceSize(PluginTensorDesc const* inputs, int32_t nbInputs, PluginTensorDesc const* outputs,
        int32_t nbOutputs) const noexcept override
    {
        return mPlugin->workspace_size(
            trts::actual(inputs, nbInputs).slice(), trts::actual(outputs, nbOutputs).slice());
    }

    int32_t initialize() noexcept override
    {
        // TensorRT passes no types here. Rust uses those of the last configuration, which the engine file keeps.
        mPlugin->load_kernels({});
        return 0;
    }

    void terminate() noexcept override {}

    int32_t enqueue(PluginTensorDesc const* inputDesc, PluginTensorDesc const* outputDesc, void const* const* inputs,
        void* const* outputs, void* workspace, cudaStream_t stream) noexcept override
    {
        auto const nbInputs = mPlugin->input_count();
        auto const nbOutputs = mPlugin->output_count();
        bool const good = mPlugin->enqueue(trts::actual(inputDesc, nbInputs).slice(),
            trts::actual(outputDesc, nbOutputs).slice(), Addresses{inputs, nbInputs}.slice(),
            Addresses{outputs, nbOutputs}.slice(), reinterpret_cast<uintptr_t>(workspace),
            reinterpret_cast<uintptr_t>(stream));
        // TensorRT takes every value but 0 for a failure.
        return good ? 0 : -1;
    }

    size_t getSerializationSize() const noexcept override
    {
        return mPlugin->serialized_size();
    }

    void serialize(void* buffer) const noexcept override
    {
        mPlugin->serialize(static_cast<uint8_t*>(buffer));
    }

    void destroy() noexcept override
    {
        delete this;
    }

    nvinfer1::IPluginV2DynamicExt* clone() const noexcept override
    {
        try
        {
            return new PluginV2{mPlugin->duplicate()};
        }
        catch (std::exception const&)
        {
            return nullptr;
        }
    }

    void setPluginNamespace(AsciiChar const* pluginNamespace) noexcept override
    {
        mPlugin->set_namespace(pluginNamespace);
    }

    AsciiChar const* getPluginNamespace() const noexcept override
    {
        return mPlugin->plugin_namespace();
    }

private:
    rust::Box<Plugin> mPlugin;
};

class CreatorV2Class final : public nvinfer1::IPluginCreator
{
public:
    explicit CreatorV2Class(rust::Box<Creator> creator)
        : mCreator{std::move(creator)}
        , mFields{mCreator->fields()}
    {
    }

    AsciiChar const* getPluginName() const noexcept override
    {
        return mCreator->name();
    }

    AsciiChar const* getPluginVersion() const noexcept override
    {
        return mCreator->version();
    }

    PluginFieldCollection const* getFieldNames() noexcept override
    {
        return mFields.collection();
    }

    nvinfer1::IPluginV2* createPlugin(AsciiChar const* name, PluginFieldCollection const* fc) noexcept override
    {
        try
        {
            return new PluginV2{mCreator->create(name, slice(given(fc)))};
        }
        catch (std::exception const&)
        {
            return nullptr;
        }
    }

    nvinfer1::IPluginV2* deserializePlugin(
        AsciiChar const* name, void const* serialData, size_t serialLength) noexcept override
    {
        try
        {
            return new PluginV2{
                mCreator->deserialize(name, static_cast<uint8_t const*>(serialData), serialLength)};
        }
        catch (std::exception const&)
        {
            return nullptr;
        }
    }

    void setPluginNamespace(AsciiChar const* pluginNamespace) noexcept override
    {
        mCreator->set_namespace(pluginNamespace);
    }

    AsciiChar const* getPluginNamespace() const noexcept override
    {
        return mCreator->plugin_namespace();
    }

private:
    rust::Box<Creator> mCreator;
    Fields<PluginField, PluginFieldCollection> mFields;
};

CreatorV2* new_creator_v2(rust::Box<Creator> creator) noexcept
{
    try
    {
        nvinfer1::IPluginCreator* created = new CreatorV2Class{std::move(creator)};
        return reinterpret_cast<CreatorV2*>(created);
    }
    catch (std::exception const&)
    {
        return nullptr;
    }
}

} // namespace trts
