// SPDX-License-Identifier: GPL-2.0-or-later
// Described types to JSON and back, for the daemons' sockets and for state files. A struct listed
// with BOOST_DESCRIBE_STRUCT and an enum listed with BOOST_DESCRIBE_ENUM need nothing else.
// Reading is strict: an unknown member or a member of the wrong type throws INTERNAL_ERROR naming
// it; a missing member keeps its default (so that a newer side may add members).
#pragma once

#include <boost/describe.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/failure.hpp"
#include "base/fd.hpp"

namespace xcp {

namespace json = boost::json;

// Descriptors met while writing are moved into `fds` and replaced by their index; while reading
// they are taken from there. State files have none: a null pointer makes descriptors an error.
struct FdTable {
  std::vector<UniqueFd> fds;
};

namespace describe_detail {

[[noreturn]] void wrong_type(const char* expected, const json::value& got);
[[noreturn]] void unknown_member(std::string_view name);
[[noreturn]] void unknown_enumerator(std::string_view name);
json::value put_fd(FdTable* table, UniqueFd& fd);
UniqueFd take_fd(FdTable* table, const json::value& value);

template <class T>
inline constexpr bool is_described_struct =
    boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_map : std::false_type {};
template <class V>
struct is_map<std::map<std::string, V>> : std::true_type {};
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_duration : std::false_type {};
template <class R, class P>
struct is_duration<std::chrono::duration<R, P>> : std::true_type {};

}  // namespace describe_detail

template <class T>
json::value to_json(T& value, FdTable* fds = nullptr) {
  using namespace describe_detail;
  using U = std::remove_const_t<T>;
  if constexpr (std::is_same_v<U, json::value>) {
    return value;
  } else if constexpr (std::is_same_v<U, UniqueFd>) {
    return put_fd(fds, value);
  } else if constexpr (std::is_same_v<U, std::string> || std::is_same_v<U, bool> ||
                       std::is_floating_point_v<U>) {
    return json::value(value);
  } else if constexpr (std::is_integral_v<U>) {
    return json::value(value);
  } else if constexpr (is_duration<U>::value) {
    return json::value(static_cast<std::int64_t>(value.count()));
  } else if constexpr (std::is_enum_v<U>) {
    return json::value(boost::describe::enum_to_string(value, ""));
  } else if constexpr (is_optional<U>::value) {
    return value ? to_json(*value, fds) : json::value(nullptr);
  } else if constexpr (is_vector<U>::value) {
    json::array out;
    out.reserve(value.size());
    for (auto&& item : value) out.push_back(to_json(item, fds));
    return out;
  } else if constexpr (is_map<U>::value) {
    json::object out;
    for (auto& [key, item] : value) out.emplace(key, to_json(item, fds));
    return out;
  } else {
    static_assert(is_described_struct<U>, "describe the type with BOOST_DESCRIBE_STRUCT");
    json::object out;
    boost::mp11::mp_for_each<boost::describe::describe_members<
        U, boost::describe::mod_public | boost::describe::mod_inherited>>(
        [&](auto member) { out.emplace(member.name, to_json(value.*member.pointer, fds)); });
    return out;
  }
}

template <class T>
T from_json(const json::value& in, FdTable* fds = nullptr) {
  using namespace describe_detail;
  if constexpr (std::is_same_v<T, json::value>) {
    return in;
  } else if constexpr (std::is_same_v<T, UniqueFd>) {
    return take_fd(fds, in);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!in.is_string()) wrong_type("a string", in);
    return std::string(in.get_string());
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!in.is_bool()) wrong_type("a boolean", in);
    return in.get_bool();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!in.is_number()) wrong_type("a number", in);
    return in.to_number<T>();
  } else if constexpr (std::is_integral_v<T>) {
    boost::system::error_code error;
    const T number = in.is_number() ? in.to_number<T>(error) : T{};
    if (!in.is_number() || error) wrong_type("an integer in range", in);
    return number;
  } else if constexpr (is_duration<T>::value) {
    return T(from_json<std::int64_t>(in));
  } else if constexpr (std::is_enum_v<T>) {
    if (!in.is_string()) wrong_type("an enumerator", in);
    T value{};
    const std::string name(in.get_string());
    if (!boost::describe::enum_from_string(name.c_str(), value)) unknown_enumerator(name);
    return value;
  } else if constexpr (is_optional<T>::value) {
    if (in.is_null()) return std::nullopt;
    return from_json<typename T::value_type>(in, fds);
  } else if constexpr (is_vector<T>::value) {
    if (!in.is_array()) wrong_type("an array", in);
    T out;
    out.reserve(in.get_array().size());
    for (const json::value& item : in.get_array())
      out.push_back(from_json<typename T::value_type>(item, fds));
    return out;
  } else if constexpr (is_map<T>::value) {
    if (!in.is_object()) wrong_type("an object", in);
    T out;
    for (const auto& [key, item] : in.get_object())
      out.emplace(std::string(key), from_json<typename T::mapped_type>(item, fds));
    return out;
  } else {
    static_assert(is_described_struct<T>, "describe the type with BOOST_DESCRIBE_STRUCT");
    if (!in.is_object()) wrong_type("an object", in);
    T out{};
    for (const auto& [key, item] : in.get_object()) {
      bool known = false;
      boost::mp11::mp_for_each<boost::describe::describe_members<
          T, boost::describe::mod_public | boost::describe::mod_inherited>>([&](auto member) {
        if (known || std::string_view(key) != member.name) return;
        known = true;
        auto& target = out.*member.pointer;
        target = from_json<std::remove_reference_t<decltype(target)>>(item, fds);
      });
      if (!known) unknown_member(key);
    }
    return out;
  }
}

// Text forms for state files; from_text throws INTERNAL_ERROR on malformed JSON.
std::string json_text(const json::value& value);
json::value parse_json(std::string_view text);

}  // namespace xcp
