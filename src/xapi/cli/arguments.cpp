// SPDX-License-Identifier: GPL-2.0-or-later
// From parameters to values of the API, led by the types of the data model:
//   numbers   decimal or 0x hexadecimal, with KiB, MiB, GiB or TiB
//   booleans  true/t/yes/y/1 and the opposite
//   enums     in any case
//   objects   the uuid; parameters that are not called ...uuid take a name as well; empty: none
//   sets      members separated by commas
//   maps      name:key=value words, or one text k:v,k:v; args:name:file=path reads a file
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "datamodel/codec.hpp"
#include "xapi/cli/run.hpp"

namespace xcp::cli {
namespace {

using model::Kind;
using model::Type;
using model::Value;

bool same_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return lower(x) == lower(y); });
}

[[noreturn]] void refuse(std::string_view param, std::string_view text, std::string_view wanted) {
  throw cli_error(fmt::format("{} must be {}, not: {}", param, wanted, text));
}

Value parse_enum(std::string_view param, std::string_view text, const model::EnumDesc& desc) {
  std::string known;
  for (std::size_t i = 0; i < desc.values.size(); ++i) {
    if (same_without_case(desc.values[i], text)) return static_cast<std::int64_t>(i);
    known += fmt::format("{}{}", i > 0 ? ", " : "", desc.values[i]);
  }
  refuse(param, text, "one of " + known);
}

Value parse_float(std::string_view param, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    refuse(param, text, "a number");
  }
  return value;
}

Value parse_ref(World& world, std::string_view text, const Type& type, bool by_uuid_only) {
  if (text.empty()) return std::string(null_ref_text);
  const std::string name(text);
  if (by_uuid_only || is_uuid(text)) {
    return world.call_on(method_name(type.class_index, "get_by_uuid"), name);
  }
  return world.by_uuid_or_name(type.class_index, name).ref;
}

// "k:v,k:v", the old way to write a map as one value.
Value parse_map_text(World& world, std::string_view param, std::string_view text, const Type& type,
                     bool by_uuid_only) {
  model::MapValue entries;
  for (const auto& item : split_commas(text)) {
    const auto colon = item.find(':');
    if (colon == std::string::npos) refuse(param, text, "a list of key:value");
    entries.emplace_back(
        parse_value(world, param, item.substr(0, colon), *type.key, by_uuid_only),
        parse_value(world, param, item.substr(colon + 1), *type.element, by_uuid_only));
  }
  return entries;
}

bool names_uuids(std::string_view param) {
  return param.ends_with("uuid") || param.ends_with("uuids");
}

// Evaluates expressions of the tables for one run. An absent value means that the user left out
// what it is made of.
class Evaluator {
 public:
  Evaluator(Run& run, const Value& result) : run_(run), result_(result) {}

  Value call(const Expr& expr) {
    const model::MessageDesc* message = model::find_message(expr.text);
    if (!message) throw internal_error("no message " + std::string(expr.text));
    std::vector<Value> arguments;
    const auto parts = expr.parts();
    for (std::size_t i = 0; i < parts.size() && i < message->params.size(); ++i) {
      arguments.push_back(argument(parts[i], message->params[i]));
    }
    return run_.call(expr.text, std::move(arguments));
  }

 private:
  Value argument(const Expr& expr, const model::ParamDesc& param) {
    if (auto value = evaluate(expr, *param.type)) return std::move(*value);
    if (param.default_json) return model::default_value(param);
    if (param.type->kind == Kind::Ref) throw Failure(missing_parameter, {wanted(expr)});
    return model::zero_value(*param.type);
  }

  // The names of the parameters that would have given a value.
  static std::string wanted(const Expr& expr) {
    if (expr.kind != Expr::Kind::Either) return std::string(expr.text);
    std::string names;
    for (const Expr& part : expr.parts()) {
      names += fmt::format("{}{}", names.empty() ? "" : " or ", part.text);
    }
    return names;
  }

  std::optional<Value> evaluate(const Expr& expr, const Type& type) {
    switch (expr.kind) {
      case Expr::Kind::Param:
        return param(expr.text, type);
      case Expr::Kind::Map:
        return map(expr.text, type);
      case Expr::Kind::Text:
        return parse_value(run_.world, expr.text, expr.text, type, true);
      case Expr::Kind::Null:
        return Value(std::string(null_ref_text));
      case Expr::Kind::EmptySet:
        return Value(model::SetValue{});
      case Expr::Kind::Struct:
        return structure(expr, type);
      case Expr::Kind::Selected:
        return Value(run_.object().ref);
      case Expr::Kind::Pool:
        return Value(run_.world.pool().ref);
      case Expr::Kind::LocalHost:
        return Value(run_.world.local_host().ref);
      case Expr::Kind::OnlyHost:
        return Value(run_.world.only_host().ref);
      case Expr::Kind::Call:
        return call(expr);
      case Expr::Kind::File:
        return file(expr.text);
      case Expr::Kind::Absent:
        return Value(!run_.words.has(expr.text));
      case Expr::Kind::Either:
        return either(expr, type);
      case Expr::Kind::Result:
        return result_;
    }
    return std::nullopt;
  }

  std::optional<Value> param(std::string_view name, const Type& type) {
    const auto text = run_.words.get(name);
    if (!text) return std::nullopt;
    return run_.parse(name, *text, type);
  }

  std::optional<Value> file(std::string_view param) {
    const auto name = run_.words.get(param);
    if (!name) return std::nullopt;
    return Value(run_.load(*name));
  }

  std::optional<Value> either(const Expr& expr, const Type& type) {
    for (const Expr& part : expr.parts()) {
      if (auto value = evaluate(part, type)) return value;
    }
    return std::nullopt;
  }

  // "key:file=path": the content of the file becomes the value of the key.
  static bool names_file(std::string& key) {
    constexpr std::string_view mark = ":file";
    if (!key.ends_with(mark)) return false;
    key.resize(key.size() - mark.size());
    return true;
  }

  std::optional<Value> map(std::string_view name, const Type& type) {
    const auto words = run_.words.map(name);
    const auto whole = run_.words.get(name);
    if (type.kind == Kind::Set) {
      // A set written as name:member or as one list.
      model::SetValue members = whole ? run_.parse(name, *whole, type).as_set() : model::SetValue{};
      for (const auto& word : words) members.push_back(run_.parse(name, word.first, *type.element));
      return Value(std::move(members));
    }
    if (words.empty() && whole) return run_.parse(name, *whole, type);
    model::MapValue entries;
    for (const auto& [key, value] : words) {
      std::string plain = key;
      const std::string content = names_file(plain) ? run_.load(value) : value;
      entries.emplace_back(run_.parse(name, plain, *type.key),
                           run_.parse(name, content, *type.element));
    }
    return Value(std::move(entries));
  }

  std::optional<Value> structure(const Expr& expr, const Type& type) {
    if (type.kind == Kind::Record) return record(expr, type);
    model::MapValue entries;
    const auto parts = expr.parts();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      auto value = evaluate(parts[i], *type.element);
      if (value) entries.emplace_back(std::string(expr.keys[i]), std::move(*value));
    }
    return Value(std::move(entries));
  }

  // Every field a client may set at creation has a value: the given one, or its default.
  Value record(const Expr& expr, const Type& type) {
    const model::ClassDesc& desc = model::classes()[type.class_index];
    model::RecordValue record = new_record(type.class_index);
    const auto parts = expr.parts();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto index = model::field_index(desc, expr.keys[i]);
      if (!index) throw internal_error(fmt::format("{} has no {}", desc.name, expr.keys[i]));
      if (auto value = evaluate(parts[i], *desc.fields[*index].type)) {
        record.fields[*index] = std::move(*value);
      }
    }
    return record;
  }

  Run& run_;
  const Value& result_;
};

}  // namespace

model::RecordValue new_record(std::uint16_t class_index) {
  const model::ClassDesc& desc = model::classes()[class_index];
  model::RecordValue record{class_index, std::vector<Value>(desc.fields.size())};
  for (std::size_t i = 0; i < desc.fields.size(); ++i) {
    const model::FieldDesc& field = desc.fields[i];
    const bool settable = field.qualifier != model::Qualifier::DynamicReadOnly;
    if (field.internal || field.derived || !settable) continue;
    record.fields[i] =
        field.default_json ? model::default_value(field) : model::zero_value(*field.type);
  }
  return record;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  struct Unit {
    std::string_view name;
    int shift;
  };
  static constexpr Unit units[] = {{"kib", 10}, {"mib", 20}, {"gib", 30}, {"tib", 40}, {"", 0}};
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  if (hexadecimal) text.remove_prefix(2);
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, hexadecimal ? 16 : 10);
  if (error != std::errc()) return std::nullopt;
  std::string_view suffix(stop, static_cast<std::size_t>(end - stop));
  while (suffix.starts_with(' ')) suffix.remove_prefix(1);
  for (const Unit& unit : units) {
    if (!same_without_case(unit.name, suffix)) continue;
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(value, std::int64_t{1} << unit.shift, &bytes)) return std::nullopt;
    return bytes;
  }
  return std::nullopt;
}

Value parse_value(World& world, std::string_view param, std::string_view text, const Type& type,
                  bool by_uuid_only) {
  switch (type.kind) {
    case Kind::String:
    case Kind::Secret:
    case Kind::Any:
      return std::string(text);
    case Kind::Int: {
      const auto number = parse_size(text);
      if (!number) refuse(param, text, "a whole number");
      return *number;
    }
    case Kind::Float:
      return parse_float(param, text);
    case Kind::Bool: {
      const auto value = parse_bool(text);
      if (!value) refuse(param, text, "true or false");
      return *value;
    }
    case Kind::DateTime: {
      const auto time = model::parse_datetime(text);
      if (!time) refuse(param, text, "a time such as 20260131T12:00:00Z");
      return time->seconds;
    }
    case Kind::Enum:
      return parse_enum(param, text, *type.enumeration);
    case Kind::Ref:
      return parse_ref(world, text, type, by_uuid_only);
    case Kind::Set: {
      model::SetValue members;
      for (const auto& item : split_commas(text)) {
        members.push_back(parse_value(world, param, item, *type.element, by_uuid_only));
      }
      return members;
    }
    case Kind::Map:
      return parse_map_text(world, param, text, type, by_uuid_only);
    case Kind::Option:
      return parse_value(world, param, text, *type.element, by_uuid_only);
    case Kind::Void:
    case Kind::Record:
      break;
  }
  throw internal_error(fmt::format("{} has a type that cannot be written as text", param));
}

Value Run::parse(std::string_view param, std::string_view text, const Type& type) {
  return parse_value(world, param, text, type, names_uuids(param));
}

Value Run::evaluate_call(const Expr& expr, const Value& result) {
  return Evaluator(*this, result).call(expr);
}

}  // namespace xcp::cli
