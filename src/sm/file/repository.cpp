// SPDX-License-Identifier: GPL-2.0-or-later
// Every change is: make new nodes (they are garbage until named), put them on disk, then write one
// record. The lock is held for the last step only. Failing or dying before it leaves the old state.
#include "sm/file/repository.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fault.hpp"
#include "base/ref.hpp"
#include "sm/failures.hpp"
#include "sm/images.hpp"

namespace xcp::sm {

namespace {

UniqueFd lock_sr(const std::string& location) {
  UniqueFd fd(::open(sr_record_path(location).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw system_failure("open " + sr_record_path(location), errno);
  if (!lock_file(fd.get())) throw Failure("SR_DEVICE_IN_USE");
  return fd;
}

ImageFormat wanted_format(const VdiSpec& spec) {
  const auto type = spec.sm_config.find("type");
  if (type != spec.sm_config.end() && type->second == "raw") return ImageFormat::raw;
  // Two writers of one qcow2 image destroy it.
  return spec.sharable ? ImageFormat::raw : spec.format;
}

void refuse_sharable(const std::string& vdi, const VdiRecord& record) {
  if (record.sharable) throw Failure("VDI_IS_SHARABLE", {vdi});
}

// Listed, so that nobody takes the disk for gone; every use of it fails and says why.
VdiInfo describe_damaged(const std::string& vdi, const std::string& reason) {
  VdiInfo info;
  info.uuid = vdi;
  info.location = vdi;
  info.name = "damaged " + vdi;
  info.description = "The record of this disk cannot be read.";
  info.type = "user";
  info.read_only = true;
  info.sm_config = {{"damaged", reason}};
  return info;
}

}  // namespace

// A node being made: its name is protected from the removal of garbage, and its file is removed
// again unless commit() took it over.
class FileRepository::NewNode {
 public:
  NewNode(FileRepository& repository, ImageFormat format)
      : repository_(repository), name_(new_node_name(format)), format_(format) {
    Lock lock(repository_.mutex_);
    repository_.being_made_.insert(name_);
  }
  ~NewNode() {
    if (kept_) return;
    unlink(path().c_str());
    Lock lock(repository_.mutex_);
    repository_.being_made_.erase(name_);
  }
  NewNode(const NewNode&) = delete;
  NewNode& operator=(const NewNode&) = delete;

  const std::string& name() const { return name_; }
  ImageFormat format() const { return format_; }
  std::string path() const { return repository_.nodes_.path(name_); }

  // The image is complete: puts it on disk and reads what it became.
  Node finish() const {
    fault_point("file.node.made");
    sync_file(path());
    sync_directory(repository_.nodes_.directory());
    fault_point("file.node.synced");
    return read_node(repository_.nodes_.directory(), name_);
  }
  // With the repository's lock held.
  void keep() {
    kept_ = true;
    repository_.being_made_.erase(name_);
  }

 private:
  FileRepository& repository_;
  const std::string name_;
  const ImageFormat format_;
  bool kept_ = false;
};

FileRepository::FileRepository(std::string sr, std::string location,
                               const ReadyImages& ready_images)
    : sr_(std::move(sr)),
      location_(std::move(location)),
      ready_images_(ready_images),
      nodes_(nodes_directory(location_)) {
  const auto found = read_sr_record(location_);
  if (!found)
    throw backend_failure(BackendError::sr_unavailable,
                          "there is no storage repository in " + location_);
  if (found->uuid != sr_)
    throw backend_failure(BackendError::sr_unavailable,
                          location_ + " holds another storage repository: " + found->uuid);
  lock_ = lock_sr(location_);
  Lock lock(mutex_);
  load();
}

void FileRepository::load() {
  vdis_ = read_vdi_records(location_);
  nodes_.load(being_made_);
  for (const auto& [vdi, record] : vdis_.good) nodes_.add_user(record.node);
  everything_known_ = vdis_.damaged.empty();
  for (const auto& [vdi, record] : vdis_.good) {
    try {
      nodes_.chain(record.node);
    } catch (const Failure&) {
      everything_known_ = false;
    }
  }
  if (everything_known_) nodes_.remove_files(nodes_.take_all_unneeded());
}

const VdiRecord& FileRepository::record(const std::string& vdi) const {
  const auto found = vdis_.good.find(vdi);
  if (found != vdis_.good.end()) return found->second;
  const auto damaged = vdis_.damaged.find(vdi);
  if (damaged == vdis_.damaged.end()) throw vdi_missing(sr_, vdi);
  throw backend_failure(BackendError::vdi_unavailable,
                        "the record of VDI " + vdi + " is damaged: " + damaged->second);
}

VdiRecord FileRepository::copy_of_record(const std::string& vdi) {
  Lock lock(mutex_);
  return record(vdi);
}

VdiInfo FileRepository::describe(const std::string& vdi) const {
  const VdiRecord& from = record(vdi);
  const Node* node = nodes_.find(from.node);
  VdiInfo info;
  info.uuid = vdi;
  info.location = vdi;
  info.name = from.name;
  info.description = from.description;
  info.type = from.type;
  info.virtual_size = node != nullptr ? node->virtual_size : from.virtual_size;
  info.physical_utilisation = nodes_.private_bytes(from.node);
  info.read_only = from.read_only;
  info.sharable = from.sharable;
  info.is_a_snapshot = from.is_a_snapshot;
  info.snapshot_of = from.snapshot_of;
  info.snapshot_time = from.snapshot_time;
  info.format = node_format(from.node).value();
  info.sm_config = from.sm_config;
  return info;
}

SrState FileRepository::state() {
  struct statvfs status;
  if (statvfs(location_.c_str(), &status) != 0) throw system_failure("statvfs " + location_, errno);
  const auto unit = static_cast<std::int64_t>(status.f_frsize);
  SrState state;
  state.physical_size = unit * static_cast<std::int64_t>(status.f_blocks);
  state.physical_utilisation = unit * static_cast<std::int64_t>(status.f_blocks - status.f_bfree);
  Lock lock(mutex_);
  for (const auto& [vdi, record] : vdis_.good) {
    const Node* node = nodes_.find(record.node);
    state.virtual_allocation += node != nullptr ? node->virtual_size : record.virtual_size;
  }
  return state;
}

std::vector<VdiInfo> FileRepository::scan() {
  Lock lock(mutex_);
  load();
  std::vector<VdiInfo> all;
  all.reserve(vdis_.good.size() + vdis_.damaged.size());
  for (const auto& [vdi, record] : vdis_.good) all.push_back(describe(vdi));
  for (const auto& [vdi, reason] : vdis_.damaged) all.push_back(describe_damaged(vdi, reason));
  return all;
}

VdiInfo FileRepository::info(const std::string& vdi) {
  Lock lock(mutex_);
  return describe(vdi);
}

void FileRepository::refuse_existing(const std::string& vdi) {
  Lock lock(mutex_);
  if (vdis_.good.contains(vdi) || vdis_.damaged.contains(vdi))
    throw backend_failure(BackendError::vdi_exists, "there is a VDI " + vdi + " already");
}

VdiInfo FileRepository::create(const VdiSpec& spec, Transfer& transfer) {
  refuse_existing(spec.uuid);
  VdiSpec sized = spec;
  const bool filled = spec.sm_config.contains("image");
  if (!filled || spec.virtual_size != 0)
    sized.virtual_size = checked_virtual_size(spec.uuid, spec.virtual_size, largest_image_bytes);
  std::unique_ptr<NewNode> node;
  if (filled) {
    node = from_ready_image(sized, transfer);
  } else {
    node = std::make_unique<NewNode>(*this, wanted_format(sized));
    make_image(node->path(), node->format(), sized.virtual_size);
  }
  return commit(spec.uuid, make_record(new_description(sized), node->name()), *node);
}

// What counts is the look at our own copy, which nobody can change any more; the look before only
// saves the copying of what is refused.
std::unique_ptr<FileRepository::NewNode> FileRepository::from_ready_image(const VdiSpec& spec,
                                                                          Transfer& transfer) {
  const auto check_size = [&](std::int64_t size) {
    if (spec.virtual_size != 0 && spec.virtual_size < size) throw vdi_too_small(spec.uuid, size);
    checked_virtual_size(spec.uuid, size, largest_image_bytes);
    return size;
  };
  const bool raw = wanted_format(spec) == ImageFormat::raw;
  const UniqueFd image = ready_images_.open(spec.sm_config.at("image"));
  check_size(foreign_header(image.get()).virtual_size);
  auto node = std::make_unique<NewNode>(*this, ImageFormat::qcow2);
  transfer.begin_part(0, raw ? 0.5 : 1);
  copy_file(image.get(), node->path(), transfer);
  fault_point("file.image.copied");
  const std::int64_t size = check_size(inspect_foreign_image(node->path()).virtual_size);
  if (raw) {
    auto converted = std::make_unique<NewNode>(*this, ImageFormat::raw);
    transfer.begin_part(0.5, 1);
    convert_image(node->path(), node->format(), converted->path(), converted->format(), transfer);
    node = std::move(converted);
  }
  if (spec.virtual_size > size) grow_image(node->path(), node->format(), spec.virtual_size);
  return node;
}

VdiInfo FileRepository::create_from(const VdiSpec& spec, const Content& content,
                                    Transfer& transfer) {
  refuse_existing(spec.uuid);
  VdiSpec sized = spec;
  if (sized.virtual_size == 0) sized.virtual_size = content.virtual_size;
  sized.virtual_size = checked_virtual_size(spec.uuid, sized.virtual_size, largest_image_bytes);
  if (sized.virtual_size < content.virtual_size)
    throw vdi_too_small(spec.uuid, content.virtual_size);
  NewNode node(*this, wanted_format(sized));
  if (content.path.empty()) {
    make_image(node.path(), node.format(), sized.virtual_size);
  } else {
    convert_image(content.path, content.format, node.path(), node.format(), transfer);
    fault_point("file.copy.converted");
    if (sized.virtual_size > content.virtual_size)
      grow_image(node.path(), node.format(), sized.virtual_size);
  }
  transfer.stop_if_cancelled();
  return commit(spec.uuid, make_record(new_description(sized), node.name()), node);
}

VdiInfo FileRepository::commit(const std::string& vdi, VdiRecord record, NewNode& node) {
  Node made = node.finish();
  record.virtual_size = made.virtual_size;
  std::vector<std::string> freed;
  VdiInfo info;
  {
    Lock lock(mutex_);
    nodes_.add(std::move(made));
    try {
      write_vdi_record(location_, vdi, record);
    } catch (...) {
      // It may be in place all the same, when only its last sync failed; what is there counts.
      being_made_.erase(node.name());
      load();
      if (nodes_.users(node.name()) > 0) node.keep();
      throw;
    }
    node.keep();
    nodes_.add_user(record.node);
    VdiRecord& kept = vdis_.good[vdi];
    if (!kept.node.empty()) nodes_.remove_user(kept.node);
    if (!kept.node.empty() && everything_known_) freed = nodes_.take_unneeded(kept.node);
    kept = std::move(record);
    info = describe(vdi);
  }
  fault_point("file.record.written");
  nodes_.remove_files(freed);
  return info;
}

void FileRepository::switch_back(const std::string& vdi, const VdiRecord& record) {
  std::vector<std::string> freed;
  {
    Lock lock(mutex_);
    write_vdi_record(location_, vdi, record);
    VdiRecord& kept = vdis_.good.at(vdi);
    nodes_.add_user(record.node);
    nodes_.remove_user(kept.node);
    if (everything_known_) freed = nodes_.take_unneeded(kept.node);
    kept = record;
  }
  nodes_.remove_files(freed);
}

void FileRepository::destroy(const std::string& vdi) {
  std::vector<std::string> freed;
  {
    Lock lock(mutex_);
    const bool damaged = vdis_.damaged.contains(vdi);
    const std::string node = damaged ? "" : record(vdi).node;
    fault_point("file.destroy.begun");
    remove_vdi_record(location_, vdi);
    if (damaged) {
      load();
      return;
    }
    vdis_.good.erase(vdi);
    nodes_.remove_user(node);
    if (everything_known_) freed = nodes_.take_unneeded(node);
  }
  fault_point("file.record.removed");
  nodes_.remove_files(freed);
}

std::unique_ptr<FileRepository::NewNode> FileRepository::overlay(const std::string& below,
                                                                 std::int64_t virtual_size) {
  auto node = std::make_unique<NewNode>(*this, ImageFormat::qcow2);
  make_overlay(node->path(), below, node_format(below).value(), virtual_size);
  return node;
}

void FileRepository::refuse_longer_chain(const std::string& node) {
  Lock lock(mutex_);
  if (nodes_.chain(node).size() < longest_chain) return;
  throw backend_failure(BackendError::chain_too_long,
                        "the disk stands on " + std::to_string(longest_chain) +
                            " images already; copy it to start anew, or remove snapshots");
}

bool FileRepository::shared(const std::string& node) {
  Lock lock(mutex_);
  return nodes_.has_children(node);
}

std::int64_t FileRepository::size_of(const std::string& node) {
  Lock lock(mutex_);
  return nodes_.chain(node).front()->virtual_size;
}

VdiInfo FileRepository::branch(Branch kind, const std::string& vdi, const VdiSpec& names,
                               bool being_written) {
  refuse_existing(names.uuid);
  const VdiRecord origin = copy_of_record(vdi);
  refuse_sharable(vdi, origin);
  refuse_longer_chain(origin.node);
  const VdiInfo description = info(vdi);
  const auto branched = overlay(origin.node, description.virtual_size);
  const VdiRecord made =
      make_record(branch_description(kind, description, names), branched->name());
  if (!being_written) return commit(names.uuid, made, *branched);

  // The writer's new image comes first: should we die in between, it is empty and the disk reads as
  // before, whether its writer is told or not.
  const auto leaf = overlay(origin.node, description.virtual_size);
  VdiRecord moved = origin;
  moved.node = leaf->name();
  commit(vdi, moved, *leaf);
  fault_point("file.branch.moved");
  try {
    return commit(names.uuid, made, *branched);
  } catch (...) {
    switch_back(vdi, origin);
    throw;
  }
}

VdiInfo FileRepository::revert(const std::string& vdi, const std::string& snapshot) {
  VdiRecord record = copy_of_record(vdi);
  const VdiRecord from = copy_of_record(snapshot);
  refuse_sharable(vdi, record);
  refuse_sharable(snapshot, from);
  if (record.read_only) throw Failure("VDI_READONLY", {vdi});
  refuse_longer_chain(from.node);
  const auto node = overlay(from.node, size_of(from.node));
  record.node = node->name();
  return commit(vdi, record, *node);
}

VdiInfo FileRepository::resize(const std::string& vdi, std::int64_t virtual_size) {
  VdiRecord record = copy_of_record(vdi);
  if (record.read_only) throw Failure("VDI_READONLY", {vdi});
  const std::int64_t size = checked_virtual_size(vdi, virtual_size, largest_image_bytes);
  if (size <= size_of(record.node)) return info(vdi);
  if (shared(record.node)) {
    refuse_longer_chain(record.node);
    const auto node = overlay(record.node, size);
    record.node = node->name();
    return commit(vdi, record, *node);
  }
  grow_image(nodes_.path(record.node), node_format(record.node).value(), size);
  fault_point("file.image.grown");
  sync_file(nodes_.path(record.node));
  record.virtual_size = size;
  Lock lock(mutex_);
  write_vdi_record(location_, vdi, record);
  vdis_.good.at(vdi) = record;
  nodes_.set_size(record.node, size);
  return describe(vdi);
}

VdiInfo FileRepository::set(const std::string& vdi, const Config& changes) {
  Lock lock(mutex_);
  VdiInfo changed = describe(vdi);
  const VdiRecord& old = record(vdi);
  apply_changes(changed, changes);
  const bool one_raw_image = changed.format == ImageFormat::raw && !nodes_.has_children(old.node);
  if (changed.sharable && !old.sharable && !one_raw_image)
    throw Failure("VDI_INCOMPATIBLE_TYPE", {vdi, "only a raw disk without clones can be shared"});
  const VdiRecord record = make_record(changed, old.node);
  write_vdi_record(location_, vdi, record);
  vdis_.good.at(vdi) = record;
  return changed;
}

// The files are read again, because this is the moment before other programs open them.
void FileRepository::check_chain(const std::string& vdi) const {
  try {
    for (const Node* node : nodes_.chain(record(vdi).node))
      if (read_node(nodes_.directory(), node->name).parent != node->parent)
        throw internal_error("image " + node->name + " is not what it was");
  } catch (const Failure& failure) {
    if (failure.code() != "INTERNAL_ERROR") throw;
    throw backend_failure(BackendError::vdi_unavailable,
                          "VDI " + vdi + " cannot be used: " + failure.params().front());
  }
}

DiskSource FileRepository::source(const std::string& vdi) {
  Lock lock(mutex_);
  const VdiRecord& shown = record(vdi);
  return {nodes_.path(shown.node), node_format(shown.node).value(), shown.read_only};
}

DiskSource FileRepository::open(const std::string& vdi, bool read_write) {
  {
    Lock lock(mutex_);
    check_chain(vdi);
  }
  VdiRecord record = copy_of_record(vdi);
  if (read_write && shared(record.node)) {
    refuse_longer_chain(record.node);
    const auto leaf = overlay(record.node, size_of(record.node));
    record.node = leaf->name();
    commit(vdi, record, *leaf);
  }
  DiskSource opened = source(vdi);
  opened.read_only = !read_write;
  return opened;
}

Content FileRepository::content(const std::string& vdi) {
  Lock lock(mutex_);
  check_chain(vdi);
  const Node* node = nodes_.chain(record(vdi).node).front();
  return {nodes_.path(node->name), node->format, node->virtual_size};
}

}  // namespace xcp::sm
