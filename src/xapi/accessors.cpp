// SPDX-License-Identifier: GPL-2.0-or-later
// One function for each Accessor; none of them knows a class.
#include "xapi/accessors.hpp"

#include <algorithm>

#include "datamodel/codec.hpp"

namespace xcp::xapi {

using model::Accessor;
using model::ClassDesc;
using model::FieldDesc;
using model::MapValue;
using model::MessageDesc;
using model::SetValue;
using model::Value;

namespace {

std::vector<db::RowPtr> sorted_rows(const db::Snapshot& view, std::uint16_t class_index) {
  std::vector<db::RowPtr> rows;
  rows.reserve(view.rows(class_index).size());
  view.rows(class_index).for_each([&](const db::RowPtr& row) { rows.push_back(row); });
  return rows;
}

SetValue refs_of(const std::vector<db::RowPtr>& rows) {
  SetValue refs;
  refs.reserve(rows.size());
  for (const db::RowPtr& row : rows) refs.emplace_back(row->ref);
  return refs;
}

void set_field(Context& context, const MessageDesc& message, const std::string& ref,
               const std::function<Value(const Value&)>& change_value) {
  context.commit([&](db::Transaction& change) {
    const db::RowPtr row = change.view().get(message.class_index, ref);
    change.set(message.class_index, ref, message.field_index,
               change_value(row->fields[message.field_index]));
  });
}

Value with_member(const Value& set, const Value& member) {
  SetValue members = set.as_set();
  if (std::find(members.begin(), members.end(), member) == members.end()) members.push_back(member);
  return members;
}

Value without_member(const Value& set, const Value& member) {
  SetValue members = set.as_set();
  std::erase(members, member);
  return members;
}

std::string key_text(const Value& key, const model::Type& type) {
  if (key.is_string()) return key.as_string();
  std::string text = model::value_to_json_text(key, type);
  // The name of an enum's value; such names hold nothing that JSON escapes.
  if (text.front() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

Value with_key(const ClassDesc& desc, const FieldDesc& field, const std::string& ref,
               const Value& map, const Value& key, const Value& value) {
  MapValue entries = map.as_map();
  for (const auto& entry : entries)
    if (entry.first == key)
      throw Failure("MAP_DUPLICATE_KEY", {std::string(desc.name), std::string(field.name), ref,
                                          key_text(key, *field.type->key)});
  entries.emplace_back(key, value);
  return entries;
}

Value without_key(const Value& map, const Value& key) {
  MapValue entries = map.as_map();
  std::erase_if(entries, [&](const auto& entry) { return entry.first == key; });
  return entries;
}

Result plain(const MessageDesc& message, Value value) {
  Result result;
  result.value = std::move(value);
  result.type = message.result;
  return result;
}

Result record_map(std::vector<db::RowPtr> rows) {
  Result result;
  result.shape = Result::Shape::RecordMap;
  result.rows = std::move(rows);
  return result;
}

std::vector<db::RowPtr> rows_where(const db::Snapshot& view, const ClassDesc& desc,
                                   const std::string& expression) {
  const Where where(desc, expression);
  std::vector<db::RowPtr> rows = sorted_rows(view, model::class_index(desc));
  std::erase_if(rows, [&](const db::RowPtr& row) { return !where.matches(*row); });
  return rows;
}

Value create_object(Context& context, const Value& record) {
  const model::RecordValue fields = client_record(record.as_record());
  std::string ref;
  context.commit([&](db::Transaction& change) { ref = change.create(fields); });
  return ref;
}

}  // namespace

model::RecordValue client_record(const model::RecordValue& given) {
  const ClassDesc& desc = model::classes()[given.class_index];
  model::RecordValue fields = given;
  fields.fields.resize(desc.fields.size());
  for (std::size_t i = 0; i < desc.fields.size(); ++i) {
    const FieldDesc& field = desc.fields[i];
    if (field.qualifier == model::Qualifier::DynamicReadOnly || field.internal)
      fields.fields[i] = Value();
    else if (fields.fields[i].is_void() && !field.default_json)
      throw Failure("FIELD_TYPE_ERROR", {std::string(field.name)});
    else if (fields.fields[i].is_void())
      fields.fields[i] = model::default_value(field);
  }
  return fields;
}

Result run_accessor(Context& context, const MessageDesc& message,
                    std::span<const Value> arguments) {
  const ClassDesc& desc = model::classes()[message.class_index];
  const auto argument = [&](std::size_t i) -> const std::string& {
    return arguments[i].as_string();
  };
  switch (message.accessor) {
    case Accessor::None:
      break;
    case Accessor::Get: {
      const db::RowPtr row = context.view().get(message.class_index, argument(0));
      return plain(message, row->fields[message.field_index]);
    }
    case Accessor::Set:
      set_field(context, message, argument(0), [&](const Value&) { return arguments[1]; });
      return plain(message, {});
    case Accessor::Add:
      set_field(context, message, argument(0),
                [&](const Value& set) { return with_member(set, arguments[1]); });
      return plain(message, {});
    case Accessor::Remove:
      set_field(context, message, argument(0),
                [&](const Value& set) { return without_member(set, arguments[1]); });
      return plain(message, {});
    case Accessor::AddTo:
      set_field(context, message, argument(0), [&](const Value& map) {
        return with_key(desc, desc.fields[message.field_index], argument(0), map, arguments[1],
                        arguments[2]);
      });
      return plain(message, {});
    case Accessor::RemoveFrom:
      set_field(context, message, argument(0),
                [&](const Value& map) { return without_key(map, arguments[1]); });
      return plain(message, {});
    case Accessor::GetRecord: {
      Result result;
      result.shape = Result::Shape::Record;
      result.rows = {context.view().get(message.class_index, argument(0))};
      return result;
    }
    case Accessor::GetByUuid: {
      const db::RowPtr row = context.view().find_uuid(message.class_index, argument(0));
      if (row == nullptr) db::throw_uuid_invalid(message.class_index, argument(0));
      return plain(message, row->ref);
    }
    case Accessor::GetByNameLabel: {
      std::vector<db::RowPtr> rows = sorted_rows(context.view(), message.class_index);
      std::erase_if(rows, [&](const db::RowPtr& row) {
        return row->fields[*desc.name_label_field].as_string() != argument(0);
      });
      return plain(message, refs_of(rows));
    }
    case Accessor::GetAll:
      return plain(message, refs_of(sorted_rows(context.view(), message.class_index)));
    case Accessor::GetAllWhere:
      return plain(message, refs_of(rows_where(context.view(), desc, argument(0))));
    case Accessor::GetAllRecords:
      return record_map(sorted_rows(context.view(), message.class_index));
    case Accessor::GetAllRecordsWhere:
      return record_map(rows_where(context.view(), desc, argument(0)));
    case Accessor::Create:
      return plain(message, create_object(context, arguments[0]));
    case Accessor::Destroy:
      context.commit(
          [&](db::Transaction& change) { change.destroy(message.class_index, argument(0)); });
      return plain(message, {});
  }
  throw internal_error("no accessor");
}

}  // namespace xcp::xapi
