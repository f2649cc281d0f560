// SPDX-License-Identifier: GPL-2.0-or-later
// What a kind of SR implements: a Driver makes, finds and plugs SRs of one type, a Repository is
// one plugged SR. Everything here is called from any thread. What is common to all kinds is done by
// the caller (storage.cpp): the order of calls on one VDI, who uses which disk, the memory of
// plugged SRs, and the turning of "no space" into its failure code.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sm/storage.hpp"
#include "sm/transfer.hpp"

namespace xcp::sm {

enum class Branch { snapshot, clone };

// What is in a disk, to be read by another repository. Valid while the VDI is not changed.
struct Content {
  std::string path;  // empty: the disk is all zeros
  ImageFormat format = ImageFormat::raw;
  std::int64_t virtual_size = 0;
};

// One plugged SR. The caller sees to it that calls on one VDI do not overlap, except calls that
// only read it. A VDI that is not there is VDI_MISSING.
class Repository {
 public:
  virtual ~Repository() = default;

  virtual SrState state() = 0;
  // Looks at the storage anew and removes what unfinished operations left.
  virtual std::vector<VdiInfo> scan() = 0;
  virtual VdiInfo info(const std::string& vdi) = 0;

  // spec.uuid is set and no other call uses it now.
  virtual VdiInfo create(const VdiSpec& spec, Transfer& transfer) = 0;
  // As create, with this content; a virtual size of 0 is the content's.
  virtual VdiInfo create_from(const VdiSpec& spec, const Content& content, Transfer& transfer) = 0;
  virtual void destroy(const std::string& vdi) = 0;
  // The VDI is not in use; the new size is not below the present one.
  virtual VdiInfo resize(const std::string& vdi, std::int64_t virtual_size) = 0;
  // `being_written`: a writable data path is there, so the VDI's image must change now.
  virtual VdiInfo branch(Branch kind, const std::string& vdi, const VdiSpec& names,
                         bool being_written) = 0;
  virtual VdiInfo revert(const std::string& vdi, const std::string& snapshot) = 0;
  virtual VdiInfo set(const std::string& vdi, const Config& changes) = 0;

  // Checks that the disk can be reached and gives what a guest shall open. Before a disk is written
  // to, its image is made one that no other VDI depends on.
  virtual DiskSource open(const std::string& vdi, bool read_write) = 0;
  virtual DiskSource source(const std::string& vdi) = 0;
  virtual Content content(const std::string& vdi) = 0;
};

class Driver {
 public:
  virtual ~Driver() = default;

  virtual DriverInfo info() const = 0;
  // Called once, before anything else: no SR but these is plugged, so what a killed plug or create
  // left of others may go. Quick, whatever the storage does.
  virtual void tidy(const std::set<std::string>& /*remembered*/) {}
  virtual std::vector<ProbeResult> probe(const Config& device_config) = 0;
  virtual void create(const SrSpec& spec, std::int64_t size) = 0;
  // May take long or hang with its storage.
  virtual std::unique_ptr<Repository> plug(const SrSpec& spec) = 0;
  // Undoes what plug did beside the Repository, which is gone already; harmless when repeated.
  virtual void unplug(const SrSpec& spec) = 0;
  // Removes all content of an SR whose Repository is gone. Repeated after a crash until it
  // succeeds, so it accepts what is half gone or gone.
  virtual void destroy(const SrSpec& spec) = 0;
};

// What Repository::set may change, applied to a description: "name", "description", "type",
// "read_only", "sharable". Throws VALUE_NOT_SUPPORTED for anything else.
void apply_changes(VdiInfo& vdi, const Config& changes);

// The size a disk really gets: whole 4 KiB blocks. Throws VDI_TOO_SMALL for nothing and
// VDI_TOO_LARGE above `maximum`.
std::int64_t checked_virtual_size(const std::string& vdi, std::int64_t wanted,
                                  std::int64_t maximum);

// Names, description and sm_config of a snapshot, a clone or a copy: those of `names`, or of the
// origin where `names` has none; everything else is the origin's or new.
VdiInfo branch_description(Branch kind, const VdiInfo& origin, const VdiSpec& names);

// The description a new disk starts with.
VdiInfo new_description(const VdiSpec& spec);

// The value of a required device_config key ("location" or "device"), which must be an absolute
// path without "..". Throws the backend failure of the missing key, or invalid_argument.
std::string absolute_path(const Config& device_config, const std::string& key);

}  // namespace xcp::sm
