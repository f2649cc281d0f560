// SPDX-License-Identifier: GPL-2.0-or-later
// See pending.hpp.
#include "hypervisor/pending.hpp"

#include <unistd.h>

#include <filesystem>

#include "base/describe.hpp"
#include "base/fd.hpp"

namespace xcp::hypervisor {

PendingRecord::PendingRecord(const std::string& directory, Pending pending)
    : path_(directory + "/" + pending.uuid +
            (pending.kind == PendingKind::receive ? ".arriving.json" : ".json")),
      pending_(std::move(pending)) {
  write();
}

void PendingRecord::write() const {
  write_file_durably(path_, json_text(to_json(pending_)), 0600);
}

void PendingRecord::only_end_is_left() {
  Pending end{PendingKind::destroy, pending_.uuid, {}};
  std::swap(pending_, end);
  try {
    write();
  } catch (...) {
    std::swap(pending_, end);
    throw;
  }
}

PendingRecord::~PendingRecord() {
  if (!done_)
    for (const std::string& file : pending_.files) unlink(file.c_str());
  unlink(path_.c_str());
}

void PendingRecord::done() {
  done_ = true;
}

std::vector<LeftOver> left_over(const std::string& directory) {
  std::vector<LeftOver> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string path = entry.path();
    if (!path.ends_with(".json")) {
      unlink(path.c_str());  // a record that was never finished: nothing had been done yet
      continue;
    }
    found.push_back({path, from_json<Pending>(parse_json(read_file(path).value_or("")))});
  }
  return found;
}

}  // namespace xcp::hypervisor
