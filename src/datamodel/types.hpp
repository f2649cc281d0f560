// SPDX-License-Identifier: GPL-2.0-or-later
// The C++ types of XenAPI values. Typed field keys (model.gen.hpp) are made of these.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ref.hpp"
#include "datamodel/model.hpp"

namespace xcp::model {

// A point in time in whole seconds since 1970, UTC; on the wire YYYYMMDDThh:mm:ssZ.
struct DateTime {
  std::int64_t seconds = 0;
  auto operator<=>(const DateTime&) const = default;
};
DateTime now();

// The key of field `index` of class C, whose values have the C++ type T.
template <class C, class T>
struct Field {
  using owner = C;
  using type = T;
  std::uint16_t index;
};

// Specialised by model.gen.hpp for every enum: static const EnumDesc& desc().
template <class E>
struct EnumTraits;

template <class E>
std::string_view to_string(E value) {
  return EnumTraits<E>::desc().values[static_cast<std::size_t>(value)];
}

template <class E>
std::optional<E> enum_from_string(std::string_view text) {
  const auto index = enum_index(EnumTraits<E>::desc(), text);
  if (!index) return std::nullopt;
  return static_cast<E>(*index);
}

}  // namespace xcp::model
