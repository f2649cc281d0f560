// SPDX-License-Identifier: GPL-2.0-or-later
// Who uses which disk. The table survives the daemon (guests go on running without it), and is
// empty after the machine was restarted (no guest ran on). Any thread may call.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sm/record_log.hpp"
#include "sm/storage.hpp"

namespace xcp::sm {

class DataPaths {
 public:
  // `path`: the file that keeps the table.
  explicit DataPaths(const std::string& path);

  // Throws VDI_IN_USE when the path may not be added: the id is taken with another mode, or the
  // disk is not sharable and a writer would not be alone. Adding the same path again changes
  // nothing.
  void check(const DataPath& path, bool sharable) const;
  void add(const DataPath& path);

  // Throws VDI_NOT_AVAILABLE when it was not attached.
  void activate(const std::string& sr, const std::string& vdi, const std::string& id);
  // Nothing happens when there is none.
  void remove(const std::string& sr, const std::string& vdi, const std::string& id);

  bool any_of_sr(const std::string& sr) const;
  bool any(const std::string& sr, const std::string& vdi) const;
  bool writable(const std::string& sr, const std::string& vdi) const;
  std::vector<DataPath> all() const;

 private:
  using Disk = std::pair<std::string, std::string>;  // SR, VDI
  const std::vector<DataPath>& of(const Disk& disk) const;
  DataPath* find(const Disk& disk, const std::string& id);

  mutable std::mutex mutex_;
  RecordLog log_;
  std::map<Disk, std::vector<DataPath>> paths_;
};

}  // namespace xcp::sm
