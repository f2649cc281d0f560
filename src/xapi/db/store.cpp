// SPDX-License-Identifier: GPL-2.0-or-later
// The order of things: a transaction function runs under `writer_` on `head_`; its result is
// queued; the flusher writes everything queued as one SQLite transaction and publishes it. When the
// disk refuses, all that was queued is refused and `head_` goes back to the published state.
#include "xapi/db/store.hpp"

#include <algorithm>

#include "base/failure.hpp"
#include "xapi/db/disk.hpp"

namespace xcp::db {

Store::Store(StoreSettings settings) : settings_(std::move(settings)) {
  if (!settings_.path.empty()) load();
  // Tokens given out before a restart must not look newer than anything that happens from now on.
  head_.generation_ += 1;
  published_ = head_;
  log_start_ = head_.generation_;
  rebuild_uses();
  flusher_ = std::thread([this] { flush_loop(); });
}

Store::~Store() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  flusher_.join();
}

void Store::load() {
  disk_ = std::make_unique<Disk>(settings_.path, *settings_.migration_list);
  std::vector<std::shared_ptr<Row>> rows;
  disk_->load([&](std::shared_ptr<Row> row) { rows.push_back(std::move(row)); });
  head_.generation_ = disk_->generation();
  std::map<std::uint16_t, Table*> tables;
  std::unordered_map<std::string, Row*> by_ref;
  for (const auto& row : rows) {
    if (!tables.contains(row->class_index))
      tables.emplace(row->class_index, &head_.own(row->class_index));
    Table& table = *tables.at(row->class_index);
    table.by_ref.set(row->ref, row);
    if (row->desc().uuid_field)
      table.by_uuid.set(row->fields[*row->desc().uuid_field].as_string(), row);
    by_ref.emplace(row->ref, row.get());
  }
  // References to objects that were never stored (sessions, tasks) end with the process.
  std::unordered_map<Row*, std::map<std::uint16_t, model::SetValue>> derived;
  for (const auto& row : rows) {
    for (std::uint16_t i = 0; i < row->fields.size(); ++i) {
      const model::Type& type = *row->desc().fields[i].type;
      if (type.kind == model::Kind::Ref) {
        const auto target = by_ref.find(row->fields[i].as_string());
        if (target == by_ref.end() || target->second->class_index != type.class_index)
          row->fields[i] = null_ref_text;
      }
      if (type.kind == model::Kind::Set && type.element->kind == model::Kind::Ref &&
          !row->desc().fields[i].derived) {
        model::SetValue members = row->fields[i].as_set();
        std::erase_if(members,
                      [&](const model::Value& item) { return !by_ref.contains(item.as_string()); });
        row->fields[i] = std::move(members);
      }
    }
  }
  const auto classes = model::classes();
  for (std::uint16_t c = 0; c < classes.size(); ++c)
    for (std::uint16_t f = 0; f < classes[c].fields.size(); ++f) {
      const auto& source = classes[c].fields[f].derived;
      if (!source) continue;
      head_.rows(source->class_index).for_each([&](const RowPtr& row) {
        const model::Value& value = row->fields[source->field_index];
        const auto add = [&](const std::string& target) {
          const auto found = by_ref.find(target);
          if (found != by_ref.end() && found->second->class_index == c)
            derived[found->second][f].emplace_back(row->ref);
        };
        if (value.is_set())
          for (const model::Value& item : value.as_set()) add(item.as_string());
        else
          add(value.as_string());
      });
    }
  for (auto& [row, fields] : derived)
    for (auto& [field, members] : fields) row->fields[field] = std::move(members);
}

void Store::rebuild_uses() {
  uses_.clear();
  const auto classes = model::classes();
  for (std::uint16_t c = 0; c < classes.size(); ++c)
    head_.rows(c).for_each([&](const RowPtr& row) {
      for (std::uint16_t f = 0; f < row->fields.size(); ++f) {
        if (classes[c].fields[f].derived) continue;
        const model::Type& type = *classes[c].fields[f].type;
        const auto add = [&](const model::Value& value) {
          if (!value.is_string() || value.as_string() == null_ref_text || value.as_string().empty())
            return;
          uses_[value.as_string()].insert({c, row->ref, f});
        };
        if (type.kind == model::Kind::Ref) add(row->fields[f]);
        if (type.kind == model::Kind::Set && type.element->kind == model::Kind::Ref)
          for (const model::Value& item : row->fields[f].as_set()) add(item);
        if (type.kind == model::Kind::Map)
          for (const auto& [key, item] : row->fields[f].as_map()) {
            if (type.key->kind == model::Kind::Ref) add(key);
            if (type.element->kind == model::Kind::Ref) add(item);
          }
      }
    });
}

Snapshot Store::snapshot() const {
  std::lock_guard lock(mutex_);
  return published_;
}

std::uint64_t Store::commit(const std::function<void(Transaction&)>& change) {
  auto pending = std::make_shared<Pending>();
  {
    std::lock_guard writer(writer_);
    Transaction transaction(*this, head_);
    change(transaction);
    if (settings_.derive) settings_.derive(transaction);
    if (transaction.kinds_.empty()) return head_.generation();
    for (const auto& [key, kind] : transaction.kinds_)
      pending->changes.push_back({transaction.generation_, kind, key.class_index, key.ref});
    for (const auto& key : transaction.persistent_) {
      if (transaction.kinds_.at(key) == ChangeKind::Delete)
        pending->erase.push_back(key.ref);
      else
        pending->save.push_back(transaction.edited_.at(key));
    }
    for (const auto& [target, change_of_use] : transaction.use_changes_) {
      const auto& [use, add] = change_of_use;
      if (add) {
        uses_[target].insert(use);
        continue;
      }
      const auto found = uses_.find(target);
      if (found == uses_.end()) continue;
      found->second.erase(use);
      if (found->second.empty()) uses_.erase(found);
    }
    head_ = transaction.view_;
    pending->snapshot = head_;
    std::lock_guard lock(mutex_);
    queue_.push_back(pending);
  }
  work_.notify_one();
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [&] { return pending->done; });
  if (pending->error) std::rethrow_exception(pending->error);
  return pending->snapshot.generation();
}

void Store::flush_loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::vector<std::shared_ptr<Pending>> batch(queue_.begin(), queue_.end());
    queue_.clear();
    lock.unlock();
    // The last state of each row is what counts; earlier ones in the batch were never published.
    std::map<std::string, RowPtr> save;
    std::set<std::string> erase;
    for (const auto& pending : batch) {
      for (const RowPtr& row : pending->save) {
        save[row->ref] = row;
        erase.erase(row->ref);
      }
      for (const std::string& ref : pending->erase) {
        save.erase(ref);
        erase.insert(ref);
      }
    }
    std::exception_ptr error;
    if (disk_ && (!save.empty() || !erase.empty())) {
      std::vector<RowPtr> rows;
      for (const auto& [ref, row] : save) rows.push_back(row);
      try {
        disk_->write(batch.back()->snapshot.generation(), rows, {erase.begin(), erase.end()});
      } catch (...) {
        error = std::current_exception();
      }
    }
    if (error)
      fail(batch, error);
    else
      publish(batch);
    lock.lock();
  }
}

void Store::publish(std::vector<std::shared_ptr<Pending>>& batch) {
  std::vector<Change> changes;
  for (const auto& pending : batch)
    changes.insert(changes.end(), pending->changes.begin(), pending->changes.end());
  std::function<void(std::span<const Change>)> listener;
  {
    std::lock_guard lock(mutex_);
    published_ = batch.back()->snapshot;
    log_.insert(log_.end(), changes.begin(), changes.end());
    while (log_.size() > settings_.change_log_limit) {
      log_start_ = log_.front().generation;
      log_.pop_front();
    }
    for (const auto& pending : batch) pending->done = true;
    listener = listener_;
  }
  finished_.notify_all();
  if (listener) listener(changes);
}

void Store::fail(std::vector<std::shared_ptr<Pending>>& batch, std::exception_ptr error) {
  // Whatever was queued meanwhile was built on what has just been refused.
  std::lock_guard writer(writer_);
  {
    std::lock_guard lock(mutex_);
    batch.insert(batch.end(), queue_.begin(), queue_.end());
    queue_.clear();
    // Generations are never used twice, not even those of refused transactions.
    const std::uint64_t generation = head_.generation();
    head_ = published_;
    head_.generation_ = generation;
    for (const auto& pending : batch) {
      pending->error = error;
      pending->done = true;
    }
  }
  rebuild_uses();
  finished_.notify_all();
}

std::optional<std::vector<Change>> Store::changes_since(std::uint64_t generation) const {
  std::lock_guard lock(mutex_);
  if (generation < log_start_) return std::nullopt;
  const auto first = std::upper_bound(
      log_.begin(), log_.end(), generation,
      [](std::uint64_t wanted, const Change& change) { return wanted < change.generation; });
  return std::vector<Change>(first, log_.end());
}

void Store::on_change(std::function<void(std::span<const Change>)> listener) {
  std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

}  // namespace xcp::db
