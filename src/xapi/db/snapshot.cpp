// SPDX-License-Identifier: GPL-2.0-or-later
// Rows, row maps and snapshots.
#include "xapi/db/snapshot.hpp"

#include <algorithm>

#include "base/failure.hpp"
#include "datamodel/codec.hpp"

namespace xcp::db {

Row::Row(const Row& other)
    : ref(other.ref),
      class_index(other.class_index),
      created(other.created),
      modified(other.modified),
      fields(other.fields),
      unknown_json(other.unknown_json) {}

namespace {

using Writer = void (*)(std::string&, const model::Value&, const model::Type&);

std::string json_before(const std::string& ref) {
  return ",\"" + ref + "\":";
}

std::string xml_before(const std::string& ref) {
  return "<member><name>" + ref + "</name>";
}
constexpr std::string_view xml_after = "</member>";

std::shared_ptr<const std::string> written(const Row& row, std::string before, Writer write,
                                           std::string_view after) {
  const model::Type type{model::Kind::Record, nullptr, row.class_index, nullptr, nullptr};
  std::string text = std::move(before);
  text.reserve(4096);
  write(text, model::RecordValue{row.class_index, row.fields}, type);
  text += after;
  text.shrink_to_fit();
  return std::make_shared<const std::string>(std::move(text));
}

}  // namespace

std::shared_ptr<const std::string> Row::json_entry() const {
  std::call_once(json_once_,
                 [this] { json_ = written(*this, json_before(ref), &model::write_json, ""); });
  return json_;
}

std::shared_ptr<const std::string> Row::xml_entry() const {
  std::call_once(xml_once_,
                 [this] { xml_ = written(*this, xml_before(ref), &model::write_xml, xml_after); });
  return xml_;
}

std::string_view Row::json() const {
  return std::string_view(*json_entry()).substr(json_before(ref).size());
}

std::string_view Row::xml() const {
  std::string_view text = *xml_entry();
  text.remove_prefix(xml_before(ref).size());
  text.remove_suffix(xml_after.size());
  return text;
}

namespace {

struct KeyLess {
  bool operator()(const std::pair<std::string, RowPtr>& entry, std::string_view key) const {
    return entry.first < key;
  }
};

}  // namespace

const RowPtr* RowMap::find(std::string_view key) const {
  const auto& shard = shards_[std::hash<std::string_view>()(key) % shard_count];
  if (!shard) return nullptr;
  const auto at = std::lower_bound(shard->begin(), shard->end(), key, KeyLess());
  return at != shard->end() && at->first == key ? &at->second : nullptr;
}

void RowMap::set(std::string_view key, RowPtr row) {
  auto& shard = shards_[std::hash<std::string_view>()(key) % shard_count];
  auto copy = shard ? std::make_shared<Shard>(*shard) : std::make_shared<Shard>();
  const auto at = std::lower_bound(copy->begin(), copy->end(), key, KeyLess());
  if (at != copy->end() && at->first == key) {
    at->second = std::move(row);
  } else {
    copy->emplace(at, std::string(key), std::move(row));
    ++size_;
  }
  shard = std::move(copy);
}

void RowMap::erase(std::string_view key) {
  if (find(key) == nullptr) return;
  auto& shard = shards_[std::hash<std::string_view>()(key) % shard_count];
  auto copy = std::make_shared<Shard>(*shard);
  copy->erase(std::lower_bound(copy->begin(), copy->end(), key, KeyLess()));
  shard = std::move(copy);
  --size_;
}

void throw_handle_invalid(std::uint16_t class_index, std::string_view ref) {
  throw Failure("HANDLE_INVALID",
                {std::string(model::classes()[class_index].name), std::string(ref)});
}

void throw_uuid_invalid(std::uint16_t class_index, std::string_view uuid) {
  throw Failure("UUID_INVALID",
                {std::string(model::classes()[class_index].name), std::string(uuid)});
}

Snapshot::Snapshot() {
  const auto empty = std::make_shared<const Table>();
  tables_.assign(model::classes().size(), empty);
}

RowPtr Snapshot::find(std::uint16_t class_index, std::string_view ref) const {
  const RowPtr* row = tables_[class_index]->by_ref.find(ref);
  return row == nullptr ? nullptr : *row;
}

RowPtr Snapshot::find_uuid(std::uint16_t class_index, std::string_view uuid) const {
  const RowPtr* row = tables_[class_index]->by_uuid.find(uuid);
  return row == nullptr ? nullptr : *row;
}

RowPtr Snapshot::get(std::uint16_t class_index, std::string_view ref) const {
  if (RowPtr row = find(class_index, ref)) return row;
  throw_handle_invalid(class_index, ref);
}

Table& Snapshot::own(std::uint16_t class_index) {
  auto copy = std::make_shared<Table>(*tables_[class_index]);
  Table& table = *copy;
  tables_[class_index] = std::move(copy);
  return table;
}

}  // namespace xcp::db
