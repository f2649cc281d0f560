// SPDX-License-Identifier: GPL-2.0-or-later
// SR type "file": a directory that the administrator names.
#include <sys/stat.h>

#include <filesystem>

#include "base/fault.hpp"
#include "sm/drivers.hpp"
#include "sm/failures.hpp"
#include "sm/file/layout.hpp"
#include "sm/file/repository.hpp"

namespace xcp::sm {

namespace {

class FileDriver : public Driver {
 public:
  explicit FileDriver(const ReadyImages& ready_images) : ready_images_(ready_images) {}

  DriverInfo info() const override {
    DriverInfo info;
    info.type = "file";
    info.name = "Directory";
    info.description = "Disk images (qcow2, raw) in a directory of this host";
    info.vendor = "Kronos";
    info.version = "1.0";
    info.configuration = {{"location", "the directory; made if missing"}};
    info.required_configuration = info.configuration;
    info.features = {"SR_PROBE",     "VDI_CREATE",       "VDI_DELETE",     "VDI_ATTACH",
                     "VDI_DETACH",   "VDI_ACTIVATE",     "VDI_DEACTIVATE", "VDI_CLONE",
                     "VDI_SNAPSHOT", "VDI_REVERT",       "VDI_RESIZE",     "VDI_UPDATE",
                     "LARGE_VDI",    "THIN_PROVISIONING"};
    return info;
  }

  std::vector<ProbeResult> probe(const Config& device_config) override {
    const std::string location = absolute_path(device_config, "location");
    ProbeResult result;
    result.configuration = {{"location", location}};
    if (const auto found = read_sr_record(location)) result.sr_uuid = found->uuid;
    return {result};
  }

  void create(const SrSpec& spec, std::int64_t) override {
    const std::string location = absolute_path(spec.device_config, "location");
    std::filesystem::create_directories(std::filesystem::path(location).parent_path());
    const bool made = mkdir(location.c_str(), 0711) == 0;
    fault_point("file.sr_create.directory");
    make_file_layout(location, spec.uuid, made);
  }

  std::unique_ptr<Repository> plug(const SrSpec& spec) override {
    return std::make_unique<FileRepository>(
        spec.uuid, absolute_path(spec.device_config, "location"), ready_images_);
  }

  void unplug(const SrSpec&) override {}

  void destroy(const SrSpec& spec) override {
    remove_file_layout(absolute_path(spec.device_config, "location"), spec.uuid);
  }

 private:
  const ReadyImages& ready_images_;
};

}  // namespace

std::unique_ptr<Driver> make_file_driver(const ReadyImages& ready_images) {
  return std::make_unique<FileDriver>(ready_images);
}

}  // namespace xcp::sm
