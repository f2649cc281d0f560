// SPDX-License-Identifier: GPL-2.0-or-later
// The object store. One writer at a time; a transaction is a list of row changes with one
// generation number, and it is on disk before commit() returns and before any reader or event
// client sees it. Transactions that wait for the disk at the same time share one write.
// Transactions that touch only what is kept in memory (sessions, tasks, running operations) do not
// wait for the disk, but never overtake one that does.
//
// Referential integrity: a reference that is set must be null or name an existing object of its
// class (else HANDLE_INVALID); when an object is destroyed every stored reference to it becomes
// null or leaves its set, in the same transaction. Derived sets follow their source in the same
// transaction and count as a change of their owner.
//
// Failures: commit() throws what the function threw (nothing is changed), or OUT_OF_SPACE /
// INTERNAL_ERROR when the disk refused (nothing is changed, the store goes on working).
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "xapi/db/snapshot.hpp"

namespace xcp::db {

enum class ChangeKind : std::uint8_t { Add, Modify, Delete };

// What it led to is in the snapshots from that generation on: a log of rows would keep every former
// state of the database in memory.
struct Change {
  std::uint64_t generation;
  ChangeKind kind;
  std::uint16_t class_index;
  std::string ref;
};

// A change of the stored form, as SQL on the table object(ref, class, created, modified, fields),
// where fields is a JSON object of field name -> value. Versions grow by one. The way down is kept
// in the database itself, so that an older program can take a newer database back.
struct Migration {
  int version;
  std::string up_sql;
  std::string down_sql;
};
const std::vector<Migration>& migrations();

class Store;

// A writer's view: the state of the store with this transaction's own changes in it.
class Transaction {
 public:
  const Snapshot& view() const { return view_; }

  // The refs of class `class_index` that this transaction made or changed, and that exist.
  std::vector<std::string> touched(std::uint16_t class_index) const;

  template <class C>
  std::optional<Object<C>> find(const Ref<C>& ref) const {
    return view_.find(ref);
  }
  template <class C>
  Object<C> get(const Ref<C>& ref) const {
    return view_.get(ref);
  }

  // A new object. Fields that are void take their defaults; the uuid is made when empty.
  // `ref` empty: a fresh one.
  std::string create(model::RecordValue record, std::string ref = {});
  template <class C>
  Ref<C> create(model::RecordValue record) {
    return Ref<C>(create(std::move(record)));
  }

  void set(std::uint16_t class_index, const std::string& ref, std::uint16_t field,
           model::Value value);
  template <class C, class T>
  void set(const Ref<C>& ref, model::Field<C, T> field, const std::type_identity_t<T>& value) {
    set(C::index, ref.str(), field.index, model::to_value<T>(value));
  }

  // Counts as a change although nothing is different (event.inject).
  void touch(std::uint16_t class_index, const std::string& ref) { edit(class_index, ref); }

  void destroy(std::uint16_t class_index, const std::string& ref);
  template <class C>
  void destroy(const Ref<C>& ref) {
    destroy(C::index, ref.str());
  }

 private:
  friend class Store;
  struct Key {
    std::uint16_t class_index;
    std::string ref;
    auto operator<=>(const Key&) const = default;
  };
  // Who refers to an object: class, ref and field of the referring row.
  struct Use {
    std::uint16_t class_index;
    std::string ref;
    std::uint16_t field;
    auto operator<=>(const Use&) const = default;
  };

  Transaction(Store& store, const Snapshot& base);
  Row& edit(std::uint16_t class_index, const std::string& ref);
  Table& table(std::uint16_t class_index);
  void store_value(Row& row, std::uint16_t field, model::Value value);
  void check_reference(const model::Type& type, const model::Value& value) const;
  void link(const Use& use, const model::Type& type, const model::Value& value, bool add);
  void update_back_references(std::uint16_t class_index, std::uint16_t field,
                              const std::string& owner_ref, const std::string& target, bool add);

  Store& store_;
  Snapshot view_;
  std::uint64_t generation_;
  std::map<Key, std::shared_ptr<Row>> edited_;
  std::map<Key, ChangeKind> kinds_;
  std::set<Key> persistent_;  // rows whose stored form changes
  std::map<std::uint16_t, Table*> tables_;
  // Changes to the store's index of uses, applied when the transaction succeeded.
  std::vector<std::pair<std::string, std::pair<Use, bool>>> use_changes_;
};

class Disk;  // SQLite, behind its wall

struct StoreSettings {
  std::string path;  // database file; empty: in memory only (tests)
  // Runs at the end of every transaction, inside it: keeps computed fields (allowed_operations)
  // right at every moment.
  std::function<void(Transaction&)> derive;
  const std::vector<Migration>* migration_list = &migrations();
  std::size_t change_log_limit = 65536;
};

class Store {
 public:
  explicit Store(StoreSettings settings);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // The last durable state.
  Snapshot snapshot() const;

  // Runs `change` and makes its changes durable; returns the generation that holds them.
  std::uint64_t commit(const std::function<void(Transaction&)>& change);

  // Changes after `generation` in order; nullopt when they are no longer remembered (read all).
  std::optional<std::vector<Change>> changes_since(std::uint64_t generation) const;

  // Called after each publication, in order, on the thread that published; must not commit.
  void on_change(std::function<void(std::span<const Change>)> listener);

 private:
  friend class Transaction;
  struct Pending {
    Snapshot snapshot;
    std::vector<Change> changes;
    std::vector<RowPtr> save;
    std::vector<std::string> erase;
    bool done = false;
    std::exception_ptr error;
  };

  void flush_loop();
  void publish(std::vector<std::shared_ptr<Pending>>& batch);
  void fail(std::vector<std::shared_ptr<Pending>>& batch, std::exception_ptr error);
  void rebuild_uses();
  void load();

  StoreSettings settings_;
  std::unique_ptr<Disk> disk_;

  std::mutex writer_;  // one transaction function at a time; guards head_ and uses_
  Snapshot head_;      // with transactions that still wait for the disk
  std::unordered_map<std::string, std::set<Transaction::Use>> uses_;

  mutable std::mutex mutex_;  // guards everything below; never held over disk or listener calls
  std::condition_variable work_;
  std::condition_variable finished_;
  std::deque<std::shared_ptr<Pending>> queue_;
  bool flushing_ = false;
  bool stopping_ = false;
  Snapshot published_;
  std::deque<Change> log_;
  std::uint64_t log_start_ = 0;  // changes after this generation are remembered
  std::function<void(std::span<const Change>)> listener_;
  std::thread flusher_;
};

}  // namespace xcp::db
