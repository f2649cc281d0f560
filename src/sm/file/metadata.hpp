// SPDX-License-Identifier: GPL-2.0-or-later
// The small files beside the images: one for the SR (`sr.json`), one for each VDI
// (`vdis/<uuid>.json`). Each is replaced as a whole, so a crash leaves the old or the new content.
// Which image a VDI shows is part of its file: switching a VDI to another image is one rename.
#pragma once

#include <map>
#include <string>

#include "sm/storage.hpp"

namespace xcp::sm {

// sr.json.
struct SrRecord {
  int version = 1;
  std::string uuid;
  bool made_directory = false;  // sr_create made it, so sr_destroy may remove it
};
BOOST_DESCRIBE_STRUCT(SrRecord, (), (version, uuid, made_directory))

// vdis/<uuid>.json.
struct VdiRecord {
  int version = 1;
  std::string name;
  std::string description;
  std::string type;
  std::int64_t virtual_size = 0;  // for when the image cannot be read; the image's own size counts
  bool read_only = false;
  bool sharable = false;
  bool is_a_snapshot = false;
  std::string snapshot_of;
  std::int64_t snapshot_time = 0;
  Config sm_config;
  std::string node;  // the image it shows
};
BOOST_DESCRIBE_STRUCT(VdiRecord, (),
                      (version, name, description, type, virtual_size, read_only, sharable,
                       is_a_snapshot, snapshot_of, snapshot_time, sm_config, node))

VdiRecord make_record(const VdiInfo& description, const std::string& node);

// Of an SR's directory.
std::string sr_record_path(const std::string& location);
std::string nodes_directory(const std::string& location);
std::string vdis_directory(const std::string& location);
std::string vdi_record_path(const std::string& location, const std::string& vdi);

// nullopt when there is none; throws INTERNAL_ERROR when it cannot be understood.
std::optional<SrRecord> read_sr_record(const std::string& location);

// All VDI records; those that cannot be understood are in `damaged` with the reason. Removes
// temporary files that a killed writer left.
struct VdiRecords {
  std::map<std::string, VdiRecord> good;
  std::map<std::string, std::string> damaged;
};
VdiRecords read_vdi_records(const std::string& location);

void write_vdi_record(const std::string& location, const std::string& vdi, const VdiRecord& record);
// Gone for good when this returns; no failure when there is none.
void remove_vdi_record(const std::string& location, const std::string& vdi);

}  // namespace xcp::sm
