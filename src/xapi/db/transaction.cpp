// SPDX-License-Identifier: GPL-2.0-or-later
// Changes of one transaction, kept apart from the store until the whole function succeeded.
#include <algorithm>

#include "base/failure.hpp"
#include "xapi/db/store.hpp"

namespace xcp::db {

using model::FieldDesc;
using model::Kind;
using model::SetValue;
using model::Type;
using model::Value;

namespace {

// Calls visit(class_index, ref) for every reference inside a value.
template <class F>
void for_each_reference(const Type& type, const Value& value, const F& visit) {
  switch (type.kind) {
    case Kind::Ref:
      if (!value.is_void() && !value.as_string().empty() && value.as_string() != null_ref_text)
        visit(type.class_index, value.as_string());
      return;
    case Kind::Set:
      if (type.element->kind != Kind::Ref) return;
      for (const Value& item : value.as_set()) for_each_reference(*type.element, item, visit);
      return;
    case Kind::Map:
      for (const auto& [key, item] : value.as_map()) {
        for_each_reference(*type.key, key, visit);
        for_each_reference(*type.element, item, visit);
      }
      return;
    case Kind::Option:
      if (!value.is_void()) for_each_reference(*type.element, value, visit);
      return;
    case Kind::Void:
    case Kind::String:
    case Kind::Int:
    case Kind::Float:
    case Kind::Bool:
    case Kind::DateTime:
    case Kind::Secret:
    case Kind::Enum:
    case Kind::Record:
    case Kind::Any:
      return;
  }
}

// `value` without the references to `ref`.
Value without(const Type& type, const Value& value, const std::string& ref) {
  if (type.kind == Kind::Ref) return null_ref_text;
  if (type.kind == Kind::Set) {
    SetValue set = value.as_set();
    std::erase_if(set, [&](const Value& item) { return item.as_string() == ref; });
    return set;
  }
  if (type.kind == Kind::Map) {
    model::MapValue map = value.as_map();
    std::erase_if(map, [&](const auto& entry) {
      return (type.key->kind == Kind::Ref && entry.first.as_string() == ref) ||
             (type.element->kind == Kind::Ref && entry.second.as_string() == ref);
    });
    return map;
  }
  return {};
}

}  // namespace

Transaction::Transaction(Store& store, const Snapshot& base)
    : store_(store), view_(base), generation_(base.generation_ + 1) {
  view_.generation_ = generation_;
}

std::vector<std::string> Transaction::touched(std::uint16_t class_index) const {
  std::vector<std::string> refs;
  for (auto at = edited_.lower_bound({class_index, {}});
       at != edited_.end() && at->first.class_index == class_index; ++at)
    refs.push_back(at->first.ref);
  return refs;
}

Table& Transaction::table(std::uint16_t class_index) {
  const auto known = tables_.find(class_index);
  if (known != tables_.end()) return *known->second;
  Table& copy = view_.own(class_index);
  tables_.emplace(class_index, &copy);
  return copy;
}

Row& Transaction::edit(std::uint16_t class_index, const std::string& ref) {
  const Key key{class_index, ref};
  const auto known = edited_.find(key);
  if (known != edited_.end()) return *known->second;
  auto copy = std::make_shared<Row>(*view_.get(class_index, ref));
  copy->modified = generation_;
  kinds_.emplace(key, ChangeKind::Modify);
  Table& rows = table(class_index);
  rows.by_ref.set(ref, copy);
  if (copy->desc().uuid_field) {
    const std::string uuid = copy->fields[*copy->desc().uuid_field].as_string();
    if (!uuid.empty()) rows.by_uuid.set(uuid, copy);
  }
  return *edited_.emplace(key, std::move(copy)).first->second;
}

void Transaction::check_reference(const Type& type, const Value& value) const {
  for_each_reference(type, value, [&](std::uint16_t target_class, const std::string& target) {
    if (!model::classes()[target_class].in_database) return;
    if (view_.find(target_class, target) == nullptr) throw_handle_invalid(target_class, target);
  });
}

void Transaction::link(const Use& use, const Type& type, const Value& value, bool add) {
  for_each_reference(type, value, [&](std::uint16_t, const std::string& target) {
    use_changes_.push_back({target, {use, add}});
    update_back_references(use.class_index, use.field, use.ref, target, add);
  });
}

void Transaction::update_back_references(std::uint16_t class_index, std::uint16_t field,
                                         const std::string& owner_ref, const std::string& target,
                                         bool add) {
  const FieldDesc& source = model::classes()[class_index].fields[field];
  const Type& type = source.type->kind == Kind::Set ? *source.type->element : *source.type;
  if (type.kind != Kind::Ref) return;
  const model::ClassDesc& target_desc = model::classes()[type.class_index];
  for (std::uint16_t i = 0; i < target_desc.fields.size(); ++i) {
    const auto& derived = target_desc.fields[i].derived;
    if (!derived || derived->class_index != class_index || derived->field_index != field) continue;
    if (view_.find(type.class_index, target) == nullptr) continue;
    Row& row = edit(type.class_index, target);
    SetValue members = row.fields[i].as_set();
    if (add)
      members.emplace_back(owner_ref);
    else
      std::erase_if(members, [&](const Value& item) { return item.as_string() == owner_ref; });
    row.fields[i] = std::move(members);
  }
}

void Transaction::store_value(Row& row, std::uint16_t field, Value value) {
  const FieldDesc& desc = row.desc().fields[field];
  const Use use{row.class_index, row.ref, field};
  link(use, *desc.type, row.fields[field], false);
  row.fields[field] = std::move(value);
  link(use, *desc.type, row.fields[field], true);
}

std::string Transaction::create(model::RecordValue record, std::string ref) {
  const model::ClassDesc& desc = model::classes()[record.class_index];
  if (!desc.in_database) throw internal_error(std::string(desc.name) + " objects are not stored");
  auto row = std::make_shared<Row>();
  row->ref = ref.empty() ? make_ref_text() : std::move(ref);
  row->class_index = record.class_index;
  row->created = row->modified = generation_;
  row->fields.resize(desc.fields.size());
  record.fields.resize(desc.fields.size());
  for (std::uint16_t i = 0; i < desc.fields.size(); ++i) {
    const FieldDesc& field = desc.fields[i];
    if (field.derived || record.fields[i].is_void()) record.fields[i] = model::default_value(field);
    check_reference(*field.type, record.fields[i]);
  }
  if (desc.uuid_field) {
    Value& uuid = record.fields[*desc.uuid_field];
    if (uuid.as_string().empty()) uuid = make_uuid();
    if (view_.find_uuid(record.class_index, uuid.as_string()) != nullptr)
      throw Failure("DB_UNIQUENESS_CONSTRAINT_VIOLATION",
                    {std::string(desc.name), "uuid", uuid.as_string()});
  }
  const Key key{record.class_index, row->ref};
  Table& rows = table(record.class_index);
  rows.by_ref.set(row->ref, row);
  edited_.emplace(key, row);
  kinds_[key] = ChangeKind::Add;
  if (desc.persistent) persistent_.insert(key);
  for (std::uint16_t i = 0; i < desc.fields.size(); ++i) {
    if (desc.fields[i].derived) {
      row->fields[i] = std::move(record.fields[i]);
      continue;
    }
    row->fields[i] = std::move(record.fields[i]);
    link({record.class_index, row->ref, i}, *desc.fields[i].type, row->fields[i], true);
  }
  if (desc.uuid_field) rows.by_uuid.set(row->fields[*desc.uuid_field].as_string(), row);
  return row->ref;
}

void Transaction::set(std::uint16_t class_index, const std::string& ref, std::uint16_t field,
                      Value value) {
  const RowPtr current = view_.get(class_index, ref);
  const FieldDesc& desc = current->desc().fields[field];
  if (desc.derived)
    throw internal_error(std::string(desc.name) + " follows its source and cannot be set");
  if (current->fields[field] == value) return;
  check_reference(*desc.type, value);
  Row& row = edit(class_index, ref);
  if (row.desc().uuid_field == field) {
    if (view_.find_uuid(class_index, value.as_string()) != nullptr)
      throw Failure("DB_UNIQUENESS_CONSTRAINT_VIOLATION",
                    {std::string(row.desc().name), "uuid", value.as_string()});
    Table& rows = table(class_index);
    rows.by_uuid.erase(row.fields[field].as_string());
    rows.by_uuid.set(value.as_string(), edited_.at({class_index, ref}));
  }
  store_value(row, field, std::move(value));
  if (row.desc().persistent && desc.persistent) persistent_.insert({class_index, ref});
}

void Transaction::destroy(std::uint16_t class_index, const std::string& ref) {
  const RowPtr row = view_.get(class_index, ref);
  const Key key{class_index, ref};
  // Everybody who refers to it, the index of the store and this transaction's own changes.
  std::set<Use> uses;
  const auto known = store_.uses_.find(ref);
  if (known != store_.uses_.end()) uses = known->second;
  for (const auto& [target, change] : use_changes_) {
    if (target != ref) continue;
    if (change.second)
      uses.insert(change.first);
    else
      uses.erase(change.first);
  }
  for (const Use& use : uses) {
    if (use.class_index == class_index && use.ref == ref) continue;
    const RowPtr user = view_.find(use.class_index, use.ref);
    if (user == nullptr) continue;
    const Type& type = *user->desc().fields[use.field].type;
    set(use.class_index, use.ref, use.field, without(type, user->fields[use.field], ref));
  }
  for (std::uint16_t i = 0; i < row->fields.size(); ++i)
    if (!row->desc().fields[i].derived)
      link({class_index, ref, i}, *row->desc().fields[i].type, row->fields[i], false);
  Table& rows = table(class_index);
  rows.by_ref.erase(ref);
  if (row->desc().uuid_field) rows.by_uuid.erase(row->fields[*row->desc().uuid_field].as_string());
  const bool made_here = kinds_.contains(key) && kinds_.at(key) == ChangeKind::Add;
  edited_.erase(key);
  persistent_.erase(key);
  if (made_here) {
    kinds_.erase(key);
    return;
  }
  kinds_[key] = ChangeKind::Delete;
  if (row->desc().persistent) persistent_.insert(key);
}

}  // namespace xcp::db
