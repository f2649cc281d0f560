// SPDX-License-Identifier: GPL-2.0-or-later
// Conditions and selectors; see selection.hpp.
#include "xapi/cli/selection.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcp::cli {
namespace {

bool same_text(const FieldRow& field, std::string_view shown, std::string_view wanted) {
  if (shown == wanted) return true;
  if (wanted.find_first_of("*?") != std::string_view::npos && matches_pattern(shown, wanted)) {
    return true;
  }
  if (!field.case_insensitive || shown.size() != wanted.size()) return false;
  return std::equal(shown.begin(), shown.end(), wanted.begin(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  });
}

// The longest field whose name, followed by ':' or '-', begins the word.
const FieldRow* field_with_key(const ClassRow& row, std::string_view name, char sign) {
  const FieldRow* longest = nullptr;
  for (const FieldRow& field : row.fields) {
    const bool begins = name.size() > field.name.size() + 1 && name.starts_with(field.name) &&
                        name[field.name.size()] == sign;
    if (begins && (!longest || field.name.size() > longest->name.size())) longest = &field;
  }
  return longest;
}

struct Selector {
  std::string_view class_name;
  std::string_view param;
};

Selector selector_of(Select select) {
  switch (select) {
    case Select::Vm:
      return {"vm", "vm"};
    case Select::Host:
      return {"host", "host"};
    case Select::Sr:
      return {"sr", "sr"};
    case Select::None:
      break;
  }
  throw internal_error("a command without selectors selects");
}

bool listed(std::span<const std::string_view> names, std::string_view param) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    // "vdi:" stands for every word that begins so.
    return name == param || (name.ends_with(':') && param.starts_with(name));
  });
}

// The command's own parameters are no conditions.
bool is_own_param(const CommandRow& row, std::string_view param) {
  return listed(row.reqd, param) || listed(row.optn, param) || listed(row.also, param);
}

bool has_name(const Object& object, const std::string& text) {
  const auto fits_text = [&](const std::string& name) {
    return name == text ||
           (text.find_first_of("*?") != std::string::npos && matches_pattern(name, text));
  };
  if (fits_text(object.uuid()) || fits_text(object.name())) return true;
  return object.class_index == model::host::index && fits_text(object.get(model::host::hostname));
}

// True when the user has said which object he means, not just what kind of objects.
bool is_pointed(const std::optional<std::string>& named, const std::vector<Condition>& conditions) {
  return named || std::any_of(conditions.begin(), conditions.end(), [](const Condition& condition) {
           const std::string_view field = condition.field->name;
           return field == "uuid" || field == "name-label" || field == "is-a-template" ||
                  field == "is-control-domain";
         });
}

// Templates and control domains never get under the VMs that a loose selection means.
bool is_candidate(const Object& object, const CommandRow& row, bool pointed) {
  if (row.select != Select::Vm) return true;
  if (object.get(model::VM::is_a_template) && !(row.templates && pointed)) return false;
  return !object.get(model::VM::is_control_domain) || (row.dom0 && pointed);
}

// The object of that uuid; nullopt when there is none.
std::optional<Object> with_uuid(World& world, std::uint16_t class_index, const std::string& uuid) {
  try {
    return world.by_uuid(class_index, uuid);
  } catch (const Failure& failure) {
    if (failure.code() == "UUID_INVALID" || failure.code() == "HANDLE_INVALID") return std::nullopt;
    throw;
  }
}

std::vector<Object> named_or_all(World& world, std::uint16_t class_index,
                                 const std::optional<std::string>& named,
                                 const std::vector<Condition>& conditions) {
  if (named && is_uuid(*named)) {
    if (auto object = with_uuid(world, class_index, *named)) return {std::move(*object)};
  }
  return candidates(world, class_index, conditions);
}

}  // namespace

std::vector<Object> candidates(World& world, std::uint16_t class_index,
                               const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    if (condition.field->name != "uuid" || !is_uuid(condition.value)) continue;
    auto object = with_uuid(world, class_index, condition.value);
    if (!object) return {};
    return {std::move(*object)};
  }
  return world.all(class_index);
}

Condition parse_condition(const ClassRow& row, std::string_view name, std::string_view value) {
  if (const FieldRow* field = find_field_row(row, name)) {
    return {field, Condition::Part::Whole, "", std::string(value)};
  }
  for (const char sign : {':', '-'}) {
    const FieldRow* field = field_with_key(row, name, sign);
    if (!field) continue;
    const std::string key(name.substr(field->name.size() + 1));
    if (is_set(field->access) && key == "contains") {
      return {field, Condition::Part::Member, key, std::string(value)};
    }
    if (!is_set(field->access)) return {field, Condition::Part::Key, key, std::string(value)};
  }
  throw cli_error(fmt::format("A {} has no field '{}'.", row.singular, name));
}

bool fits(World& world, const Object& object, const Condition& condition) {
  const FieldRow& field = *condition.field;
  const Shown shown = show_field(world, object, field);
  switch (condition.part) {
    case Condition::Part::Whole:
      return same_text(field, shown.text, condition.value);
    case Condition::Part::Member:
      return std::any_of(
          shown.members.begin(), shown.members.end(),
          [&](const std::string& member) { return same_text(field, member, condition.value); });
    case Condition::Part::Key:
      return std::any_of(shown.entries.begin(), shown.entries.end(), [&](const auto& entry) {
        return entry.first == condition.key && same_text(field, entry.second, condition.value);
      });
  }
  return false;
}

bool fits(World& world, const Object& object, const std::vector<Condition>& conditions) {
  return std::all_of(conditions.begin(), conditions.end(),
                     [&](const Condition& condition) { return fits(world, object, condition); });
}

std::vector<Object> select_objects(const Words& words, const CommandRow& row, World& world) {
  const Selector selector = selector_of(row.select);
  const ClassRow& class_row = *find_class_row(selector.class_name);
  std::vector<Condition> conditions;
  std::optional<std::string> named;
  for (const auto& [name, value] : words.params()) {
    if (name == selector.param) {
      if (!named) named = value;
      continue;
    }
    if (is_own_param(row, name) || is_common_param(name)) continue;
    conditions.push_back(parse_condition(class_row, name, value));
  }
  const bool pointed = is_pointed(named, conditions);
  std::vector<Object> found;
  for (Object& object : named_or_all(world, class_row.class_index, named, conditions)) {
    if (!is_candidate(object, row, pointed) || (named && !has_name(object, *named))) continue;
    if (fits(world, object, conditions)) found.push_back(std::move(object));
  }
  if (found.empty()) throw cli_error(fmt::format("No {} fits.", class_row.singular));
  if (found.size() == 1 || (words.flag("multiple") && !row.single)) return found;
  if (row.single) {
    throw cli_error(fmt::format("{} {} fit; {} works on one at a time.", found.size(),
                                class_row.plural, row.name));
  }
  throw cli_error(fmt::format("{} {} fit; add --multiple to work on all of them.", found.size(),
                              class_row.plural));
}

}  // namespace xcp::cli
