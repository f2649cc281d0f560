// SPDX-License-Identifier: GPL-2.0-or-later
// SR type "ext": a whole block device with an ext4 file system, mounted below the state directory
// while the SR is plugged; in it, everything is as in an SR of type "file". The mount stays when
// the daemon ends, because guests go on without it.
#include <filesystem>

#include "base/fault.hpp"
#include "sm/drivers.hpp"
#include "sm/ext/device.hpp"
#include "sm/failures.hpp"
#include "sm/file/layout.hpp"
#include "sm/file/repository.hpp"

namespace xcp::sm {

namespace {

using Signature = std::map<std::string, std::string>;

std::string value_of(const Signature& signature, const std::string& key) {
  const auto found = signature.find(key);
  return found == signature.end() ? "" : found->second;
}

bool is_file_system_of(const Signature& signature, const std::string& sr, const char* label) {
  return value_of(signature, "UUID") == sr && value_of(signature, "LABEL") == label;
}

bool forced(const Config& device_config) {
  const auto force = device_config.find("force");
  return force != device_config.end() && force->second == "true";
}

void refuse_content(const std::string& device, const Signature& found, const SrSpec& spec) {
  if (is_file_system_of(found, spec.uuid, sr_label)) throw Failure("SR_UUID_EXISTS", {spec.uuid});
  // What a killed sr_create of this very SR left.
  if (is_file_system_of(found, spec.uuid, unfinished_sr_label)) return;
  if (found.empty() || forced(spec.device_config)) return;
  const std::string type = value_of(found, "TYPE");
  const std::string table = value_of(found, "PTTYPE");
  throw backend_failure(BackendError::sr_exists,
                        device + " is not empty: it holds " +
                            (!type.empty() ? type : "a partition table (" + table + ")") +
                            "; device_config force=true overwrites it");
}

class ExtDriver : public Driver {
 public:
  ExtDriver(const ReadyImages& ready_images, std::string directory)
      : ready_images_(ready_images), directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
  }

  DriverInfo info() const override {
    DriverInfo info;
    info.type = "ext";
    info.name = "Local disk with a file system";
    info.description = "Disk images (qcow2, raw) in an ext4 file system on a block device";
    info.vendor = "Kronos";
    info.version = "1.0";
    info.configuration = {{"device", "the block device; all of it is used"},
                          {"force", "\"true\" overwrites what is on the device"}};
    info.required_configuration = {{"device", "the block device; all of it is used"}};
    info.features = {"SR_PROBE",     "VDI_CREATE",       "VDI_DELETE",     "VDI_ATTACH",
                     "VDI_DETACH",   "VDI_ACTIVATE",     "VDI_DEACTIVATE", "VDI_CLONE",
                     "VDI_SNAPSHOT", "VDI_REVERT",       "VDI_RESIZE",     "VDI_UPDATE",
                     "LARGE_VDI",    "THIN_PROVISIONING"};
    return info;
  }

  void tidy(const std::set<std::string>& remembered) override {
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
      if (!remembered.contains(entry.path().filename())) detach_directory(entry.path());
  }

  std::vector<ProbeResult> probe(const Config& device_config) override {
    const std::string device = device_of(device_config);
    const Signature found = signature_of(device);
    ProbeResult result;
    result.configuration = {{"device", device}};
    if (value_of(found, "LABEL") == sr_label)
      result.sr_uuid = value_of(found, "UUID");
    else if (!found.empty())
      result.extra = found;
    return {result};
  }

  void create(const SrSpec& spec, std::int64_t) override {
    const std::string device = device_of(spec.device_config);
    check_free_block_device(device);
    refuse_content(device, signature_of(device), spec);
    make_file_system(device, spec.uuid);
    fault_point("ext.sr_create.formatted");
    mount_device(device, mount_point(spec));
    try {
      fault_point("ext.sr_create.mounted");
      make_file_layout(mount_point(spec), spec.uuid, false);
    } catch (...) {
      unmount_directory(mount_point(spec));
      throw;
    }
    unmount_directory(mount_point(spec));
    fault_point("ext.sr_create.unmounted");
    label_file_system(device, sr_label);
  }

  std::unique_ptr<Repository> plug(const SrSpec& spec) override {
    const std::string device = device_of(spec.device_config);
    if (!is_file_system_of(signature_of(device), spec.uuid, sr_label))
      throw backend_failure(BackendError::sr_unavailable,
                            "there is no storage repository " + spec.uuid + " on " + device);
    mount_device(device, mount_point(spec));
    try {
      fault_point("ext.plug.mounted");
      return std::make_unique<FileRepository>(spec.uuid, mount_point(spec), ready_images_);
    } catch (...) {
      unmount_directory(mount_point(spec));
      throw;
    }
  }

  void unplug(const SrSpec& spec) override { unmount_directory(mount_point(spec)); }

  void destroy(const SrSpec& spec) override {
    const std::string device = device_of(spec.device_config);
    unmount_directory(mount_point(spec));
    if (is_file_system_of(signature_of(device), spec.uuid, sr_label)) wipe_signatures(device);
  }

 private:
  static std::string device_of(const Config& device_config) {
    return absolute_path(device_config, "device");
  }
  std::string mount_point(const SrSpec& spec) const { return directory_ + '/' + spec.uuid; }

  const ReadyImages& ready_images_;
  const std::string directory_;
};

}  // namespace

std::unique_ptr<Driver> make_ext_driver(const ReadyImages& ready_images,
                                        const std::string& directory) {
  return std::make_unique<ExtDriver>(ready_images, directory);
}

}  // namespace xcp::sm
