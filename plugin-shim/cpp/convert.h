// Converts TensorRT's structs to those of the bridge, and back.
//
// The two generations have different layouts under the same names. So everything here is a template in an unnamed
// namespace: each unit has its own copy, which the linker cannot mix up with the other's.
#pragma once

#include "tensorrt-scatter-plugin/src/bridge.rs.h"

namespace trts
{
namespace
{

// The capacity for the tensors of a layer. No operator has more; where TensorRT gives more, Rust sees this number and
// refuses the layer.
constexpr int32_t kMaxTensors{16};

template <typename Dims>
void copyDims(Dims const& from, TensorDesc& to)
{
    to.rank = from.nbDims;
    for (int32_t i = 0; i < from.nbDims && i < Dims::MAX_DIMS; ++i)
    {
        to.dims[i] = from.d[i];
    }
}

template <typename PluginTensorDesc>
TensorDesc describe(PluginTensorDesc const& from)
{
    TensorDesc to{};
    copyDims(from.dims, to);
    to.data_type = static_cast<int32_t>(from.type);
    to.format = static_cast<int32_t>(from.format);
    return to;
}

template <typename DimsExprs>
TensorDesc describeSymbolic(DimsExprs const& from)
{
    TensorDesc to{};
    to.rank = from.nbDims;
    for (int32_t i = 0; i < from.nbDims && i < static_cast<int32_t>(to.dims.size()); ++i)
    {
        // TensorRT itself writes -1 for a size that is not known yet.
        to.dims[i] = from.d[i] != nullptr && from.d[i]->isConstant() ? from.d[i]->getConstantValue() : -1;
    }
    return to;
}

// The descriptions of `count` tensors. It allocates nothing, because enqueue uses it.
class Tensors
{
public:
    template <typename Desc, typename Describe>
    Tensors(Desc const* descs, int32_t count, Describe const& describeOne)
        : mCount{descs == nullptr || count < 0 ? 0 : std::min(count, kMaxTensors)}
    {
        for (int32_t i = 0; i < mCount; ++i)
        {
            mItems[i] = describeOne(descs[i]);
        }
    }

    [[nodiscard]] rust::Slice<TensorDesc const> slice() const
    {
        return {mItems.data(), static_cast<size_t>(mCount)};
    }

private:
    std::array<TensorDesc, kMaxTensors> mItems{};
    int32_t mCount;
};

// Device addresses, as numbers for Rust.
class Addresses
{
public:
    template <typename Pointer>
    Addresses(Pointer const* pointers, int32_t count)
        : mCount{pointers == nullptr || count < 0 ? 0 : std::min(count, kMaxTensors)}
    {
        std::transform(pointers, pointers + mCount, mItems.begin(),
            [](Pointer pointer) { return reinterpret_cast<uintptr_t>(pointer); });
    }

    [[nodiscard]] rust::Slice<uint64_t const> slice() const
    {
        return {mItems.data(), static_cast<size_t>(mCount)};
    }

private:
    std::array<uint64_t, kMaxTensors> mItems{};
    int32_t mCount;
};

// Data types, as numbers for Rust.
class Types
{
public:
    template <typename DataType>
    Types(DataType const* types, int32_t count)
        : mCount{types == nullptr || count < 0 ? 0 : std::min(count, kMaxTensors)}
    {
        std::transform(
            types, types + mCount, mItems.begin(), [](DataType type) { return static_cast<int32_t>(type); });
    }

    [[nodiscard]] rust::Slice<int32_t const> slice() const
    {
        return {mItems.data(), static_cast<size_t>(mCount)};
    }

private:
    std::array<int32_t, kMaxTensors> mItems{};
    int32_t mCount;
};

template <typename Desc>
Tensors actual(Desc const* descs, int32_t count)
{
    return {descs, count, [](Desc const& desc) { return describe(desc); }};
}

template <typename DimsExprs>
Tensors symbolic(DimsExprs const* shapes, int32_t count)
{
    return {shapes, count, [](DimsExprs const& shape) { return describeSymbolic(shape); }};
}

// Makes TensorRT's expression for the size of one axis of an output. Null where TensorRT returns no expression.
template <typename DimensionOperation, typename DimsExprs, typename IExprBuilder>
auto expressSize(DimSource const& source, DimsExprs const* inputs, DimsExprs const* shapeInputs, IExprBuilder& builder)
    -> decltype(builder.constant(0))
{
    switch (source.origin)
    {
    case SizeOrigin::Constant: return builder.constant(source.size);
    case SizeOrigin::Axis: return inputs[source.input].d[source.axis];
    case SizeOrigin::ShapeTensor:
    {
        auto const* const value = shapeInputs[0].d[0];
        if (source.size == 0)
        {
            return value;
        }
        auto const* const more = builder.constant(source.size);
        return value == nullptr || more == nullptr ? nullptr
                                                   : builder.operation(DimensionOperation::kSUM, *value, *more);
    }
    case SizeOrigin::Segments:
    {
        auto const* const one = builder.constant(1);
        auto const* const none = builder.constant(0);
        auto const* const bounds = inputs[source.input].d[source.axis];
        if (one == nullptr || none == nullptr || bounds == nullptr)
        {
            return nullptr;
        }
        auto const* const segments = builder.operation(DimensionOperation::kSUB, *bounds, *one);
        return segments == nullptr ? nullptr : builder.operation(DimensionOperation::kMAX, *segments, *none);
    }
    }
    return nullptr;
}

// Makes TensorRT's expressions for an output's shape, which Rust has computed. Rank -1 where Rust refused the layer, or
// TensorRT returned no expression.
template <typename DimensionOperation, typename DimsExprs, typename IExprBuilder>
DimsExprs express(
    OutputShape const& shape, DimsExprs const* inputs, DimsExprs const* shapeInputs, IExprBuilder& builder)
{
    DimsExprs expression{};
    expression.nbDims = shape.rank;
    for (int32_t i = 0; i < shape.rank; ++i)
    {
        expression.d[i] = expressSize<DimensionOperation>(shape.dims[i], inputs, shapeInputs, builder);
        if (expression.d[i] == nullptr)
        {
            expression.nbDims = -1;
            break;
        }
    }
    return expression;
}

// TensorRT's collection of fields. Rust owns the names and values that the fields point to.
template <typename PluginField, typename PluginFieldCollection>
class Fields
{
public:
    explicit Fields(rust::Vec<Field> const& fields)
    {
        mFields.reserve(fields.size());
        for (Field const& field : fields)
        {
            PluginField converted{};
            converted.name = field.name;
            converted.data = field.data;
            converted.type = static_cast<decltype(converted.type)>(field.field_type);
            converted.length = field.length;
            mFields.push_back(converted);
        }
        mCollection.nbFields = static_cast<int32_t>(mFields.size());
        mCollection.fields = mFields.data();
    }
    Fields(Fields const&) = delete;
    Fields& operator=(Fields const&) = delete;

    [[nodiscard]] PluginFieldCollection const* collection() const
    {
        return &mCollection;
    }

private:
    std::vector<PluginField> mFields;
    PluginFieldCollection mCollection{};
};

// The fields of TensorRT's collection, for Rust.
template <typename PluginFieldCollection>
std::vector<Field> given(PluginFieldCollection const* collection)
{
    std::vector<Field> fields;
    if (collection != nullptr && collection->fields != nullptr)
    {
        for (int32_t i = 0; i < collection->nbFields; ++i)
        {
            auto const& field = collection->fields[i];
            fields.push_back({field.name, static_cast<uint8_t const*>(field.data), static_cast<int32_t>(field.type),
                field.length});
        }
    }
    return fields;
}

inline rust::Slice<Field const> slice(std::vector<Field> const& fields)
{
    return {fields.data(), fields.size()};
}

} // namespace
} // namespace trts
