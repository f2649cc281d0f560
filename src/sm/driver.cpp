// SPDX-License-Identifier: GPL-2.0-or-later
// What all kinds of SR do alike.
#include "sm/driver.hpp"

#include <ctime>

#include "sm/failures.hpp"

namespace xcp::sm {

namespace {

constexpr std::int64_t block_bytes = 4096;

bool parse_bool(const std::string& key, const std::string& value) {
  if (value == "true") return true;
  if (value == "false") return false;
  throw Failure("VALUE_NOT_SUPPORTED", {key, value, "expected true or false"});
}

}  // namespace

void apply_changes(VdiInfo& vdi, const Config& changes) {
  for (const auto& [key, value] : changes) {
    if (key == "name")
      vdi.name = value;
    else if (key == "description")
      vdi.description = value;
    else if (key == "type")
      vdi.type = value;
    else if (key == "sharable")
      vdi.sharable = parse_bool(key, value);
    else if (key == "read_only")
      vdi.read_only = parse_bool(key, value);
    else
      throw Failure("VALUE_NOT_SUPPORTED", {key, value, "a disk has no such setting"});
  }
  if (vdi.is_a_snapshot && !vdi.read_only)
    throw Failure("VALUE_NOT_SUPPORTED", {"read_only", "false", "a snapshot cannot be written to"});
}

std::int64_t checked_virtual_size(const std::string& vdi, std::int64_t wanted,
                                  std::int64_t maximum) {
  if (wanted <= 0) throw vdi_too_small(vdi, block_bytes);
  if (wanted > maximum) throw vdi_too_large(vdi, maximum);
  return (wanted + block_bytes - 1) / block_bytes * block_bytes;
}

VdiInfo branch_description(Branch kind, const VdiInfo& origin, const VdiSpec& names) {
  VdiInfo made;
  made.uuid = names.uuid;
  made.location = names.uuid;
  made.name = names.name.empty() ? origin.name : names.name;
  made.description = names.description.empty() ? origin.description : names.description;
  made.type = origin.type;
  made.virtual_size = origin.virtual_size;
  made.sm_config = names.sm_config.empty() ? origin.sm_config : names.sm_config;
  switch (kind) {
    case Branch::snapshot:
      made.read_only = true;
      made.is_a_snapshot = true;
      made.snapshot_of = origin.uuid;
      made.snapshot_time = std::time(nullptr);
      break;
    case Branch::clone:
      made.read_only = names.read_only;
      break;
  }
  return made;
}

VdiInfo new_description(const VdiSpec& spec) {
  VdiInfo made;
  made.uuid = spec.uuid;
  made.location = spec.uuid;
  made.name = spec.name;
  made.description = spec.description;
  made.type = spec.type;
  made.virtual_size = spec.virtual_size;
  made.read_only = spec.read_only;
  made.sharable = spec.sharable;
  made.format = spec.format;
  made.sm_config = spec.sm_config;
  return made;
}

std::string absolute_path(const Config& device_config, const std::string& key) {
  const auto found = device_config.find(key);
  const bool device = key == "device";
  if (found == device_config.end() || found->second.empty())
    throw backend_failure(device ? BackendError::device_missing : BackendError::location_missing,
                          "device_config lacks \"" + key + "\"");
  std::string path = found->second;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const bool plain = path.find('\0') == std::string::npos &&
                     path.find("/../") == std::string::npos && !path.ends_with("/..");
  if (path.front() != '/' || path == "/" || !plain)
    throw backend_failure(BackendError::invalid_argument,
                          "\"" + key + "\" must be an absolute path without \"..\": " + path);
  return path;
}

}  // namespace xcp::sm
