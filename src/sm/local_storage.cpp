// SPDX-License-Identifier: GPL-2.0-or-later
// Each call: find the plugged SR, take the disk's lock, look at who uses it, let the repository
// act.
#include "sm/local_storage.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>

#include "base/fault.hpp"
#include "base/fd.hpp"
#include "base/ref.hpp"
#include "sm/data_paths.hpp"
#include "sm/drivers.hpp"
#include "sm/failures.hpp"
#include "sm/plugged_srs.hpp"
#include "sm/ready_images.hpp"
#include "sm/running_transfers.hpp"
#include "sm/vdi_locks.hpp"

namespace xcp::sm {

namespace {

// Uuids become file names.
void check_uuid(const std::string& kind, const std::string& uuid) {
  const bool lower =
      std::none_of(uuid.begin(), uuid.end(), [](unsigned char c) { return std::isupper(c) != 0; });
  if (!is_uuid(uuid) || !lower) throw Failure("UUID_INVALID", {kind, uuid});
}

VdiSpec with_uuid(VdiSpec spec) {
  if (spec.uuid.empty()) spec.uuid = make_uuid();
  check_uuid("VDI", spec.uuid);
  return spec;
}

std::string make_state_directory(const Settings& settings) {
  const std::string directory = settings.state_dir + "/storage";
  std::filesystem::create_directories(directory);
  return directory;
}

UniqueFd lock_state_directory(const std::string& directory) {
  const std::string path = directory + "/lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw system_failure("open " + path, errno);
  if (!lock_file(fd.get())) throw internal_error("another storage daemon uses " + directory);
  remove_unfinished_writes(directory);
  return fd;
}

std::vector<std::unique_ptr<Driver>> tidied(std::vector<std::unique_ptr<Driver>> drivers,
                                            const std::set<std::string>& remembered) {
  for (const auto& driver : drivers) driver->tidy(remembered);
  return drivers;
}

class Local : public LocalStorage {
 public:
  Local(Settings settings, std::vector<std::unique_ptr<Driver>> drivers);

  void stop() override { transfers_.stop(); }

  std::vector<DriverInfo> drivers() override;
  std::vector<ProbeResult> sr_probe(std::string type, Config device_config) override;
  void sr_create(SrSpec spec, std::int64_t size) override;
  void sr_plug(SrSpec spec) override;
  void sr_unplug(std::string sr) override;
  void sr_destroy(SrSpec spec) override;
  std::vector<std::string> srs() override { return plugged_.all(); }
  SrState sr_state(std::string sr) override { return plugged_.use(sr)->state(); }
  std::vector<VdiInfo> sr_scan(std::string sr) override { return plugged_.use(sr)->scan(); }

  VdiInfo vdi_create(std::string sr, VdiSpec spec) override;
  void vdi_destroy(std::string sr, std::string vdi) override;
  VdiInfo vdi_resize(std::string sr, std::string vdi, std::int64_t virtual_size) override;
  VdiInfo vdi_snapshot(std::string sr, std::string vdi, VdiSpec names) override;
  VdiInfo vdi_clone(std::string sr, std::string vdi, VdiSpec names) override;
  VdiInfo vdi_revert(std::string sr, std::string vdi, std::string snapshot) override;
  VdiInfo vdi_copy(std::string sr, std::string vdi, std::string to_sr, VdiSpec names) override;
  double progress(std::string vdi) override;
  void cancel(std::string vdi) override;
  VdiInfo vdi_set(std::string sr, std::string vdi, Config changes) override;

  DiskSource vdi_attach(std::string sr, std::string vdi, std::string data_path,
                        bool read_write) override;
  void vdi_activate(std::string sr, std::string vdi, std::string data_path) override;
  DiskSource vdi_source(std::string sr, std::string vdi) override;
  void vdi_detach(std::string sr, std::string vdi, std::string data_path) override;
  std::vector<DataPath> data_paths() override { return data_paths_.all(); }

 private:
  Driver& driver(const std::string& type);
  VdiInfo branch(Branch kind, const std::string& sr, const std::string& vdi, VdiSpec names);
  void refuse_in_use(const std::string& sr, const std::string& vdi, const std::string& operation);

  const std::string directory_;
  const UniqueFd lock_;
  const ReadyImages ready_images_;
  const std::vector<std::unique_ptr<Driver>> drivers_;  // tidied
  DataPaths data_paths_;
  VdiLocks locks_;
  RunningTransfers transfers_;
  PluggedSrs plugged_;
};

Local::Local(Settings settings, std::vector<std::unique_ptr<Driver>> drivers)
    : directory_(make_state_directory(settings)),
      lock_(lock_state_directory(directory_)),
      ready_images_(settings.image_dir),
      drivers_(
          tidied(drivers.empty() ? make_drivers(ready_images_, directory_) : std::move(drivers),
                 PluggedSrs::remembered(directory_ + "/srs"))),
      data_paths_(directory_ + "/datapaths.log"),
      plugged_(
          directory_ + "/srs", [this](const std::string& type) -> Driver& { return driver(type); },
          settings.report ? settings.report : [](const std::string&) {}) {}

Driver& Local::driver(const std::string& type) {
  for (const auto& driver : drivers_)
    if (driver->info().type == type) return *driver;
  throw Failure("SR_UNKNOWN_DRIVER", {type});
}

std::vector<DriverInfo> Local::drivers() {
  std::vector<DriverInfo> all;
  for (const auto& driver : drivers_) all.push_back(driver->info());
  return all;
}

std::vector<ProbeResult> Local::sr_probe(std::string type, Config device_config) {
  return driver(type).probe(device_config);
}

void Local::sr_create(SrSpec spec, std::int64_t size) {
  check_uuid("SR", spec.uuid);
  naming_no_space([&] { driver(spec.type).create(spec, size); });
}

void Local::sr_plug(SrSpec spec) {
  check_uuid("SR", spec.uuid);
  naming_no_space([&] { plugged_.plug(spec); });
}

void Local::sr_unplug(std::string sr) {
  plugged_.unplug(sr, [&] { return data_paths_.any_of_sr(sr); });
}

void Local::sr_destroy(SrSpec spec) {
  plugged_.destroy(spec.uuid, [&] { return data_paths_.any_of_sr(spec.uuid); });
}

VdiInfo Local::vdi_create(std::string sr, VdiSpec spec) {
  spec = with_uuid(std::move(spec));
  const auto repository = plugged_.use(sr);
  RunningTransfers::Running transfer(transfers_, spec.uuid);
  const auto lock = locks_.alone(spec.uuid);
  return naming_no_space([&] { return repository->create(spec, *transfer); });
}

void Local::refuse_in_use(const std::string& sr, const std::string& vdi,
                          const std::string& operation) {
  if (data_paths_.any(sr, vdi)) throw vdi_in_use(vdi, operation);
}

void Local::vdi_destroy(std::string sr, std::string vdi) {
  const auto repository = plugged_.use(sr);
  const auto lock = locks_.alone(vdi);
  refuse_in_use(sr, vdi, "destroy");
  repository->destroy(vdi);
}

VdiInfo Local::vdi_resize(std::string sr, std::string vdi, std::int64_t virtual_size) {
  const auto repository = plugged_.use(sr);
  const auto lock = locks_.alone(vdi);
  const VdiInfo now = repository->info(vdi);
  if (virtual_size < now.virtual_size) throw vdi_too_small(vdi, now.virtual_size);
  if (virtual_size == now.virtual_size) return now;
  if (data_paths_.any(sr, vdi))
    throw Failure("NOT_IMPLEMENTED", {"resizing a disk while it is in use"});
  return naming_no_space([&] { return repository->resize(vdi, virtual_size); });
}

namespace {

void refuse_itself(const std::string& vdi, const std::string& made) {
  if (vdi == made)
    throw backend_failure(BackendError::vdi_exists, "there is a VDI " + made + " already");
}

}  // namespace

VdiInfo Local::branch(Branch kind, const std::string& sr, const std::string& vdi, VdiSpec names) {
  names = with_uuid(std::move(names));
  const auto repository = plugged_.use(sr);
  refuse_itself(vdi, names.uuid);
  RunningTransfers::Running transfer(transfers_, names.uuid);
  const auto first = locks_.alone(std::min(vdi, names.uuid));
  const auto second = locks_.alone(std::max(vdi, names.uuid));
  return naming_no_space(
      [&] { return repository->branch(kind, vdi, names, data_paths_.writable(sr, vdi)); });
}

VdiInfo Local::vdi_snapshot(std::string sr, std::string vdi, VdiSpec names) {
  return branch(Branch::snapshot, sr, vdi, std::move(names));
}

VdiInfo Local::vdi_clone(std::string sr, std::string vdi, VdiSpec names) {
  return branch(Branch::clone, sr, vdi, std::move(names));
}

VdiInfo Local::vdi_revert(std::string sr, std::string vdi, std::string snapshot) {
  const auto repository = plugged_.use(sr);
  if (vdi == snapshot) return repository->info(vdi);
  const auto first = locks_.alone(std::min(vdi, snapshot));
  const auto second = locks_.alone(std::max(vdi, snapshot));
  refuse_in_use(sr, vdi, "revert");
  if (data_paths_.writable(sr, snapshot)) throw vdi_in_use(snapshot, "revert");
  return naming_no_space([&] { return repository->revert(vdi, snapshot); });
}

VdiInfo Local::vdi_copy(std::string sr, std::string vdi, std::string to_sr, VdiSpec names) {
  names = with_uuid(std::move(names));
  const auto from = plugged_.use(sr);
  const auto to = plugged_.use(to_sr);
  refuse_itself(vdi, names.uuid);
  RunningTransfers::Running transfer(transfers_, names.uuid);
  const VdiLocks::Held first(locks_, std::min(vdi, names.uuid), names.uuid < vdi);
  const VdiLocks::Held second(locks_, std::max(vdi, names.uuid), names.uuid > vdi);
  if (data_paths_.writable(sr, vdi)) throw vdi_in_use(vdi, "copy");
  const VdiInfo origin = from->info(vdi);
  if (names.name.empty()) names.name = origin.name;
  if (names.description.empty()) names.description = origin.description;
  names.type = origin.type;
  // Says how the origin was made; the copy is made from the origin.
  names.sm_config.erase("image");
  const Content content = from->content(vdi);
  return naming_no_space([&] { return to->create_from(names, content, *transfer); });
}

double Local::progress(std::string vdi) {
  if (const auto transfer = transfers_.find(vdi)) return transfer->fraction();
  throw vdi_missing("", vdi);
}

void Local::cancel(std::string vdi) {
  const auto transfer = transfers_.find(vdi);
  if (!transfer) throw vdi_missing("", vdi);
  transfer->cancel();
}

VdiInfo Local::vdi_set(std::string sr, std::string vdi, Config changes) {
  const auto repository = plugged_.use(sr);
  const auto lock = locks_.alone(vdi);
  if (changes.contains("read_only") || changes.contains("sharable")) refuse_in_use(sr, vdi, "set");
  return naming_no_space([&] { return repository->set(vdi, changes); });
}

DiskSource Local::vdi_attach(std::string sr, std::string vdi, std::string data_path,
                             bool read_write) {
  const auto repository = plugged_.use(sr);
  const VdiLocks::Held lock(locks_, vdi, read_write);
  const VdiInfo info = repository->info(vdi);
  if (read_write && info.read_only) throw Failure("VDI_READONLY", {vdi});
  const DataPath path{sr, vdi, data_path, read_write, false};
  data_paths_.check(path, info.sharable);
  return naming_no_space([&] {
    DiskSource source = repository->open(vdi, read_write);
    fault_point("attach.opened");
    data_paths_.add(path);
    fault_point("attach.recorded");
    return source;
  });
}

void Local::vdi_activate(std::string sr, std::string vdi, std::string data_path) {
  const auto repository = plugged_.use(sr);
  naming_no_space([&] { data_paths_.activate(sr, vdi, data_path); });
  fault_point("activate.recorded");
}

DiskSource Local::vdi_source(std::string sr, std::string vdi) {
  return plugged_.use(sr)->source(vdi);
}

// Also for an SR that is not plugged: a guest that has gone must never keep a disk.
void Local::vdi_detach(std::string sr, std::string vdi, std::string data_path) {
  naming_no_space([&] { data_paths_.remove(sr, vdi, data_path); });
  fault_point("detach.recorded");
}

}  // namespace

std::unique_ptr<LocalStorage> make_local_storage(Settings settings,
                                                 std::vector<std::unique_ptr<Driver>> drivers) {
  return std::make_unique<Local>(std::move(settings), std::move(drivers));
}

}  // namespace xcp::sm
