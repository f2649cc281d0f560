// SPDX-License-Identifier: GPL-2.0-or-later
// Fields to text; see show.hpp.
#include "xapi/cli/show.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "datamodel/codec.hpp"
#include "xapi/cli/errors.hpp"

namespace xcp::cli {
namespace {

using model::Kind;

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

void change_case(std::string& text, FieldRow::Format format) {
  switch (format) {
    case FieldRow::Format::Plain:
      return;
    case FieldRow::Format::Lower:
      for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      return;
    case FieldRow::Format::Upper:
      for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
      return;
  }
}

// What the end of a path reads as when the way there is broken.
std::string_view missing_text(const model::Type& type) {
  return type.kind == Kind::DateTime ? unknown_time : not_in_database;
}

const model::Type& path_type(const Object& object, std::span<const std::uint16_t> path) {
  const model::ClassDesc* desc = &object.desc();
  const model::Type* type = nullptr;
  for (const std::uint16_t step : path) {
    type = desc->fields[step].type;
    const model::Type* inner = type->kind == Kind::Set ? type->element : type;
    if (inner->kind == Kind::Ref) desc = &model::classes()[inner->class_index];
  }
  return *type;
}

Shown show_path(World& world, const Object& object, const FieldRow& row,
                std::span<const std::uint16_t> path);

// A set of references in the middle of a path: the rest of the path for each of them.
Shown show_through_set(World& world, const model::Value& refs, const model::Type& type,
                       const FieldRow& row, std::span<const std::uint16_t> rest) {
  std::vector<std::string> members;
  for (const auto& ref : refs.as_set()) {
    const auto next = world.find(type.element->class_index, ref.as_string());
    if (next) members.push_back(show_path(world, *next, row, rest).text);
  }
  return shown_set(std::move(members), row.separator);
}

Shown show_path(World& world, const Object& object, const FieldRow& row,
                std::span<const std::uint16_t> path) {
  const model::Type& type = *object.desc().fields[path.front()].type;
  const model::Value& value = object.field(path.front());
  if (path.size() == 1) return shown(world, value, type, row.access, row.separator);
  if (type.kind == Kind::Set) return show_through_set(world, value, type, row, path.subspan(1));
  const auto next = world.find(type.class_index, value.as_string());
  if (!next) return shown_text(std::string(missing_text(path_type(object, path))));
  return show_path(world, *next, row, path.subspan(1));
}

Shown show_call(World& world, const Object& object, const FieldRow& row) {
  const model::MessageDesc* message = model::find_message(row.method);
  if (!message) throw internal_error("no message " + std::string(row.method));
  const bool on_object = !message->params.empty();
  const model::Value result =
      on_object ? world.call_on(row.method, object.ref) : world.call(row.method);
  return shown(world, result, *message->result, row.access, row.separator);
}

Shown show_source(World& world, const Object& object, const FieldRow& row) {
  switch (row.source) {
    case FieldRow::Source::Path:
      return show_path(world, object, row, row.path);
    case FieldRow::Source::Call:
      return show_call(world, object, row);
    case FieldRow::Source::Special:
      return row.special(world, object);
  }
  return {};
}

}  // namespace

Shown shown_text(std::string text) {
  return {std::move(text), {}, {}};
}

Shown shown_set(std::vector<std::string> members, std::string_view separator) {
  std::string text = joined(members, separator);
  return {std::move(text), std::move(members), {}};
}

Shown shown_map(std::vector<std::pair<std::string, std::string>> entries,
                std::string_view separator) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : entries) parts.push_back(key + ": " + value);
  return {joined(parts, separator), {}, std::move(entries)};
}

std::string text_of(World& world, const model::Value& value, const model::Type& type) {
  switch (type.kind) {
    case Kind::Void:
      return "";
    case Kind::String:
    case Kind::Secret:
      return value.as_string();
    case Kind::Int:
      return std::to_string(value.as_int());
    case Kind::Float:
      return fmt::format("{:.3f}", value.as_float());
    case Kind::Bool:
      return value.as_bool() ? "true" : "false";
    case Kind::DateTime:
      return model::format_datetime({value.as_int()});
    case Kind::Enum:
      return std::string(type.enumeration->values[static_cast<std::size_t>(value.as_int())]);
    case Kind::Ref: {
      const auto object = world.find(type.class_index, value.as_string());
      return object ? object->uuid() : std::string(not_in_database);
    }
    case Kind::Option:
      return value.is_void() ? "" : text_of(world, value, *type.element);
    case Kind::Set:
    case Kind::Map:
      return shown(world, value, type).text;
    case Kind::Record: {
      std::vector<std::string> parts;
      const auto& desc = model::classes()[type.class_index];
      const auto& fields = value.as_record().fields;
      for (std::size_t i = 0; i < desc.fields.size() && i < fields.size(); ++i) {
        if (desc.fields[i].internal) continue;
        parts.push_back(fmt::format("{}: {}", desc.fields[i].name,
                                    text_of(world, fields[i], *desc.fields[i].type)));
      }
      return joined(parts, "; ");
    }
    case Kind::Any:
      return value.is_string() ? value.as_string() : "";
  }
  return "";
}

Shown shown(World& world, const model::Value& value, const model::Type& type, Access access,
            std::string_view separator) {
  if (type.kind == Kind::Set) {
    std::vector<std::string> members;
    for (const auto& member : value.as_set()) {
      members.push_back(text_of(world, member, *type.element));
    }
    return shown_set(std::move(members), separator);
  }
  if (type.kind == Kind::Map && is_set(access)) {
    std::vector<std::string> members;
    for (const auto& entry : value.as_map()) {
      members.push_back(text_of(world, entry.second, *type.element));
    }
    return shown_set(std::move(members), separator);
  }
  if (type.kind == Kind::Map) {
    std::vector<std::pair<std::string, std::string>> entries;
    for (const auto& [key, item] : value.as_map()) {
      entries.emplace_back(text_of(world, key, *type.key), text_of(world, item, *type.element));
    }
    return shown_map(std::move(entries), separator);
  }
  return shown_text(text_of(world, value, type));
}

Shown show_field(World& world, const Object& object, const FieldRow& row) {
  try {
    Shown result = show_source(world, object, row);
    change_case(result.text, row.format);
    return result;
  } catch (const Failure& failure) {
    if (failure.code() == "HANDLE_INVALID") return shown_text(std::string(invalid_reference));
    if (failure.code() == connection_lost) throw;
    // A field that cannot be computed must not hide the others.
    return shown_text(fmt::format("<{}>", failure.code()));
  }
}

std::string field_label(const FieldRow& row) {
  std::string_view marker;
  switch (row.access) {
    case Access::RO:
      marker = " ( RO)";
      break;
    case Access::RW:
      marker = " ( RW)";
      break;
    case Access::SRO:
      marker = " (SRO)";
      break;
    case Access::SRW:
      marker = " (SRW)";
      break;
    case Access::MRO:
      marker = " (MRO)";
      break;
    case Access::MRW:
      marker = " (MRW)";
      break;
  }
  return fmt::format("{}{}{}", row.name, marker, row.deprecated ? " [DEPRECATED]" : "");
}

}  // namespace xcp::cli
