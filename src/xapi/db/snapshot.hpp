// SPDX-License-Identifier: GPL-2.0-or-later
// One consistent, immutable state of the whole database. Copying a Snapshot is cheap; readers keep
// one for a whole call and take no lock. Tables are split into shards by the hash of the ref; a
// commit copies the shards it touches and shares all others with the state before.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "xapi/db/row.hpp"

namespace xcp::db {

// A map from text to row; persistent in the functional sense: set and erase change this copy only.
class RowMap {
 public:
  const RowPtr* find(std::string_view key) const;
  void set(std::string_view key, RowPtr row);
  void erase(std::string_view key);
  std::size_t size() const { return size_; }

  template <class F>
  void for_each(F&& visit) const {
    for (const auto& shard : shards_)
      if (shard)
        for (const auto& entry : *shard) visit(entry.second);
  }

 private:
  static constexpr std::size_t shard_count = 128;
  using Shard = std::vector<std::pair<std::string, RowPtr>>;  // sorted by key
  std::array<std::shared_ptr<const Shard>, shard_count> shards_{};
  std::size_t size_ = 0;
};

struct Table {
  RowMap by_ref;
  RowMap by_uuid;
};

[[noreturn]] void throw_handle_invalid(std::uint16_t class_index, std::string_view ref);
[[noreturn]] void throw_uuid_invalid(std::uint16_t class_index, std::string_view uuid);

class Snapshot {
 public:
  Snapshot();

  std::uint64_t generation() const { return generation_; }

  RowPtr find(std::uint16_t class_index, std::string_view ref) const;
  RowPtr find_uuid(std::uint16_t class_index, std::string_view uuid) const;
  const RowMap& rows(std::uint16_t class_index) const { return tables_[class_index]->by_ref; }

  // HANDLE_INVALID [class, ref] when there is no such object.
  RowPtr get(std::uint16_t class_index, std::string_view ref) const;

  template <class C>
  std::optional<Object<C>> find(const Ref<C>& ref) const {
    if (RowPtr row = find(C::index, ref.str())) return Object<C>(std::move(row));
    return std::nullopt;
  }
  template <class C>
  Object<C> get(const Ref<C>& ref) const {
    return Object<C>(get(C::index, ref.str()));
  }
  template <class C>
  std::optional<Object<C>> find_uuid(std::string_view uuid) const {
    if (RowPtr row = find_uuid(C::index, uuid)) return Object<C>(std::move(row));
    return std::nullopt;
  }
  template <class C>
  std::vector<Object<C>> all() const {
    std::vector<Object<C>> objects;
    rows(C::index).for_each([&](const RowPtr& row) { objects.emplace_back(row); });
    return objects;
  }
  // The only object of a class that has one (pool), or the first that `wanted` accepts.
  template <class C>
  std::optional<Object<C>> find_if(const std::function<bool(const Object<C>&)>& wanted) const {
    for (Object<C>& object : all<C>())
      if (wanted(object)) return std::move(object);
    return std::nullopt;
  }

 private:
  friend class Transaction;
  friend class Store;
  Table& own(std::uint16_t class_index);  // a private copy of the table, made on first use

  std::vector<std::shared_ptr<const Table>> tables_;
  std::uint64_t generation_ = 0;
};

}  // namespace xcp::db
