// SPDX-License-Identifier: GPL-2.0-or-later
// An SR in a directory: `nodes/` holds images, `vdis/` says which VDI shows which image. Always: a
// VDI exists when its record exists; an image that no VDI reaches is garbage, unless a running call
// makes it; garbage is removed when the SR is plugged or scanned. An image that another stands on
// is never written: open() for writing and a branch of a disk being written give the VDI a new
// image first. A directory in which a record or a needed image is damaged is served, but no garbage
// is removed from it, because nobody can tell what the damaged one needs.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "sm/driver.hpp"
#include "sm/file/metadata.hpp"
#include "sm/file/nodes.hpp"
#include "sm/ready_images.hpp"

namespace xcp::sm {

// How many images may stand on one another, the top one included.
inline constexpr std::size_t longest_chain = 30;

class FileRepository : public Repository {
 public:
  // Throws backend failure sr_unavailable when the SR is not there, SR_DEVICE_IN_USE when another
  // process has it. `ready_images` outlives the repository.
  FileRepository(std::string sr, std::string location, const ReadyImages& ready_images);

  SrState state() override;
  std::vector<VdiInfo> scan() override;
  VdiInfo info(const std::string& vdi) override;
  VdiInfo create(const VdiSpec& spec, Transfer& transfer) override;
  VdiInfo create_from(const VdiSpec& spec, const Content& content, Transfer& transfer) override;
  void destroy(const std::string& vdi) override;
  VdiInfo resize(const std::string& vdi, std::int64_t virtual_size) override;
  VdiInfo branch(Branch kind, const std::string& vdi, const VdiSpec& names,
                 bool being_written) override;
  VdiInfo revert(const std::string& vdi, const std::string& snapshot) override;
  VdiInfo set(const std::string& vdi, const Config& changes) override;
  DiskSource open(const std::string& vdi, bool read_write) override;
  DiskSource source(const std::string& vdi) override;
  Content content(const std::string& vdi) override;

 private:
  class NewNode;
  using Lock = std::unique_lock<std::mutex>;

  // With mutex_ held.
  void load();
  const VdiRecord& record(const std::string& vdi) const;
  VdiInfo describe(const std::string& vdi) const;
  void check_chain(const std::string& vdi) const;

  // Taking the lock.
  VdiRecord copy_of_record(const std::string& vdi);
  void refuse_existing(const std::string& vdi);
  void refuse_longer_chain(const std::string& node);
  bool shared(const std::string& node);
  std::int64_t size_of(const std::string& node);
  std::unique_ptr<NewNode> overlay(const std::string& below, std::int64_t virtual_size);
  std::unique_ptr<NewNode> from_ready_image(const VdiSpec& spec, Transfer& transfer);
  // Makes `vdi` one that shows the new node; frees what it showed before.
  VdiInfo commit(const std::string& vdi, VdiRecord record, NewNode& node);
  // Makes `vdi` show a node that is there.
  void switch_back(const std::string& vdi, const VdiRecord& record);

  const std::string sr_;
  const std::string location_;
  const ReadyImages& ready_images_;
  UniqueFd lock_;  // keeps other processes out

  std::mutex mutex_;
  Nodes nodes_;
  VdiRecords vdis_;
  bool everything_known_ = false;  // no damaged record, no damaged chain
  std::set<std::string> being_made_;
};

}  // namespace xcp::sm
