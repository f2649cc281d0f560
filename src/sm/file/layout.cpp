// SPDX-License-Identifier: GPL-2.0-or-later
// sr.json is written last and removed last: while it is there, so is the SR.
#include "sm/file/layout.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/describe.hpp"
#include "base/fault.hpp"
#include "base/fd.hpp"
#include "sm/failures.hpp"
#include "sm/file/metadata.hpp"
#include "sm/images.hpp"

namespace xcp::sm {

namespace {

void make_directory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    throw system_failure("create directory " + path, errno);
}

}  // namespace

void make_file_layout(const std::string& location, const std::string& sr, bool made_directory) {
  if (const auto found = read_sr_record(location)) {
    if (found->uuid == sr) throw Failure("SR_UUID_EXISTS", {sr});
    throw backend_failure(BackendError::sr_exists,
                          location + " holds another storage repository: " + found->uuid);
  }
  // Whoever runs a guest must be able to reach an image by its name, and need not list them.
  make_directory(nodes_directory(location), 0711);
  make_directory(vdis_directory(location), 0700);
  fault_point("file.layout.directories");
  remove_unfinished_writes(location, "sr.json");
  SrRecord record;
  record.uuid = sr;
  record.made_directory = made_directory;
  write_file_durably(sr_record_path(location), json_text(to_json(record)) + '\n');
  fault_point("file.layout.made");
}

void remove_file_layout(const std::string& location, const std::string& sr) {
  const auto found = read_sr_record(location);
  if (!found || found->uuid != sr) return;
  std::filesystem::remove_all(vdis_directory(location));
  fault_point("file.layout.records_removed");
  std::filesystem::remove_all(nodes_directory(location));
  fault_point("file.layout.nodes_removed");
  if (unlink(sr_record_path(location).c_str()) != 0)
    throw system_failure("remove " + sr_record_path(location), errno);
  sync_directory(location);
  if (found->made_directory) rmdir(location.c_str());
}

}  // namespace xcp::sm
