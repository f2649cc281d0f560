// SPDX-License-Identifier: GPL-2.0-or-later
// From values to a typed handler and back. wrap<&vm_start> is the row function of VM.start: it
// turns the checked arguments into the C++ types of the handler's parameters, and its result into a
// value.
#pragma once

#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "datamodel/value.hpp"

namespace xcp::xapi {

class Context;

namespace adapter_detail {

template <class T>
struct handler;
template <class R, class... A>
struct handler<R (*)(Context&, A...)> {
  using result = R;
  using arguments = std::tuple<std::decay_t<A>...>;
};

}  // namespace adapter_detail

template <auto Function>
model::Value wrap(Context& context, std::span<const model::Value> values) {
  using H = adapter_detail::handler<decltype(Function)>;
  using Arguments = typename H::arguments;
  return [&]<std::size_t... I>(std::index_sequence<I...>)->model::Value {
    if constexpr (std::is_void_v<typename H::result>) {
      Function(context, model::from_value<std::tuple_element_t<I, Arguments>>(values[I])...);
      return {};
    } else {
      return model::to_value(
          Function(context, model::from_value<std::tuple_element_t<I, Arguments>>(values[I])...));
    }
  }
  (std::make_index_sequence<std::tuple_size_v<Arguments>>());
}

}  // namespace xcp::xapi
