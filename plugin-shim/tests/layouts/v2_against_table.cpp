// tensorrt_v2.h against what a compiler read off the headers of TensorRT 8.5.3 and 8.6.0, which agree.

#include "tensorrt_v2.h"

#include "compare.h"

using namespace nvinfer1;

static_assert(sizeof(Dims) == 36 && alignof(Dims) == 4);
static_assert(offsetof(Dims, nbDims) == 0 && offsetof(Dims, d) == 4);
static_assert(sizeof(DimsExprs) == 72 && alignof(DimsExprs) == 8);
static_assert(offsetof(DimsExprs, nbDims) == 0 && offsetof(DimsExprs, d) == 8);
static_assert(sizeof(PluginTensorDesc) == 48 && alignof(PluginTensorDesc) == 4);
static_assert(offsetof(PluginTensorDesc, dims) == 0 && offsetof(PluginTensorDesc, type) == 36);
static_assert(offsetof(PluginTensorDesc, format) == 40 && offsetof(PluginTensorDesc, scale) == 44);
static_assert(sizeof(DynamicPluginTensorDesc) == 120 && alignof(DynamicPluginTensorDesc) == 4);
static_assert(offsetof(DynamicPluginTensorDesc, desc) == 0);
static_assert(offsetof(DynamicPluginTensorDesc, min) == 48 && offsetof(DynamicPluginTensorDesc, max) == 84);
static_assert(sizeof(PluginField) == 24 && alignof(PluginField) == 8);
static_assert(offsetof(PluginField, name) == 0 && offsetof(PluginField, data) == 8);
static_assert(offsetof(PluginField, type) == 16 && offsetof(PluginField, length) == 20);
static_assert(sizeof(PluginFieldCollection) == 16 && alignof(PluginFieldCollection) == 8);
static_assert(offsetof(PluginFieldCollection, nbFields) == 0 && offsetof(PluginFieldCollection, fields) == 8);
static_assert(offsetof(IDimensionExpr, mImpl) == 8 && offsetof(IExprBuilder, mImpl) == 8);

static_assert(static_cast<int>(DataType::kFLOAT) == 0 && static_cast<int>(DataType::kHALF) == 1);
static_assert(static_cast<int>(DataType::kINT8) == 2 && static_cast<int>(DataType::kINT32) == 3);
static_assert(static_cast<int>(DataType::kBOOL) == 4 && static_cast<int>(TensorFormat::kLINEAR) == 0);
static_assert(static_cast<int>(PluginFieldType::kFLOAT16) == 0 && static_cast<int>(PluginFieldType::kFLOAT32) == 1);
static_assert(static_cast<int>(PluginFieldType::kFLOAT64) == 2 && static_cast<int>(PluginFieldType::kINT8) == 3);
static_assert(static_cast<int>(PluginFieldType::kINT16) == 4 && static_cast<int>(PluginFieldType::kINT32) == 5);
static_assert(static_cast<int>(PluginFieldType::kCHAR) == 6 && static_cast<int>(PluginFieldType::kDIMS) == 7);
static_assert(static_cast<int>(PluginFieldType::kUNKNOWN) == 8);
static_assert(static_cast<int>(DimensionOperation::kSUM) == 0 && static_cast<int>(DimensionOperation::kMAX) == 2);
static_assert(static_cast<int>(DimensionOperation::kSUB) == 4);

#define SLOT(type, function, expected) checkSlot(#type "::" #function, slotOf(&type::function), expected)
// For names with several functions: the one of this type.
#define SLOT_OF(class, function, expected, result, ...)                                                                \
    checkSlot(#class "::" #function " " #__VA_ARGS__, slotOf(static_cast<result (class::*) __VA_ARGS__>(&class::function)), expected)

int main()
{
    using Plugin = IPluginV2DynamicExt;
    SLOT(Plugin, getTensorRTVersion, 0);
    SLOT(Plugin, getPluginType, 1);
    SLOT(Plugin, getPluginVersion, 2);
    SLOT(Plugin, getNbOutputs, 3);
    SLOT_OF(Plugin, getOutputDimensions, 4, Dims, (int32_t, Dims const*, int32_t) noexcept);
    SLOT(Plugin, supportsFormat, 5);
    SLOT(Plugin, configureWithFormat, 6);
    SLOT(Plugin, initialize, 7);
    SLOT(Plugin, terminate, 8);
    SLOT_OF(Plugin, getWorkspaceSize, 9, size_t, (int32_t) const noexcept);
    SLOT_OF(Plugin, enqueue, 10, int32_t, (int32_t, void const* const*, void* const*, void*, cudaStream_t) noexcept);
    SLOT(Plugin, getSerializationSize, 11);
    SLOT(Plugin, serialize, 12);
    SLOT(Plugin, destroy, 13);
    SLOT(Plugin, clone, 14);
    SLOT(Plugin, setPluginNamespace, 15);
    SLOT(Plugin, getPluginNamespace, 16);
    SLOT(Plugin, getOutputDataType, 19);
    SLOT(Plugin, isOutputBroadcastAcrossBatch, 20);
    SLOT(Plugin, canBroadcastInputAcrossBatch, 21);
    SLOT_OF(Plugin, configurePlugin, 22, void, (Dims const*, int32_t, Dims const*, int32_t, DataType const*, DataType const*, bool const*, bool const*, PluginFormat, int32_t) noexcept);
    SLOT(Plugin, attachToContext, 23);
    SLOT(Plugin, detachFromContext, 24);
    SLOT_OF(Plugin, getOutputDimensions, 25, DimsExprs, (int32_t, DimsExprs const*, int32_t, IExprBuilder&) noexcept);
    SLOT(Plugin, supportsFormatCombination, 26);
    SLOT_OF(Plugin, configurePlugin, 27, void, (DynamicPluginTensorDesc const*, int32_t, DynamicPluginTensorDesc const*, int32_t) noexcept);
    SLOT_OF(Plugin, getWorkspaceSize, 28, size_t, (PluginTensorDesc const*, int32_t, PluginTensorDesc const*, int32_t) const noexcept);
    SLOT_OF(Plugin, enqueue, 29, int32_t, (PluginTensorDesc const*, PluginTensorDesc const*, void const* const*, void* const*, void*, cudaStream_t) noexcept);
    SLOT(IPluginCreator, getTensorRTVersion, 0);
    SLOT(IPluginCreator, getPluginName, 1);
    SLOT(IPluginCreator, getPluginVersion, 2);
    SLOT(IPluginCreator, getFieldNames, 3);
    SLOT(IPluginCreator, createPlugin, 4);
    SLOT(IPluginCreator, deserializePlugin, 5);
    SLOT(IPluginCreator, setPluginNamespace, 6);
    SLOT(IPluginCreator, getPluginNamespace, 7);
    SLOT(apiv::VDimensionExpr, isConstant, 2);
    SLOT(apiv::VDimensionExpr, getConstantValue, 3);
    SLOT(apiv::VExprBuilder, constant, 2);
    SLOT(apiv::VExprBuilder, operation, 3);
    return failures == 0 ? 0 : 1;
}
