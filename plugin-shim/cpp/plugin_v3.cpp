// The plugin class and the creator class for TensorRT 10 and 11: IPluginV3 with its three capabilities. They convert
// arguments and call Rust, which decides everything.

#if defined(TRTS_SDK_V3)
#include <NvInferRuntime.h>
#else
#include "tensorrt_v3.h"
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

Tensors largest(DynamicPluginTensorDesc const* descs, int32_t count)
{
    return {descs, count, [](DynamicPluginTensorDesc const& desc) {
                TensorDesc to = describe(desc.desc);
                copyDims(desc.max, to);
                return to;
            }};
}

// TensorRT takes every value but 0 for a failure.
constexpr int32_t kFailure{-1};
constexpr int32_t kSuccess{0};

int32_t status(bool good)
{
    return good ? kSuccess : kFailure;
}

} // namespace

// Where a function below catches an exception, it returns null. Rust has logged the reason; std::bad_alloc is not
// logged.

class PluginV3 final : public nvinfer1::IPluginV3,
                       public nvinfer1::IPluginV3OneCore,
                       public nvinfer1::IPluginV3OneBuild,
                       public nvinfer1::IPluginV3OneRuntime
{
public:
    explicit PluginV3(rust::Box<Plugin> plugin)
        : mPlugin{std::move(plugin)}
        , mFields{mPlugin->fields()}
    {
    }

    nvinfer1::IPluginCapability* getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept override
    {
        switch (type)
        {
        case nvinfer1::PluginCapabilityType::kCORE: return static_cast<nvinfer1::IPluginV3OneCore*>(this);
        case nvinfer1::PluginCapabilityType::kBUILD: return static_cast<nvinfer1::IPluginV3OneBuild*>(this);
        case nvinfer1::PluginCapabilityType::kRUNTIME: return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
        }
        return nullptr;
    }

    nvinfer1::IPluginV3* clone() noexcept override
    {
        try
        {
            return new PluginV3{mPlugin->duplicate()};
        }
        catch (std::exception const&)
        {
            return nullptr;
        }
    }

    AsciiChar const* getPluginName() const noexcept override
    {
        return mPlugin->name();
    }

    AsciiChar const* getPluginVersion() const noexcept override
    {
        return mPlugin->version();
    }

    AsciiChar const* getPluginNamespace() const noexcept override
    {
        return mPlugin->plugin_namespace();
    }

    int32_t getNbOutputs() const noexcept override
    {
        return mPlugin->output_count();
    }

    int32_t getOutputDataTypes(
        DataType* outputTypes, int32_t nbOutputs, DataType const* inputTypes, int32_t nbInputs) const noexcept override
    {
        Types const types{inputTypes, nbInputs};
        if (!mPlugin->check_types(types.slice(), nbOutputs))
        {
            return kFailure;
        }
        for (int32_t i = 0; i < nbOutputs; ++i)
        {
            outputTypes[i] = static_cast<DataType>(mPlugin->output_type(i, types.slice()));
        }
        return kSuccess;
    }

    int32_t getOutputShapes(DimsExprs const* inputs, int32_t nbInputs, DimsExprs const* shapeInputs,
        int32_t nbShapeInputs, DimsExprs* outputs, int32_t nbOutputs,
        nvinfer1::IExprBuilder& exprBuilder) noexcept override
    {
        auto const shapes = symbolic(inputs, nbInputs);
        auto const shapeValues = symbolic(shapeInputs, nbShapeInputs);
        for (int32_t i = 0; i < nbOutputs; ++i)
        {
            auto const shape = mPlugin->output_shape(i, shapes.slice(), shapeValues.slice());
            outputs[i] = express<DimensionOperation>(shape, inputs, shapeInputs, exprBuilder);
            if (outputs[i].nbDims < 0)
            {
                return kFailure;
            }
        }
        return kSuccess;
    }

    bool supportsFormatCombination(
        int32_t pos, DynamicPluginTensorDesc const* inOut, int32_t nbInputs, int32_t nbOutputs) noexcept override
    {
        return mPlugin->supports(pos, actual(inOut, nbInputs + nbOutputs).slice(), nbInputs, nbOutputs);
    }

    int32_t configurePlugin(DynamicPluginTensorDesc const* in, int32_t nbInputs, DynamicPluginTensorDesc const* out,
        int32_t nbOutputs) noexcept override
    {
        return status(mPlugin->configure(actual(in, nbInputs).slice(), actual(out, nbOutputs).slice()));
    }

    size_t getWorkspaceSize(DynamicPluginTensorDesc const* inputs, int32_t nbInputs,
        DynamicPluginTensorDesc const* outputs, int32_t nbOutputs) const noexcept override
    {
        return mPlugin->workspace_size(largest(inputs, nbInputs).slice(), largest(outputs, nbOutputs).slice());
    }

    int32_t onShapeChange(PluginTensorDesc const* in, int32_t nbInputs, PluginTensorDesc const* out,
        int32_t nbOutputs) noexcept override
    {
        if (!mPlugin->configure(trts::actual(in, nbInputs).slice(), trts::actual(out, nbOutputs).slice()))
        {
            return kFailure;
        }
        mPlugin->load_kernels(trts::actual(in, nbInputs).slice());
        return kSuccess;
    }

    int32_t enqueue(PluginTensorDesc const* inputDesc, PluginTensorDesc const* outputDesc, void const* const* inputs,
        void* const* outputs, void* workspace, cudaStream_t stream) noexcept override
    {
        auto const nbInputs = mPlugin->input_count();
        auto const nbOutputs = mPlugin->output_count();
        return status(mPlugin->enqueue(trts::actual(inputDesc, nbInputs).slice(),
            trts::actual(outputDesc, nbOutputs).slice(), Addresses{inputs, nbInputs}.slice(),
            Addresses{outputs, nbOutputs}.slice(), reinterpret_cast<uintptr_t>(workspace),
            reinterpret_cast<uintptr_t>(stream)));
    }

    nvinfer1::IPluginV3* attachToContext(nvinfer1::IPluginResourceContext*) noexcept override
    {
        return clone();
    }

    PluginFieldCollection const* getFieldsToSerialize() noexcept override
    {
        return mFields.collection();
    }

private:
    rust::Box<Plugin> mPlugin;
    // Points into mPlugin.
    Fields<PluginField, PluginFieldCollection> mFields;
};

class CreatorV3Class final : public nvinfer1::IPluginCreatorV3One
{
public:
    explicit CreatorV3Class(rust::Box<Creator> creator)
        : mCreator{std::move(creator)}
        , mFields{mCreator->fields()}
    {
    }

    nvinfer1::IPluginV3* createPlugin(
        AsciiChar const* name, PluginFieldCollection const* fc, nvinfer1::TensorRTPhase) noexcept override
    {
        try
        {
            return new PluginV3{mCreator->create(name, slice(given(fc)))};
        }
        catch (std::exception const&)
        {
            return nullptr;
        }
    }

    PluginFieldCollection const* getFieldNames() noexcept override
    {
        return mFields.collection();
    }

    AsciiChar const* getPluginName() const noexcept override
    {
        return mCreator->name();
    }

    AsciiChar const* getPluginVersion() const noexcept override
    {
        return mCreator->version();
    }

    AsciiChar const* getPluginNamespace() const noexcept override
    {
        return mCreator->plugin_namespace();
    }

private:
    rust::Box<Creator> mCreator;
    Fields<PluginField, PluginFieldCollection> mFields;
};

CreatorV3* new_creator_v3(rust::Box<Creator> creator) noexcept
{
    try
    {
        nvinfer1::IPluginCreatorInterface* created = new CreatorV3Class{std::move(creator)};
        return reinterpret_cast<CreatorV3*>(created);
    }
    catch (std::exception const&)
    {
        return nullptr;
    }
}

} // namespace trts
