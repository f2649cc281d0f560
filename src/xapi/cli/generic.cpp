// SPDX-License-Identifier: GPL-2.0-or-later
// Generated commands; see generic.hpp.
#include "xapi/cli/generic.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "xapi/cli/errors.hpp"
#include "xapi/cli/run.hpp"
#include "xapi/cli/selection.hpp"
#include "xapi/cli/show.hpp"

namespace xcp::cli {
namespace {

using model::Value;

struct Suffix {
  std::string_view text;
  Verb verb;
};
// Longer ones first: "vm-param-list" is no list of "vm-param".
constexpr Suffix suffixes[] = {
    {"-param-list", Verb::ParamList},
    {"-param-get", Verb::ParamGet},
    {"-param-set", Verb::ParamSet},
    {"-param-add", Verb::ParamAdd},
    {"-param-remove", Verb::ParamRemove},
    {"-param-clear", Verb::ParamClear},
    {"-list", Verb::List},
};

bool exists(const ClassRow& row, Verb verb) {
  switch (verb) {
    case Verb::List:
    case Verb::ParamList:
    case Verb::ParamGet:
      return true;
    case Verb::ParamSet:
      return row.has_set;
    case Verb::ParamAdd:
      return row.has_add;
    case Verb::ParamRemove:
      return row.has_remove;
    case Verb::ParamClear:
      return row.has_clear;
  }
  return false;
}

// A field whose whole value param-set takes, and one of which it takes single keys.
bool takes_whole(const FieldRow& field) {
  return !field.set.empty() && !is_map(field.access);
}
bool takes_keys(const FieldRow& field) {
  return field.map_as_whole || !field.put.empty() ||
         (field.access == Access::MRW && !field.add.empty());
}

const FieldRow& need_field(const ClassRow& row, std::string_view name) {
  if (const FieldRow* field = find_field_row(row, name)) return *field;
  throw cli_error(fmt::format("A {} has no field '{}'.", row.singular, name));
}

// The type of parameter `index` of a message.
const model::Type& param_type(std::string_view method, std::size_t index) {
  const model::MessageDesc* message = model::find_message(method);
  if (!message || index >= message->params.size()) {
    throw internal_error(fmt::format("{} has no parameter {}", method, index));
  }
  return *message->params[index].type;
}

// Reading
// ------------------------------------------------------------------------------------------

// The objects of another database: the session made for it, closed at the end.
class OtherDatabase {
 public:
  OtherDatabase(const Words& words, World& world) : world_(world) {
    const auto words_of_database = words.map("database");
    std::optional<std::string> vdi, file;
    for (const auto& [key, value] : words_of_database) {
      if (key == "vdi-uuid")
        vdi = value;
      else if (key == "filename")
        file = value;
      else
        throw cli_error("database: takes vdi-uuid or filename, not: " + key);
    }
    if (vdi && file) throw cli_error("Give either database:vdi-uuid or database:filename.");
    if (vdi) open(world.call_on("VDI.open_database", world.by_uuid<model::VDI>(*vdi).ref));
    if (file) open(world.call_on("session.create_from_db_file", *file));
  }
  ~OtherDatabase() {
    if (!api_) return;
    try {
      api_->call("session.logout", {});
    } catch (const Failure&) {
      // The session ends by itself.
    }
  }
  World& world() { return other_ ? *other_ : world_; }

 private:
  void open(const Value& session) {
    api_ = world_.api().with_session(session.as_string());
    other_.emplace(*api_);
  }

  World& world_;
  std::unique_ptr<Api> api_;
  std::optional<World> other_;
};

bool is_condition(std::string_view name) {
  return name != "params" && !is_common_param(name) && !name.starts_with("database:");
}

std::vector<Condition> conditions_of(const ClassRow& row, const Words& words) {
  std::vector<Condition> conditions;
  for (const auto& [name, value] : words.params()) {
    if (is_condition(name)) conditions.push_back(parse_condition(row, name, value));
  }
  for (const Filter& filter : row.default_filters) {
    if (!words.has(filter.field)) {
      conditions.push_back(parse_condition(row, filter.field, filter.value));
    }
  }
  return conditions;
}

std::vector<Object> matching(World& world, const ClassRow& row, const Words& words) {
  if (words.flag("all")) return world.all(row.class_index);
  const auto conditions = conditions_of(row, words);
  std::vector<Object> objects = candidates(world, row.class_index, conditions);
  std::erase_if(objects, [&](const Object& object) { return !fits(world, object, conditions); });
  return objects;
}

void list(const ClassRow& row, const Words& words, World& world, Printer& printer) {
  const auto objects = matching(world, row, words);
  printer.table(records_of(world, row, objects, split_commas(words.get_or("params", ""))));
}

void param_list(const ClassRow& row, const Words& words, World& world, Printer& printer) {
  const Object object = world.by_uuid(row.class_index, words.need("uuid"));
  Record record;
  for (const FieldRow& field : row.fields) {
    if (field.hidden) continue;
    record.emplace_back(field_label(field), show_field(world, object, field).text);
  }
  printer.table({record});
}

void param_get(const ClassRow& row, const Words& words, World& world, Printer& printer) {
  const FieldRow& field = need_field(row, words.need("param-name"));
  const Object object = world.by_uuid(row.class_index, words.need("uuid"));
  const Shown shown = show_field(world, object, field);
  const auto key = words.get("param-key");
  if (!key) return printer.list({shown.text});
  for (const auto& [name, value] : shown.entries) {
    if (name == *key) return printer.list({value});
  }
  throw cli_error(fmt::format("{} has no key '{}'.", field.name, *key));
}

// Writing
// ------------------------------------------------------------------------------------------

// One class's fields being changed on one object.
class Change {
 public:
  Change(const ClassRow& row, const Words& words, World& world)
      : row_(row),
        words_(words),
        world_(world),
        object_(world.by_uuid(row.class_index, words.need("uuid"))) {}

  void set() {
    std::vector<std::function<void()>> steps;
    for (const auto& [name, text] : words_.params()) {
      if (name == "uuid" || is_common_param(name)) continue;
      steps.push_back(set_step(name, text));
    }
    if (steps.empty()) throw cli_error("Nothing to set: give field=value.");
    // Every word has been understood before the first one is obeyed.
    for (const auto& step : steps) step();
  }

  void add() {
    const FieldRow& field = need_field(row_, words_.need("param-name"));
    if (field.access == Access::SRW) return add_member(field, words_.need("param-key"));
    if (!is_map(field.access) || !takes_keys(field)) refuse(field, "added to");
    bool any = false;
    for (const auto& [name, text] : words_.params()) {
      if (name == "uuid" || name == "param-name" || name == "param-key" || is_common_param(name)) {
        continue;
      }
      put_key(field, name, text, false);
      any = true;
    }
    if (!any) throw cli_error("Nothing to add: give key=value.");
  }

  void remove() {
    const FieldRow& field = need_field(row_, words_.need("param-name"));
    const std::string key = words_.need("param-key");
    const Shown now = show_field(world_, object_, field);
    if (field.access == Access::SRW) {
      if (std::find(now.members.begin(), now.members.end(), key) == now.members.end()) {
        throw cli_error(fmt::format("{} does not contain '{}'.", field.name, key));
      }
      return remove_member(field, key);
    }
    if (!is_map(field.access) || !takes_keys(field)) refuse(field, "removed from");
    if (!has_key(now, key)) throw cli_error(fmt::format("{} has no key '{}'.", field.name, key));
    remove_key(field, key);
  }

  void clear() {
    const FieldRow& field = need_field(row_, words_.need("param-name"));
    if (field.access == Access::RW && !field.set.empty()) return set_whole(field, "");
    if (!field.clear.empty()) return set_empty(field);
    if (!is_set(field.access) && !is_map(field.access)) refuse(field, "cleared");
    if (field.remove.empty()) refuse(field, "cleared");
    const Shown now = show_field(world_, object_, field);
    for (const auto& member : now.members) remove_member(field, member);
    for (const auto& entry : now.entries) remove_key(field, entry.first);
  }

 private:
  [[noreturn]] void refuse(const FieldRow& field, std::string_view what) const {
    throw cli_error(
        fmt::format("The field {} of a {} cannot be {}.", field.name, row_.singular, what));
  }

  static bool has_key(const Shown& shown, std::string_view key) {
    return std::any_of(shown.entries.begin(), shown.entries.end(),
                       [&](const auto& entry) { return entry.first == key; });
  }

  std::function<void()> set_step(const std::string& name, const std::string& text) {
    if (const FieldRow* field = find_field_row(row_, name)) {
      if (is_map(field->access) && takes_keys(*field)) {
        throw cli_error(fmt::format("{0} is a map; give {0}:<key>=<value>.", name));
      }
      if (is_set(field->access) && field->set.empty() && !field->add.empty()) {
        throw cli_error(fmt::format("{} is a set; use param-add and param-remove.", name));
      }
      if (!takes_whole(*field)) refuse(*field, "set");
      const Value value = parse(*field, field->set, 1, text);
      return [this, field, value] { world_.call(field->set, {object_.ref, value}); };
    }
    const Condition key = parse_condition(row_, name, text);
    if (!is_map(key.field->access) || !takes_keys(*key.field)) refuse(*key.field, "set");
    return [this, key] { put_key(*key.field, key.key, key.value, true); };
  }

  Value parse(const FieldRow& field, std::string_view method, std::size_t index,
              std::string_view text) {
    // Fields that show an object are written with its uuid.
    return parse_value(world_, field.name, text, param_type(method, index), true);
  }

  void set_whole(const FieldRow& field, std::string_view text) {
    world_.call(field.set, {object_.ref, parse(field, field.set, 1, text)});
  }

  void set_empty(const FieldRow& field) {
    const Value empty = is_set(field.access) ? Value(model::SetValue{}) : Value(model::MapValue{});
    world_.call(field.clear, {object_.ref, empty});
  }

  // The value of the field now, for changes that write it as a whole.
  Value current(const FieldRow& field) const { return object_.field(field.path.front()); }

  void add_member(const FieldRow& field, const std::string& text) {
    if (!field.add.empty()) {
      world_.call(field.add, {object_.ref, parse(field, field.add, 1, text)});
      return;
    }
    model::SetValue members = current(field).as_set();
    const Value member = parse_member(field, text);
    if (std::find(members.begin(), members.end(), member) != members.end()) return;
    members.push_back(member);
    world_.call(field.set, {object_.ref, members});
  }

  void remove_member(const FieldRow& field, const std::string& text) {
    if (!field.remove.empty()) {
      world_.call(field.remove, {object_.ref, parse(field, field.remove, 1, text)});
      return;
    }
    model::SetValue members = current(field).as_set();
    std::erase(members, parse_member(field, text));
    world_.call(field.set, {object_.ref, members});
  }

  Value parse_member(const FieldRow& field, const std::string& text) {
    return parse_value(world_, field.name, text, *param_type(field.set, 1).element, true);
  }

  void put_key(const FieldRow& field, const std::string& key, const std::string& text,
               bool replace) {
    if (!field.put.empty()) {
      world_.call(field.put, {object_.ref, key, text});
      return;
    }
    if (field.map_as_whole) return put_key_by_whole(field, key, text, replace);
    if (replace && has_key(show_field(world_, object_, field), key)) remove_key(field, key);
    world_.call(field.add,
                {object_.ref, parse(field, field.add, 1, key), parse(field, field.add, 2, text)});
  }

  void put_key_by_whole(const FieldRow& field, const std::string& key, const std::string& text,
                        bool replace) {
    // Read again: an earlier word of the command may have changed it.
    object_ = world_by_ref();
    model::MapValue entries = current(field).as_map();
    const model::Type& type = param_type(field.set, 1);
    const Value key_value = parse_value(world_, field.name, key, *type.key, true);
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const auto& entry) { return entry.first == key_value; });
    if (found != entries.end()) {
      if (!replace) throw Failure("MAP_DUPLICATE_KEY", duplicate_params(field, key));
      entries.erase(found);
    }
    entries.emplace_back(key_value, parse_value(world_, field.name, text, *type.element, true));
    world_.call(field.set, {object_.ref, entries});
  }

  std::vector<std::string> duplicate_params(const FieldRow& field, const std::string& key) const {
    return {std::string(object_.desc().name), std::string(field.name), object_.uuid(), key};
  }

  void remove_key(const FieldRow& field, const std::string& key) {
    if (!field.remove.empty()) {
      world_.call(field.remove, {object_.ref, parse(field, field.remove, 1, key)});
      return;
    }
    model::MapValue entries = current(field).as_map();
    const Value key_value =
        parse_value(world_, field.name, key, *param_type(field.set, 1).key, true);
    std::erase_if(entries, [&](const auto& entry) { return entry.first == key_value; });
    world_.call(field.set, {object_.ref, entries});
  }

  Object world_by_ref() {
    world_.forget();
    return world_.get(row_.class_index, object_.ref);
  }

  const ClassRow& row_;
  const Words& words_;
  World& world_;
  Object object_;
};

// Help
// ---------------------------------------------------------------------------------------------

Params list_params(const ClassRow& row) {
  Params params;
  params.optn = {"params", "database:"};
  for (const FieldRow& field : row.fields) {
    if (field.hidden) continue;
    params.optn.emplace_back(field.name);
    if (is_set(field.access)) params.optn.push_back(std::string(field.name) + ":contains");
    if (is_map(field.access)) params.optn.push_back(std::string(field.name) + ":");
  }
  return params;
}

Params set_params(const ClassRow& row) {
  Params params;
  params.reqd = {"uuid"};
  for (const FieldRow& field : row.fields) {
    if (field.hidden) continue;
    if (takes_whole(field))
      params.optn.emplace_back(field.name);
    else if (takes_keys(field))
      params.optn.push_back(std::string(field.name) + ":");
  }
  return params;
}

}  // namespace

std::vector<Record> records_of(World& world, const ClassRow& row,
                               const std::vector<Object>& objects,
                               const std::vector<std::string>& fields) {
  std::vector<std::string> wanted = fields;
  if (wanted.empty()) wanted.assign(row.default_fields.begin(), row.default_fields.end());
  const bool all = wanted.empty() || std::find(wanted.begin(), wanted.end(), "all") != wanted.end();
  // Scripts ask for fields of other releases; only a request for nothing known is a mistake.
  const auto known = [&](const std::string& name) { return find_field_row(row, name) != nullptr; };
  if (!all && std::none_of(wanted.begin(), wanted.end(), known)) need_field(row, wanted.front());
  std::vector<const FieldRow*> shown;
  for (const FieldRow& field : row.fields) {
    const bool named = std::find(wanted.begin(), wanted.end(), field.name) != wanted.end();
    if (!field.hidden && (all || named)) shown.push_back(&field);
  }
  std::vector<Record> records;
  for (const Object& object : objects) {
    Record record;
    for (const FieldRow* field : shown) {
      record.emplace_back(field_label(*field), field->expensive
                                                   ? std::string(expensive_field)
                                                   : show_field(world, object, *field).text);
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::optional<GenericCommand> find_generic(std::string_view name) {
  for (const Suffix& suffix : suffixes) {
    if (!name.ends_with(suffix.text)) continue;
    const ClassRow* row = find_class_row(name.substr(0, name.size() - suffix.text.size()));
    if (row && exists(*row, suffix.verb)) return GenericCommand{row, suffix.verb};
  }
  return std::nullopt;
}

std::vector<std::string> generic_names() {
  std::vector<std::string> names;
  for (const ClassRow& row : class_rows()) {
    for (const Suffix& suffix : suffixes) {
      if (exists(row, suffix.verb))
        names.push_back(std::string(row.name) + std::string(suffix.text));
    }
  }
  return names;
}

Params generic_params(const GenericCommand& command) {
  switch (command.verb) {
    case Verb::List:
      return list_params(*command.row);
    case Verb::ParamList:
      return {{"uuid"}, {"database:"}};
    case Verb::ParamGet:
      return {{"uuid", "param-name"}, {"param-key", "database:"}};
    case Verb::ParamSet:
      return set_params(*command.row);
    case Verb::ParamAdd:
      return {{"uuid", "param-name"}, {"param-key"}};
    case Verb::ParamRemove:
      return {{"uuid", "param-name", "param-key"}, {}};
    case Verb::ParamClear:
      return {{"uuid", "param-name"}, {}};
  }
  return {};
}

std::string generic_doc(const GenericCommand& command) {
  const ClassRow& row = *command.row;
  switch (command.verb) {
    case Verb::List:
      return fmt::format("List {}. Words field=value leave only those that have these values.",
                         row.plural);
    case Verb::ParamList:
      return fmt::format("Show all fields of one {}.", row.singular);
    case Verb::ParamGet:
      return fmt::format("Show one field of a {}.", row.singular);
    case Verb::ParamSet:
      return fmt::format("Change fields of a {}; keys of maps are written map:key=value.",
                         row.singular);
    case Verb::ParamAdd:
      return fmt::format(
          "Add to a set or map of a {}: a member as param-key, or keys as key=value.",
          row.singular);
    case Verb::ParamRemove:
      return fmt::format("Remove a member or key from a set or map of a {}.", row.singular);
    case Verb::ParamClear:
      return fmt::format("Empty a field of a {}.", row.singular);
  }
  return "";
}

bool is_standard(const GenericCommand& command) {
  const std::string_view name = command.row->name;
  return command.verb == Verb::List && (name == "vm" || name == "network" || name == "sr");
}

void run_generic(const GenericCommand& command, const Words& words, World& world,
                 Printer& printer) {
  const ClassRow& row = *command.row;
  switch (command.verb) {
    case Verb::List: {
      OtherDatabase database(words, world);
      return list(row, words, database.world(), printer);
    }
    case Verb::ParamList: {
      OtherDatabase database(words, world);
      return param_list(row, words, database.world(), printer);
    }
    case Verb::ParamGet: {
      OtherDatabase database(words, world);
      return param_get(row, words, database.world(), printer);
    }
    case Verb::ParamSet:
      return Change(row, words, world).set();
    case Verb::ParamAdd:
      return Change(row, words, world).add();
    case Verb::ParamRemove:
      return Change(row, words, world).remove();
    case Verb::ParamClear:
      return Change(row, words, world).clear();
  }
}

}  // namespace xcp::cli
