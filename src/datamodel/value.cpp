// SPDX-License-Identifier: GPL-2.0-or-later
// Accessors and defaults of Value.
#include "datamodel/value.hpp"

#include <ctime>

#include "base/failure.hpp"
#include "datamodel/codec.hpp"

namespace xcp::model {

namespace {

[[noreturn]] void wrong_kind(const char* wanted) {
  throw internal_error(std::string("a value is not ") + wanted);
}

}  // namespace

DateTime now() {
  return {static_cast<std::int64_t>(std::time(nullptr))};
}

bool Value::as_bool() const {
  if (is_void()) return false;
  if (const auto* v = std::get_if<bool>(&data_)) return *v;
  wrong_kind("a boolean");
}

std::int64_t Value::as_int() const {
  if (is_void()) return 0;
  if (const auto* v = std::get_if<std::int64_t>(&data_)) return *v;
  wrong_kind("an integer");
}

double Value::as_float() const {
  if (is_void()) return 0;
  if (const auto* v = std::get_if<double>(&data_)) return *v;
  if (const auto* v = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*v);
  wrong_kind("a number");
}

const std::string& Value::as_string() const {
  static const std::string empty;
  if (is_void()) return empty;
  if (const auto* v = std::get_if<std::string>(&data_)) return *v;
  wrong_kind("a string");
}

const SetValue& Value::as_set() const {
  static const SetValue empty;
  if (is_void()) return empty;
  if (const auto* v = std::get_if<std::shared_ptr<const SetValue>>(&data_)) return **v;
  wrong_kind("a set");
}

const MapValue& Value::as_map() const {
  static const MapValue empty;
  if (is_void()) return empty;
  if (const auto* v = std::get_if<std::shared_ptr<const MapValue>>(&data_)) return **v;
  wrong_kind("a map");
}

const RecordValue& Value::as_record() const {
  static const RecordValue empty;
  if (is_void()) return empty;
  if (const auto* v = std::get_if<std::shared_ptr<const RecordValue>>(&data_)) return **v;
  wrong_kind("a record");
}

const Value* Value::find(std::string_view key) const {
  for (const auto& [name, item] : as_map())
    if (name.is_string() && name.as_string() == key) return &item;
  return nullptr;
}

bool operator==(const Value& a, const Value& b) {
  if (a.data_.index() != b.data_.index()) return false;
  if (a.is_set()) return a.as_set() == b.as_set();
  if (a.is_map()) return a.as_map() == b.as_map();
  if (a.is_record())
    return a.as_record().class_index == b.as_record().class_index &&
           a.as_record().fields == b.as_record().fields;
  return a.data_ == b.data_;
}

Value zero_value(const Type& type) {
  switch (type.kind) {
    case Kind::Void:
    case Kind::Option:
    case Kind::Any:
      return {};
    case Kind::String:
    case Kind::Secret:
      return "";
    case Kind::Int:
    case Kind::DateTime:
    case Kind::Enum:
      return 0;
    case Kind::Float:
      return 0.0;
    case Kind::Bool:
      return false;
    case Kind::Ref:
      return null_ref_text;
    case Kind::Set:
      return SetValue{};
    case Kind::Map:
      return MapValue{};
    case Kind::Record: {
      RecordValue record{type.class_index, {}};
      for (const FieldDesc& field : classes()[type.class_index].fields)
        record.fields.push_back(zero_value(*field.type));
      return record;
    }
  }
  return {};
}

Value default_value(const FieldDesc& field) {
  if (!field.default_json) return zero_value(*field.type);
  return value_from_json_text(*field.default_json, *field.type);
}

Value default_value(const ParamDesc& param) {
  if (!param.default_json) return zero_value(*param.type);
  return value_from_json_text(*param.default_json, *param.type);
}

}  // namespace xcp::model
