// tensorrt_v3.h against the headers of a TensorRT SDK. Ours is read under another name for its namespace.

#define nvinfer1 ours
#include "tensorrt_v3.h"
#undef nvinfer1

#include <NvInferRuntime.h>

#include "compare.h"

namespace theirs = nvinfer1;

#define SAME_TYPE(type)                                                                                                \
    static_assert(sizeof(ours::type) == sizeof(theirs::type) && alignof(ours::type) == alignof(theirs::type), #type)
#define SAME_OFFSET(type, field)                                                                                       \
    static_assert(offsetof(ours::type, field) == offsetof(theirs::type, field), #type "::" #field)
#define SAME_ENUM(value)                                                                                               \
    static_assert(static_cast<int32_t>(ours::value) == static_cast<int32_t>(theirs::value), #value)
#define SAME_SLOT(type, function)                                                                                      \
    checkSlot(#type "::" #function, slotOf(&ours::type::function), slotOf(&theirs::type::function))

SAME_TYPE(Dims);
SAME_OFFSET(Dims, nbDims);
SAME_OFFSET(Dims, d);
static_assert(ours::Dims::MAX_DIMS == theirs::Dims::MAX_DIMS);
SAME_TYPE(DimsExprs);
SAME_OFFSET(DimsExprs, nbDims);
SAME_OFFSET(DimsExprs, d);
SAME_TYPE(PluginTensorDesc);
SAME_OFFSET(PluginTensorDesc, dims);
SAME_OFFSET(PluginTensorDesc, type);
SAME_OFFSET(PluginTensorDesc, format);
SAME_OFFSET(PluginTensorDesc, scale);
SAME_TYPE(DynamicPluginTensorDesc);
SAME_OFFSET(DynamicPluginTensorDesc, desc);
SAME_OFFSET(DynamicPluginTensorDesc, min);
SAME_OFFSET(DynamicPluginTensorDesc, max);
SAME_OFFSET(DynamicPluginTensorDesc, opt);
SAME_TYPE(PluginField);
SAME_OFFSET(PluginField, name);
SAME_OFFSET(PluginField, data);
SAME_OFFSET(PluginField, type);
SAME_OFFSET(PluginField, length);
SAME_TYPE(PluginFieldCollection);
SAME_OFFSET(PluginFieldCollection, nbFields);
SAME_OFFSET(PluginFieldCollection, fields);
SAME_TYPE(InterfaceInfo);
SAME_OFFSET(InterfaceInfo, kind);
SAME_OFFSET(InterfaceInfo, major);
SAME_OFFSET(InterfaceInfo, minor);
SAME_TYPE(IDimensionExpr);
SAME_OFFSET(IDimensionExpr, mImpl);
SAME_TYPE(IExprBuilder);
SAME_OFFSET(IExprBuilder, mImpl);

SAME_ENUM(DataType::kFLOAT);
SAME_ENUM(DataType::kHALF);
SAME_ENUM(DataType::kINT8);
SAME_ENUM(DataType::kINT32);
SAME_ENUM(DataType::kBOOL);
SAME_ENUM(DataType::kBF16);
SAME_ENUM(DataType::kINT64);
SAME_ENUM(TensorFormat::kLINEAR);
SAME_ENUM(PluginFieldType::kFLOAT16);
SAME_ENUM(PluginFieldType::kFLOAT32);
SAME_ENUM(PluginFieldType::kFLOAT64);
SAME_ENUM(PluginFieldType::kINT8);
SAME_ENUM(PluginFieldType::kINT16);
SAME_ENUM(PluginFieldType::kINT32);
SAME_ENUM(PluginFieldType::kCHAR);
SAME_ENUM(PluginFieldType::kDIMS);
SAME_ENUM(PluginFieldType::kUNKNOWN);
SAME_ENUM(PluginFieldType::kBF16);
SAME_ENUM(PluginFieldType::kINT64);
SAME_ENUM(PluginCapabilityType::kCORE);
SAME_ENUM(PluginCapabilityType::kBUILD);
SAME_ENUM(PluginCapabilityType::kRUNTIME);
SAME_ENUM(TensorRTPhase::kBUILD);
SAME_ENUM(TensorRTPhase::kRUNTIME);
SAME_ENUM(APILanguage::kCPP);
SAME_ENUM(DimensionOperation::kSUM);
SAME_ENUM(DimensionOperation::kMAX);
SAME_ENUM(DimensionOperation::kSUB);

template <typename Ours, typename Theirs>
void checkInfo(char const* what)
{
    // Neither function looks at its object, and without one there is nothing to construct.
    auto const ours = reinterpret_cast<Ours const*>(&failures)->Ours::getInterfaceInfo();
    auto const theirs = reinterpret_cast<Theirs const*>(&failures)->Theirs::getInterfaceInfo();
    if (std::strcmp(ours.kind, theirs.kind) != 0 || ours.major != theirs.major || ours.minor != theirs.minor)
    {
        std::printf("%s: our header says %s, TensorRT says %s\n", what, ours.kind, theirs.kind);
        ++failures;
    }
}

#define SAME_INFO(type) checkInfo<ours::type, theirs::type>(#type)

int main()
{
    SAME_SLOT(IVersionedInterface, getAPILanguage);
    SAME_SLOT(IVersionedInterface, getInterfaceInfo);
    SAME_SLOT(IPluginV3, getInterfaceInfo);
    SAME_SLOT(IPluginV3, getCapabilityInterface);
    SAME_SLOT(IPluginV3, clone);
    SAME_SLOT(IPluginV3OneCore, getPluginName);
    SAME_SLOT(IPluginV3OneCore, getPluginVersion);
    SAME_SLOT(IPluginV3OneCore, getPluginNamespace);
    SAME_SLOT(IPluginV3OneBuild, configurePlugin);
    SAME_SLOT(IPluginV3OneBuild, getOutputDataTypes);
    SAME_SLOT(IPluginV3OneBuild, getOutputShapes);
    SAME_SLOT(IPluginV3OneBuild, supportsFormatCombination);
    SAME_SLOT(IPluginV3OneBuild, getNbOutputs);
    SAME_SLOT(IPluginV3OneBuild, getWorkspaceSize);
    SAME_SLOT(IPluginV3OneBuild, getValidTactics);
    SAME_SLOT(IPluginV3OneBuild, getNbTactics);
    SAME_SLOT(IPluginV3OneBuild, getTimingCacheID);
    SAME_SLOT(IPluginV3OneBuild, getFormatCombinationLimit);
    SAME_SLOT(IPluginV3OneBuild, getMetadataString);
    SAME_SLOT(IPluginV3OneRuntime, setTactic);
    SAME_SLOT(IPluginV3OneRuntime, onShapeChange);
    SAME_SLOT(IPluginV3OneRuntime, enqueue);
    SAME_SLOT(IPluginV3OneRuntime, attachToContext);
    SAME_SLOT(IPluginV3OneRuntime, getFieldsToSerialize);
    SAME_SLOT(IPluginCreatorV3One, createPlugin);
    SAME_SLOT(IPluginCreatorV3One, getFieldNames);
    SAME_SLOT(IPluginCreatorV3One, getPluginName);
    SAME_SLOT(IPluginCreatorV3One, getPluginVersion);
    SAME_SLOT(IPluginCreatorV3One, getPluginNamespace);
    SAME_SLOT(apiv::VDimensionExpr, isConstant);
    SAME_SLOT(apiv::VDimensionExpr, getConstantValue);
    SAME_SLOT(apiv::VDimensionExpr, isSizeTensor);
    SAME_SLOT(apiv::VExprBuilder, constant);
    SAME_SLOT(apiv::VExprBuilder, operation);
    SAME_SLOT(apiv::VExprBuilder, declareSizeTensor);
    SAME_INFO(IPluginV3);
    SAME_INFO(IPluginV3OneCore);
    SAME_INFO(IPluginV3OneBuild);
    SAME_INFO(IPluginV3OneRuntime);
    SAME_INFO(IPluginCreatorV3One);
    return failures == 0 ? 0 : 1;
}
