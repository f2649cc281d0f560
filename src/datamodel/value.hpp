// SPDX-License-Identifier: GPL-2.0-or-later
// A XenAPI value at run time. What a value means is told by the Type beside it (a field's, a
// parameter's): an enum is its index, a datetime its seconds, a ref its text. Values are cheap to
// copy where they are small; sets and maps are shared and immutable once inside a Value.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "datamodel/types.hpp"

namespace xcp::model {

class Value;
using SetValue = std::vector<Value>;
using MapValue = std::vector<std::pair<Value, Value>>;  // ordered as inserted, keys unique

// A record: one value a field of `class_index`, in the order of its FieldDescs. Fields that were
// not given are void values.
struct RecordValue {
  std::uint16_t class_index = 0;
  std::vector<Value> fields;

  template <class C, class T>
  T get(Field<C, T> field) const;
  template <class C, class T>
  void set(Field<C, T> field, const std::type_identity_t<T>& value);
};

class Value {
 public:
  Value() = default;
  Value(bool v) : data_(v) {}
  Value(std::int64_t v) : data_(v) {}
  Value(int v) : data_(static_cast<std::int64_t>(v)) {}
  Value(double v) : data_(v) {}
  Value(std::string v) : data_(std::move(v)) {}
  Value(const char* v) : data_(std::string(v)) {}
  Value(std::string_view v) : data_(std::string(v)) {}
  Value(SetValue v) : data_(std::make_shared<const SetValue>(std::move(v))) {}
  Value(MapValue v) : data_(std::make_shared<const MapValue>(std::move(v))) {}
  Value(RecordValue v) : data_(std::make_shared<const RecordValue>(std::move(v))) {}

  bool is_void() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_set() const { return std::holds_alternative<std::shared_ptr<const SetValue>>(data_); }
  bool is_map() const { return std::holds_alternative<std::shared_ptr<const MapValue>>(data_); }
  bool is_record() const {
    return std::holds_alternative<std::shared_ptr<const RecordValue>>(data_);
  }

  // Each throws INTERNAL_ERROR when the value is of another kind; a void value reads as the empty
  // value of the asked kind.
  bool as_bool() const;
  std::int64_t as_int() const;
  double as_float() const;  // an int is accepted
  const std::string& as_string() const;
  const SetValue& as_set() const;
  const MapValue& as_map() const;
  const RecordValue& as_record() const;

  // The member of a map with that text key; null when there is none.
  const Value* find(std::string_view key) const;

  friend bool operator==(const Value& a, const Value& b);

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string,
               std::shared_ptr<const SetValue>, std::shared_ptr<const MapValue>,
               std::shared_ptr<const RecordValue>>
      data_;
};

// The value a field of this type has when nobody said anything: "", 0, false, null ref, epoch,
// first enumerator, empty set or map.
Value zero_value(const Type& type);

// Parses the default texts of the data model; throws INTERNAL_ERROR on a malformed one.
Value default_value(const FieldDesc& field);
Value default_value(const ParamDesc& param);

// C++ type <-> Value.
template <class T>
struct Convert;
template <>
struct Convert<bool> {
  static bool from(const Value& v) { return v.as_bool(); }
  static Value to(bool v) { return v; }
};
template <>
struct Convert<std::int64_t> {
  static std::int64_t from(const Value& v) { return v.as_int(); }
  static Value to(std::int64_t v) { return v; }
};
template <>
struct Convert<double> {
  static double from(const Value& v) { return v.as_float(); }
  static Value to(double v) { return v; }
};
template <>
struct Convert<std::string> {
  static std::string from(const Value& v) { return v.as_string(); }
  static Value to(const std::string& v) { return v; }
};
template <>
struct Convert<DateTime> {
  static DateTime from(const Value& v) { return {v.as_int()}; }
  static Value to(DateTime v) { return v.seconds; }
};
template <>
struct Convert<Value> {
  static Value from(const Value& v) { return v; }
  static Value to(const Value& v) { return v; }
};
template <>
struct Convert<RecordValue> {
  static RecordValue from(const Value& v) { return v.as_record(); }
  static Value to(const RecordValue& v) { return v; }
};
template <class C>
struct Convert<Ref<C>> {
  static Ref<C> from(const Value& v) { return Ref<C>(v.as_string()); }
  static Value to(const Ref<C>& v) { return v.str(); }
};
template <class T>
requires std::is_enum_v<T>
struct Convert<T> {
  static T from(const Value& v) { return static_cast<T>(v.as_int()); }
  static Value to(T v) { return static_cast<std::int64_t>(v); }
};
template <class T>
struct Convert<std::optional<T>> {
  static std::optional<T> from(const Value& v) {
    if (v.is_void()) return std::nullopt;
    return Convert<T>::from(v);
  }
  static Value to(const std::optional<T>& v) { return v ? Convert<T>::to(*v) : Value(); }
};
template <class T>
struct Convert<std::vector<T>> {
  static std::vector<T> from(const Value& v) {
    std::vector<T> out;
    for (const Value& item : v.as_set()) out.push_back(Convert<T>::from(item));
    return out;
  }
  static Value to(const std::vector<T>& v) {
    SetValue out;
    out.reserve(v.size());
    for (const T& item : v) out.push_back(Convert<T>::to(item));
    return out;
  }
};
template <class K, class V>
struct Convert<std::map<K, V>> {
  static std::map<K, V> from(const Value& v) {
    std::map<K, V> out;
    for (const auto& [key, item] : v.as_map())
      out.emplace(Convert<K>::from(key), Convert<V>::from(item));
    return out;
  }
  static Value to(const std::map<K, V>& v) {
    MapValue out;
    out.reserve(v.size());
    for (const auto& [key, item] : v) out.emplace_back(Convert<K>::to(key), Convert<V>::to(item));
    return out;
  }
};

template <class T>
T from_value(const Value& v) {
  return Convert<T>::from(v);
}
template <class T>
Value to_value(const T& v) {
  return Convert<T>::to(v);
}

template <class C, class T>
T RecordValue::get(Field<C, T> field) const {
  return from_value<T>(fields.at(field.index));
}
template <class C, class T>
void RecordValue::set(Field<C, T> field, const std::type_identity_t<T>& value) {
  fields.at(field.index) = to_value<T>(value);
}

}  // namespace xcp::model
