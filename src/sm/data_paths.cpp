// SPDX-License-Identifier: GPL-2.0-or-later
// The log's header names the boot of the machine: a log of another boot tells of guests that are
// gone.
#include "sm/data_paths.hpp"

#include <algorithm>

#include "sm/failures.hpp"

namespace xcp::sm {

namespace {

std::string header_of_this_boot() {
  std::string boot = read_file("/proc/sys/kernel/random/boot_id").value_or("unknown");
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  return json_text({{"data_paths", 1}, {"boot", boot}});
}

std::string key_of(const DataPath& path) {
  return path.sr + ' ' + path.vdi + ' ' + path.id;
}

}  // namespace

DataPaths::DataPaths(const std::string& path)
    : log_(path, header_of_this_boot(), RecordLog::Keep::over_restart, RecordLog::Stranger::drop) {
  for (const auto& [key, value] : log_.records()) {
    DataPath kept = from_json<DataPath>(value);
    const Disk disk{kept.sr, kept.vdi};
    paths_[disk].push_back(std::move(kept));
  }
}

const std::vector<DataPath>& DataPaths::of(const Disk& disk) const {
  static const std::vector<DataPath> none;
  const auto found = paths_.find(disk);
  return found == paths_.end() ? none : found->second;
}

DataPath* DataPaths::find(const Disk& disk, const std::string& id) {
  const auto found = paths_.find(disk);
  if (found == paths_.end()) return nullptr;
  const auto same = std::find_if(found->second.begin(), found->second.end(),
                                 [&](const DataPath& path) { return path.id == id; });
  return same == found->second.end() ? nullptr : &*same;
}

void DataPaths::check(const DataPath& path, bool sharable) const {
  std::lock_guard lock(mutex_);
  for (const DataPath& other : of({path.sr, path.vdi})) {
    if (other.id == path.id) {
      if (other.read_write == path.read_write) continue;
      throw vdi_in_use(path.vdi, "attach");
    }
    // A reader beside a writer would see a disk that changes under it.
    if (!sharable && (other.read_write || path.read_write)) throw vdi_in_use(path.vdi, "attach");
  }
}

void DataPaths::add(const DataPath& path) {
  std::lock_guard lock(mutex_);
  const Disk disk{path.sr, path.vdi};
  if (find(disk, path.id) != nullptr) return;
  log_.flush(log_.put(key_of(path), to_json(path)));
  paths_[disk].push_back(path);
}

void DataPaths::activate(const std::string& sr, const std::string& vdi, const std::string& id) {
  std::lock_guard lock(mutex_);
  DataPath* path = find({sr, vdi}, id);
  if (path == nullptr) throw Failure("VDI_NOT_AVAILABLE", {vdi});
  if (path->activated) return;
  DataPath activated = *path;
  activated.activated = true;
  log_.flush(log_.put(key_of(activated), to_json(activated)));
  *path = std::move(activated);
}

void DataPaths::remove(const std::string& sr, const std::string& vdi, const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto found = paths_.find({sr, vdi});
  const DataPath* path = find({sr, vdi}, id);
  if (path == nullptr) return;
  log_.flush(log_.erase(key_of(*path)));
  std::erase_if(found->second, [&](const DataPath& other) { return other.id == id; });
  if (found->second.empty()) paths_.erase(found);
}

bool DataPaths::any_of_sr(const std::string& sr) const {
  std::lock_guard lock(mutex_);
  const auto first = paths_.lower_bound({sr, ""});
  return first != paths_.end() && first->first.first == sr;
}

bool DataPaths::any(const std::string& sr, const std::string& vdi) const {
  std::lock_guard lock(mutex_);
  return !of({sr, vdi}).empty();
}

bool DataPaths::writable(const std::string& sr, const std::string& vdi) const {
  std::lock_guard lock(mutex_);
  const auto& paths = of({sr, vdi});
  return std::any_of(paths.begin(), paths.end(),
                     [](const DataPath& path) { return path.read_write; });
}

std::vector<DataPath> DataPaths::all() const {
  std::lock_guard lock(mutex_);
  std::vector<DataPath> all;
  for (const auto& [disk, paths] : paths_) all.insert(all.end(), paths.begin(), paths.end());
  return all;
}

}  // namespace xcp::sm
