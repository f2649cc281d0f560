// SPDX-License-Identifier: GPL-2.0-or-later
// The two wire forms of values. The writers are on the path of every reply and avoid temporaries,
// the readers check everything.
#include "datamodel/codec.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <cstring>
#include <pugixml.hpp>

#include "base/failure.hpp"

namespace xcp::model {

namespace {

[[noreturn]] void wrong_type(std::string_view expected, std::string_view got) {
  throw internal_error(fmt::format("expected {}, got {}", expected, got));
}

[[noreturn]] void invalid_value(std::string_view what, std::string_view value) {
  throw Failure("INVALID_VALUE", {std::string(what), std::string(value)});
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::Void:
      return "void";
    case Kind::String:
      return "a string";
    case Kind::Int:
      return "an int";
    case Kind::Float:
      return "a float";
    case Kind::Bool:
      return "a bool";
    case Kind::DateTime:
      return "a datetime";
    case Kind::Secret:
      return "a string";
    case Kind::Enum:
      return "an enum";
    case Kind::Ref:
      return "a ref";
    case Kind::Record:
      return "a record";
    case Kind::Set:
      return "a set";
    case Kind::Map:
      return "a map";
    case Kind::Option:
      return "an option";
    case Kind::Any:
      return "a record";
  }
  return "a value";
}

void append_int(std::string& out, std::int64_t number) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
  out.append(buffer, end);
}

std::string float_text(double number, std::string_view nan, std::string_view inf,
                       std::string_view minus_inf) {
  if (std::isnan(number)) return std::string(nan);
  if (std::isinf(number)) return std::string(number > 0 ? inf : minus_inf);
  std::string text = fmt::format("{:.16g}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

const RecordValue* record_of(const Value& value) {
  return value.is_record() ? &value.as_record() : nullptr;
}

// The text of a map key.
std::string key_text(const Value& key, const Type& type) {
  switch (type.kind) {
    case Kind::Int:
      return std::to_string(key.as_int());
    case Kind::Enum:
      return std::string(type.enumeration->values[static_cast<std::size_t>(key.as_int())]);
    case Kind::DateTime:
      return format_datetime({key.as_int()});
    default:
      return key.as_string();
  }
}

std::string checked_text(std::string_view text) {
  if (!is_utf8(text)) invalid_value("text", "not valid UTF-8");
  return std::string(text);
}

std::int64_t parse_int(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  if (text.size() > 1 && text.front() == '+') text.remove_prefix(1);
  std::int64_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || text.empty())
    wrong_type("an int", fmt::format("\"{}\"", text.substr(0, 40)));
  return number;
}

double parse_float(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double number = std::strtod(copy.c_str(), &end);
  if (copy.empty() || end != copy.c_str() + copy.size())
    wrong_type("a float", fmt::format("\"{}\"", copy.substr(0, 40)));
  return number;
}

Value parse_enum(std::string_view text, const EnumDesc& desc) {
  if (const auto index = enum_index(desc, text)) return static_cast<std::int64_t>(*index);
  // Most enums are read without case by clients of old; an exact match has been tried first.
  for (std::size_t i = 0; i < desc.values.size(); ++i)
    if (desc.values[i].size() == text.size() &&
        strncasecmp(desc.values[i].data(), text.data(), text.size()) == 0)
      return static_cast<std::int64_t>(i);
  invalid_value(desc.name, text);
}

Value parse_date(std::string_view text) {
  const auto time = parse_datetime(text);
  if (!time) invalid_value("datetime", text);
  return time->seconds;
}

Value parse_key(std::string_view text, const Type& type) {
  switch (type.kind) {
    case Kind::Int:
      return parse_int(text);
    case Kind::Enum:
      return parse_enum(text, *type.enumeration);
    case Kind::DateTime:
      return parse_date(text);
    default:
      return checked_text(text);
  }
}

void put_key(MapValue& map, Value key, Value value) {
  for (auto& [name, item] : map)
    if (name == key) {
      item = std::move(value);
      return;
    }
  map.emplace_back(std::move(key), std::move(value));
}

RecordValue empty_record(std::uint16_t class_index) {
  return {class_index, std::vector<Value>(classes()[class_index].fields.size())};
}

}  // namespace

void write_json(std::string& out, const Value& value, const Type& type) {
  switch (type.kind) {
    case Kind::Void:
      out += "\"\"";
      return;
    case Kind::String:
    case Kind::Secret:
    case Kind::Ref:
      if (type.kind == Kind::Ref && value.is_void())
        write_json_string(out, null_ref_text);
      else
        write_json_string(out, value.as_string());
      return;
    case Kind::Int:
      append_int(out, value.as_int());
      return;
    case Kind::Float:
      out += float_text(value.as_float(), "NaN", "Infinity", "-Infinity");
      return;
    case Kind::Bool:
      out += value.as_bool() ? "true" : "false";
      return;
    case Kind::DateTime:
      write_json_string(out, format_datetime({value.as_int()}));
      return;
    case Kind::Enum:
      write_json_string(out, type.enumeration->values[static_cast<std::size_t>(value.as_int())]);
      return;
    case Kind::Option:
      if (value.is_void())
        out += "null";
      else
        write_json(out, value, *type.element);
      return;
    case Kind::Set: {
      out += '[';
      bool first = true;
      for (const Value& item : value.as_set()) {
        if (!first) out += ',';
        first = false;
        write_json(out, item, *type.element);
      }
      out += ']';
      return;
    }
    case Kind::Map: {
      out += '{';
      bool first = true;
      for (const auto& [key, item] : value.as_map()) {
        if (!first) out += ',';
        first = false;
        write_json_string(out, key_text(key, *type.key));
        out += ':';
        write_json(out, item, *type.element);
      }
      out += '}';
      return;
    }
    case Kind::Record:
    case Kind::Any: {
      const RecordValue* record = record_of(value);
      out += '{';
      if (record != nullptr) {
        bool first = true;
        const auto fields = classes()[record->class_index].fields;
        for (std::size_t i = 0; i < fields.size() && i < record->fields.size(); ++i) {
          const FieldDesc& field = fields[i];
          if (field.internal) continue;
          if (field.type->kind == Kind::Option && record->fields[i].is_void()) continue;
          if (field.type->kind == Kind::Any && record->fields[i].is_void()) continue;
          if (!first) out += ',';
          first = false;
          write_json_string(out, field.name);
          out += ':';
          write_json(out, record->fields[i], *field.type);
        }
      }
      out += '}';
      return;
    }
  }
}

void write_xml(std::string& out, const Value& value, const Type& type) {
  switch (type.kind) {
    case Kind::Void:
      out += "<value></value>";
      return;
    case Kind::String:
    case Kind::Secret:
    case Kind::Ref:
      out += "<value>";
      if (type.kind == Kind::Ref && value.is_void())
        out += null_ref_text;
      else
        write_xml_text(out, value.as_string());
      out += "</value>";
      return;
    case Kind::Int:
      out += "<value>";
      append_int(out, value.as_int());
      out += "</value>";
      return;
    case Kind::Float:
      out += "<value><double>";
      out += float_text(value.as_float(), "nan", "inf", "-inf");
      out += "</double></value>";
      return;
    case Kind::Bool:
      out += value.as_bool() ? "<value><boolean>1</boolean></value>"
                             : "<value><boolean>0</boolean></value>";
      return;
    case Kind::DateTime:
      out += "<value><dateTime.iso8601>";
      out += format_datetime({value.as_int()});
      out += "</dateTime.iso8601></value>";
      return;
    case Kind::Enum:
      out += "<value>";
      write_xml_text(out, type.enumeration->values[static_cast<std::size_t>(value.as_int())]);
      out += "</value>";
      return;
    case Kind::Option:
      if (value.is_void())
        out += "<value></value>";
      else
        write_xml(out, value, *type.element);
      return;
    case Kind::Set:
      out += "<value><array><data>";
      for (const Value& item : value.as_set()) write_xml(out, item, *type.element);
      out += "</data></array></value>";
      return;
    case Kind::Map:
      out += "<value><struct>";
      for (const auto& [key, item] : value.as_map()) {
        out += "<member><name>";
        write_xml_text(out, key_text(key, *type.key));
        out += "</name>";
        write_xml(out, item, *type.element);
        out += "</member>";
      }
      out += "</struct></value>";
      return;
    case Kind::Record:
    case Kind::Any: {
      const RecordValue* record = record_of(value);
      out += "<value><struct>";
      if (record != nullptr) {
        const auto fields = classes()[record->class_index].fields;
        for (std::size_t i = 0; i < fields.size() && i < record->fields.size(); ++i) {
          const FieldDesc& field = fields[i];
          if (field.internal) continue;
          if (field.type->kind == Kind::Option && record->fields[i].is_void()) continue;
          if (field.type->kind == Kind::Any && record->fields[i].is_void()) continue;
          out += "<member><name>";
          out += field.name;
          out += "</name>";
          write_xml(out, record->fields[i], *field.type);
          out += "</member>";
        }
      }
      out += "</struct></value>";
      return;
    }
  }
}

Value read_json(const boost::json::value& in, const Type& type) {
  switch (type.kind) {
    case Kind::Void:
      return {};
    case Kind::String:
    case Kind::Secret:
    case Kind::Ref:
      if (!in.is_string()) break;
      return checked_text(in.get_string());
    case Kind::Int:
      if (in.is_int64()) return in.get_int64();
      if (in.is_string()) return parse_int(in.get_string());
      if (in.is_double()) {
        const double number = in.get_double();
        if (std::trunc(number) == number && std::abs(number) < 9.0e18)
          return static_cast<std::int64_t>(number);
      }
      break;
    case Kind::Float:
      if (in.is_number()) return in.to_number<double>();
      if (in.is_string()) return parse_float(in.get_string());
      break;
    case Kind::Bool:
      if (!in.is_bool()) break;
      return in.get_bool();
    case Kind::DateTime:
      if (!in.is_string()) break;
      return parse_date(in.get_string());
    case Kind::Enum:
      if (!in.is_string()) break;
      return parse_enum(in.get_string(), *type.enumeration);
    case Kind::Option:
      if (in.is_null()) return {};
      return read_json(in, *type.element);
    case Kind::Set: {
      if (!in.is_array()) break;
      SetValue set;
      set.reserve(in.get_array().size());
      for (const auto& item : in.get_array()) set.push_back(read_json(item, *type.element));
      return set;
    }
    case Kind::Map: {
      if (!in.is_object()) break;
      MapValue map;
      for (const auto& [key, item] : in.get_object())
        put_key(map, parse_key(key, *type.key), read_json(item, *type.element));
      return map;
    }
    case Kind::Record: {
      if (!in.is_object()) break;
      RecordValue record = empty_record(type.class_index);
      const ClassDesc& desc = classes()[type.class_index];
      for (const auto& [key, item] : in.get_object())
        if (const auto index = field_index(desc, key))
          record.fields[*index] = read_json(item, *desc.fields[*index].type);
      return record;
    }
    case Kind::Any:
      break;
  }
  static constexpr std::string_view names[] = {"null",    "a bool",   "an int",   "an int",
                                               "a float", "a string", "an array", "an object"};
  wrong_type(kind_name(type.kind), names[static_cast<std::size_t>(in.kind())]);
}

Value read_xml(const pugi::xml_node& value, const Type& type) {
  pugi::xml_node typed;
  for (const pugi::xml_node child : value.children())
    if (child.type() == pugi::node_element) {
      typed = child;
      break;
    }
  const std::string_view tag = typed ? typed.name() : "string";
  const std::string_view text = (typed ? typed : value).child_value();
  const bool is_text = tag == "string";
  switch (type.kind) {
    case Kind::Void:
      return {};
    case Kind::String:
    case Kind::Secret:
    case Kind::Ref:
      if (!is_text) break;
      return checked_text(text);
    case Kind::Int:
      if (!is_text && tag != "int" && tag != "i4" && tag != "i8") break;
      return parse_int(text);
    case Kind::Float:
      if (tag != "double" && tag != "int" && tag != "i4" && !is_text) break;
      return parse_float(text);
    case Kind::Bool:
      if (tag != "boolean" || (text != "0" && text != "1")) break;
      return text == "1";
    case Kind::DateTime:
      if (tag != "dateTime.iso8601" && !is_text) break;
      return parse_date(text);
    case Kind::Enum:
      if (!is_text) break;
      return parse_enum(text, *type.enumeration);
    case Kind::Option:
      if (tag == "nil") return {};
      return read_xml(value, *type.element);
    case Kind::Set: {
      if (tag != "array") break;
      SetValue set;
      for (const pugi::xml_node item : typed.child("data").children("value"))
        set.push_back(read_xml(item, *type.element));
      return set;
    }
    case Kind::Map: {
      if (tag != "struct") break;
      MapValue map;
      for (const pugi::xml_node member : typed.children("member"))
        put_key(map, parse_key(member.child_value("name"), *type.key),
                read_xml(member.child("value"), *type.element));
      return map;
    }
    case Kind::Record: {
      if (tag != "struct") break;
      RecordValue record = empty_record(type.class_index);
      const ClassDesc& desc = classes()[type.class_index];
      for (const pugi::xml_node member : typed.children("member"))
        if (const auto index = field_index(desc, member.child_value("name")))
          record.fields[*index] = read_xml(member.child("value"), *desc.fields[*index].type);
      return record;
    }
    case Kind::Any:
      break;
  }
  wrong_type(kind_name(type.kind), fmt::format("<{}>{}", tag, text.substr(0, 40)));
}

namespace {

Value coerce_text(const std::string& text, const Type& type) {
  switch (type.kind) {
    case Kind::Int:
      return parse_int(text);
    case Kind::Float:
      return parse_float(text);
    case Kind::Enum:
      return parse_enum(text, *type.enumeration);
    case Kind::DateTime:
      return parse_date(text);
    case Kind::Bool:
      if (text == "true" || text == "1") return true;
      if (text == "false" || text == "0") return false;
      wrong_type("a bool", text);
    case Kind::String:
    case Kind::Secret:
    case Kind::Ref:
      return checked_text(text);
    case Kind::Void:
    case Kind::Record:
    case Kind::Set:
    case Kind::Map:
    case Kind::Option:
    case Kind::Any:
      break;
  }
  wrong_type(kind_name(type.kind), "a string");
}

Value coerce_record(const Value& in, std::uint16_t class_index) {
  RecordValue record = empty_record(class_index);
  const ClassDesc& desc = classes()[class_index];
  for (const auto& [key, item] : in.as_map())
    if (const auto index = field_index(desc, key.as_string()))
      record.fields[*index] = coerce(item, *desc.fields[*index].type);
  return record;
}

}  // namespace

Value coerce(const Value& in, const Type& type) {
  if (type.kind == Kind::Option) return in.is_void() ? in : coerce(in, *type.element);
  if (type.kind == Kind::Void || type.kind == Kind::Any) return in;
  if (in.is_string()) return coerce_text(in.as_string(), type);
  if (in.is_int() && (type.kind == Kind::Int || type.kind == Kind::Enum ||
                      type.kind == Kind::DateTime || type.kind == Kind::Float))
    return in;
  if (in.is_float() && type.kind == Kind::Float) return in;
  if (in.is_bool() && type.kind == Kind::Bool) return in;
  if (in.is_set() && type.kind == Kind::Set) {
    SetValue set;
    for (const Value& item : in.as_set()) set.push_back(coerce(item, *type.element));
    return set;
  }
  if (in.is_map() && type.kind == Kind::Map) {
    MapValue map;
    for (const auto& [key, item] : in.as_map())
      put_key(map, coerce(key, *type.key), coerce(item, *type.element));
    return map;
  }
  if (in.is_record() && type.kind == Kind::Record) return in;
  if (in.is_map() && type.kind == Kind::Record) return coerce_record(in, type.class_index);
  wrong_type(kind_name(type.kind), "a value of another kind");
}

Value value_from_json_text(std::string_view text, const Type& type) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  if (error) throw internal_error("malformed JSON: " + error.message());
  return read_json(value, type);
}

std::string value_to_json_text(const Value& value, const Type& type) {
  std::string out;
  write_json(out, value, type);
  return out;
}

}  // namespace xcp::model
