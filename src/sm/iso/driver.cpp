// SPDX-License-Identifier: GPL-2.0-or-later
// SR type "iso": the *.iso and *.img files of one directory, as read-only disks. Nothing is ever
// written there and nothing is remembered: a disk's uuid follows from the SR's uuid and the file's
// name, so it stays the same wherever the SR is plugged. Only regular files count (a link could
// lead a guest to any file of this host), and only names that are UTF-8.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/string_generator.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cerrno>
#include <map>
#include <memory>

#include "base/describe.hpp"
#include "sm/drivers.hpp"
#include "sm/failures.hpp"

namespace xcp::sm {

namespace {

bool ends_like_a_medium(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name.ends_with(".iso") || name.ends_with(".img");
}

bool is_text(const std::string& name) {
  try {
    return parse_json(json_text(json::value(name))).as_string() == name;
  } catch (const Failure&) {
    return false;
  }
}

std::string uuid_of(const std::string& sr, const std::string& name) {
  boost::uuids::name_generator_sha1 generator(boost::uuids::string_generator{}(sr));
  return boost::uuids::to_string(generator(name));
}

class IsoRepository : public Repository {
 public:
  IsoRepository(std::string sr, std::string location)
      : sr_(std::move(sr)), location_(std::move(location)) {
    read_directory();
  }

  SrState state() override {
    struct statvfs status;
    if (statvfs(location_.c_str(), &status) != 0)
      throw system_failure("statvfs " + location_, errno);
    SrState state;
    state.physical_size =
        static_cast<std::int64_t>(status.f_blocks) * static_cast<std::int64_t>(status.f_frsize);
    for (const VdiInfo& vdi : scan()) {
      state.virtual_allocation += vdi.virtual_size;
      state.physical_utilisation += vdi.physical_utilisation;
    }
    return state;
  }

  std::vector<VdiInfo> scan() override {
    std::vector<VdiInfo> all;
    for (auto& [uuid, vdi] : read_directory()) all.push_back(std::move(vdi));
    return all;
  }

  // A file that came since the last scan is found as well.
  VdiInfo info(const std::string& vdi) override {
    const auto all = read_directory();
    const auto found = all.find(vdi);
    if (found == all.end()) throw vdi_missing(sr_, vdi);
    return found->second;
  }

  VdiInfo create(const VdiSpec&, Transfer&) override { refuse(); }
  VdiInfo create_from(const VdiSpec&, const Content&, Transfer&) override { refuse(); }
  void destroy(const std::string&) override { refuse(); }
  VdiInfo resize(const std::string&, std::int64_t) override { refuse(); }
  VdiInfo branch(Branch, const std::string&, const VdiSpec&, bool) override { refuse(); }
  VdiInfo revert(const std::string&, const std::string&) override { refuse(); }
  VdiInfo set(const std::string&, const Config&) override { refuse(); }

  DiskSource open(const std::string& vdi, bool) override { return source(vdi); }
  DiskSource source(const std::string& vdi) override {
    return {location_ + '/' + info(vdi).location, ImageFormat::raw, true};
  }
  Content content(const std::string& vdi) override {
    const VdiInfo medium = info(vdi);
    return {location_ + '/' + medium.location, ImageFormat::raw, medium.virtual_size};
  }

 private:
  [[noreturn]] void refuse() const { throw Failure("SR_OPERATION_NOT_SUPPORTED", {sr_}); }

  std::map<std::string, VdiInfo> read_directory() const {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(location_.c_str()), closedir);
    if (!directory)
      throw backend_failure(BackendError::sr_unavailable,
                            "the directory " + location_ + " cannot be read");
    std::map<std::string, VdiInfo> all;
    while (const dirent* entry = readdir(directory.get())) {
      const std::string name = entry->d_name;
      struct stat status {};
      if (!ends_like_a_medium(name) || !is_text(name) ||
          fstatat(dirfd(directory.get()), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
          !S_ISREG(status.st_mode))
        continue;
      VdiInfo vdi;
      vdi.uuid = uuid_of(sr_, name);
      vdi.location = name;
      vdi.name = name;
      vdi.type = "user";
      vdi.virtual_size = status.st_size;
      vdi.physical_utilisation = std::int64_t{status.st_blocks} * 512;
      vdi.read_only = true;
      vdi.sharable = true;
      vdi.format = ImageFormat::raw;
      all.emplace(vdi.uuid, std::move(vdi));
    }
    return all;
  }

  const std::string sr_;
  const std::string location_;
};

class IsoDriver : public Driver {
 public:
  DriverInfo info() const override {
    DriverInfo info;
    info.type = "iso";
    info.name = "ISO library";
    info.description = "CD and DVD images (*.iso, *.img) in a directory of this host";
    info.vendor = "Kronos";
    info.version = "1.0";
    info.configuration = {{"location", "the directory"},
                          {"legacy_mode", "\"true\" is accepted: the directory is a local one"}};
    info.required_configuration = {{"location", "the directory"}};
    info.features = {"SR_PROBE", "VDI_ATTACH", "VDI_DETACH", "VDI_ACTIVATE", "VDI_DEACTIVATE"};
    return info;
  }

  std::vector<ProbeResult> probe(const Config& device_config) override {
    ProbeResult result;
    result.configuration = {{"location", location_of(device_config)}};
    return {result};
  }

  void create(const SrSpec& spec, std::int64_t) override {
    IsoRepository(spec.uuid, location_of(spec.device_config));
  }

  std::unique_ptr<Repository> plug(const SrSpec& spec) override {
    return std::make_unique<IsoRepository>(spec.uuid, location_of(spec.device_config));
  }

  void unplug(const SrSpec&) override {}
  // The files are the administrator's.
  void destroy(const SrSpec&) override {}

 private:
  static std::string location_of(const Config& device_config) {
    const auto type = device_config.find("type");
    if (type != device_config.end())
      throw Failure("NOT_IMPLEMENTED", {"ISO libraries of type " + type->second});
    return absolute_path(device_config, "location");
  }
};

}  // namespace

std::unique_ptr<Driver> make_iso_driver() {
  return std::make_unique<IsoDriver>();
}

}  // namespace xcp::sm
