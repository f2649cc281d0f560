// SPDX-License-Identifier: GPL-2.0-or-later
// SR type "dummy": disks that are only remembered, for the simulated host and for tests of scale.
// No content is kept: every disk reads as zeros. Descriptions are durable like those of any SR (one
// log file for each SR, calls that end together share one sync). An attached disk is /dev/null,
// read through the format raw; only a suspend image is a file of its own beside the log, because
// what a guest saves there must come back. Sizes follow a fixed rule: a new disk uses an eighth of
// its virtual size, what is branched from another a sixty-fourth, and the SR is full when the sum
// is its size.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/fault.hpp"
#include "base/fd.hpp"
#include "sm/drivers.hpp"
#include "sm/failures.hpp"
#include "sm/images.hpp"
#include "sm/record_log.hpp"

namespace xcp::sm {

namespace {

constexpr const char* header = R"({"dummy_sr":1})";
constexpr const char* size_key = "size";
constexpr std::int64_t default_size = std::int64_t{16} << 40;
constexpr std::int64_t largest_disk = std::int64_t{64} << 40;
constexpr std::int64_t share_of_new = 8;
constexpr std::int64_t share_of_branched = 64;

class DummyRepository : public Repository {
 public:
  DummyRepository(std::string sr, const std::string& path, const ReadyImages& ready_images)
      : sr_(std::move(sr)),
        ready_images_(ready_images),
        suspend_prefix_(path + ".suspend-"),
        log_(path, header, RecordLog::Keep::over_power_loss, RecordLog::Stranger::refuse) {
    for (const auto& [key, value] : log_.records()) {
      if (key == size_key) {
        physical_size_ = from_json<std::int64_t>(value);
        continue;
      }
      const VdiInfo& vdi = vdis_[key] = from_json<VdiInfo>(value);
      count(vdi, 1);
    }
  }

  SrState state() override {
    std::lock_guard lock(mutex_);
    return {physical_size_, used_, allocated_};
  }

  std::vector<VdiInfo> scan() override {
    std::lock_guard lock(mutex_);
    std::vector<VdiInfo> all;
    all.reserve(vdis_.size());
    for (const auto& [uuid, vdi] : vdis_) all.push_back(vdi);
    return all;
  }

  VdiInfo info(const std::string& vdi) override {
    std::lock_guard lock(mutex_);
    return find(vdi);
  }

  VdiInfo create(const VdiSpec& spec, Transfer&) override {
    VdiInfo made = new_description(spec);
    const auto image = spec.sm_config.find("image");
    if (image != spec.sm_config.end() && !is_image_name(image->second))
      throw backend_failure(BackendError::vdi_create,
                            "\"" + image->second + "\" cannot be the name of an image");
    // Only this needs the image itself to be there.
    if (image != spec.sm_config.end() && spec.virtual_size == 0)
      made.virtual_size = read_qcow2_header(ready_images_.open(image->second).get()).virtual_size;
    made.virtual_size = checked_virtual_size(spec.uuid, made.virtual_size, largest_disk);
    return add(std::move(made), share_of_new);
  }

  VdiInfo create_from(const VdiSpec& spec, const Content& content, Transfer& transfer) override {
    transfer.stop_if_cancelled();
    VdiInfo made = new_description(spec);
    if (made.virtual_size == 0) made.virtual_size = content.virtual_size;
    if (made.virtual_size < content.virtual_size)
      throw vdi_too_small(spec.uuid, content.virtual_size);
    made.virtual_size = checked_virtual_size(spec.uuid, made.virtual_size, largest_disk);
    if (made.type == "suspend" && !content.path.empty())
      write_file_durably(path_for(made), read_file(content.path).value_or(""), 0600);
    return add(std::move(made), share_of_new);
  }

  void destroy(const std::string& vdi) override {
    std::uint64_t ticket = 0;
    {
      std::lock_guard lock(mutex_);
      const VdiInfo gone = find(vdi);
      ticket = log_.erase(vdi);
      count(gone, -1);
      vdis_.erase(vdi);
    }
    log_.flush(ticket);
    unlink((suspend_prefix_ + vdi).c_str());
  }

  VdiInfo resize(const std::string& vdi, std::int64_t virtual_size) override {
    const std::int64_t size = checked_virtual_size(vdi, virtual_size, largest_disk);
    return change(vdi, [&](VdiInfo& info) {
      if (info.read_only) throw Failure("VDI_READONLY", {vdi});
      info.virtual_size = size;
    });
  }

  VdiInfo branch(Branch kind, const std::string& vdi, const VdiSpec& names, bool) override {
    const VdiInfo origin = info(vdi);
    if (origin.sharable) throw Failure("VDI_IS_SHARABLE", {vdi});
    VdiInfo made = branch_description(kind, origin, names);
    made.format = origin.format;
    return add(std::move(made), share_of_branched);
  }

  VdiInfo revert(const std::string& vdi, const std::string& snapshot) override {
    const std::int64_t size = info(snapshot).virtual_size;
    return change(vdi, [&](VdiInfo& info) {
      if (info.read_only) throw Failure("VDI_READONLY", {vdi});
      info.virtual_size = size;
    });
  }

  VdiInfo set(const std::string& vdi, const Config& changes) override {
    return change(vdi, [&](VdiInfo& info) { apply_changes(info, changes); });
  }

  DiskSource open(const std::string& vdi, bool read_write) override {
    const std::string path = path_for(info(vdi));
    if (path != "/dev/null")
      UniqueFd made(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    return {path, ImageFormat::raw, !read_write};
  }

  DiskSource source(const std::string& vdi) override {
    const VdiInfo known = info(vdi);
    return {path_for(known), ImageFormat::raw, known.read_only};
  }

  Content content(const std::string& vdi) override {
    const VdiInfo known = info(vdi);
    const bool kept = known.type == "suspend";
    return {kept ? path_for(known) : "", ImageFormat::raw, known.virtual_size};
  }

 private:
  std::string path_for(const VdiInfo& vdi) const {
    return vdi.type == "suspend" ? suspend_prefix_ + vdi.uuid : "/dev/null";
  }

  const VdiInfo& find(const std::string& vdi) const {
    const auto found = vdis_.find(vdi);
    if (found == vdis_.end()) throw vdi_missing(sr_, vdi);
    return found->second;
  }

  void count(const VdiInfo& vdi, int sign) {
    used_ += sign * vdi.physical_utilisation;
    allocated_ += sign * vdi.virtual_size;
  }

  VdiInfo add(VdiInfo made, std::int64_t share) {
    made.physical_utilisation = made.virtual_size / share;
    std::uint64_t ticket = 0;
    {
      std::lock_guard lock(mutex_);
      if (vdis_.contains(made.uuid))
        throw backend_failure(BackendError::vdi_exists, "there is a VDI " + made.uuid + " already");
      if (used_ + made.physical_utilisation > physical_size_)
        throw backend_failure(BackendError::no_space, "there is not enough space in the SR");
      ticket = log_.put(made.uuid, to_json(made));
      count(made, 1);
      vdis_[made.uuid] = made;
    }
    log_.flush(ticket);
    return made;
  }

  template <class Change>
  VdiInfo change(const std::string& vdi, Change&& apply) {
    VdiInfo changed;
    std::uint64_t ticket = 0;
    {
      std::lock_guard lock(mutex_);
      const VdiInfo old = find(vdi);
      changed = old;
      apply(changed);
      ticket = log_.put(vdi, to_json(changed));
      count(old, -1);
      count(changed, 1);
      vdis_[vdi] = changed;
    }
    log_.flush(ticket);
    return changed;
  }

  const std::string sr_;
  const ReadyImages& ready_images_;
  const std::string suspend_prefix_;
  RecordLog log_;

  std::mutex mutex_;
  std::map<std::string, VdiInfo> vdis_;
  std::int64_t physical_size_ = default_size;
  std::int64_t used_ = 0;
  std::int64_t allocated_ = 0;
};

class DummyDriver : public Driver {
 public:
  DummyDriver(const ReadyImages& ready_images, std::string directory)
      : ready_images_(ready_images), directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
    remove_unfinished_writes(directory_);
  }

  DriverInfo info() const override {
    DriverInfo info;
    info.type = "dummy";
    info.name = "Simulated";
    info.description = "Disks without content, for simulated hosts";
    info.vendor = "Kronos";
    info.version = "1.0";
    info.features = {"SR_PROBE",     "VDI_CREATE",       "VDI_DELETE",     "VDI_ATTACH",
                     "VDI_DETACH",   "VDI_ACTIVATE",     "VDI_DEACTIVATE", "VDI_CLONE",
                     "VDI_SNAPSHOT", "VDI_REVERT",       "VDI_RESIZE",     "VDI_UPDATE",
                     "LARGE_VDI",    "THIN_PROVISIONING"};
    return info;
  }

  std::vector<ProbeResult> probe(const Config&) override { return {ProbeResult{}}; }

  void create(const SrSpec& spec, std::int64_t size) override {
    if (size < 0) throw backend_failure(BackendError::invalid_argument, "a size below zero");
    const std::string path = path_of(spec);
    if (std::filesystem::exists(path)) throw Failure("SR_UUID_EXISTS", {spec.uuid});
    const std::string beginning = header + ("\n{\"k\":\"" + std::string(size_key) + "\",\"v\":") +
                                  std::to_string(size == 0 ? default_size : size) + "}\n";
    write_file_durably(path, beginning, 0600);
    fault_point("dummy.sr_create.made");
  }

  std::unique_ptr<Repository> plug(const SrSpec& spec) override {
    if (!std::filesystem::exists(path_of(spec)))
      throw backend_failure(BackendError::sr_unavailable, "there is no such storage repository");
    return std::make_unique<DummyRepository>(spec.uuid, path_of(spec), ready_images_);
  }

  void unplug(const SrSpec&) override {}

  void destroy(const SrSpec& spec) override {
    if (unlink(path_of(spec).c_str()) != 0 && errno != ENOENT)
      throw system_failure("remove " + path_of(spec), errno);
    sync_directory(directory_);
  }

 private:
  std::string path_of(const SrSpec& spec) const { return directory_ + '/' + spec.uuid + ".log"; }

  const ReadyImages& ready_images_;
  const std::string directory_;
};

}  // namespace

std::unique_ptr<Driver> make_dummy_driver(const ReadyImages& ready_images,
                                          const std::string& directory) {
  return std::make_unique<DummyDriver>(ready_images, directory);
}

}  // namespace xcp::sm
