// SPDX-License-Identifier: GPL-2.0-or-later
// A block device that holds, or is to hold, an SR: what is on it, and its file system made, mounted
// and removed. An SR's file system has the SR's uuid as its own, and the label `sr_label` once the
// SR in it is complete. Failures are backend failures and SR_DEVICE_IN_USE.
#pragma once

#include <map>
#include <string>

namespace xcp::sm {

inline constexpr const char* sr_label = "xcp-sr";
inline constexpr const char* unfinished_sr_label = "xcp-sr-new";

// What blkid finds by looking at the device itself ("TYPE", "UUID", "LABEL", "PTTYPE"...); empty
// when there is nothing it knows.
std::map<std::string, std::string> signature_of(const std::string& device);

// Throws unless it is a block device that nothing uses.
void check_free_block_device(const std::string& device);

void make_file_system(const std::string& device, const std::string& uuid);
void label_file_system(const std::string& device, const std::string& label);
void wipe_signatures(const std::string& device);

// Mounts it unless it is mounted there already; throws when something else is.
void mount_device(const std::string& device, const std::string& directory);
// Unmounts what is mounted there, if anything is, and removes the directory.
void unmount_directory(const std::string& directory);
// The same without waiting for whoever still uses it.
void detach_directory(const std::string& directory);
bool is_mount_point(const std::string& directory);

}  // namespace xcp::sm
