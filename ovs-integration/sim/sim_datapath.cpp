// SPDX-License-Identifier: GPL-2.0-or-later
// Simulated NICs and networks; no device is touched. The NICs are what a file says, a JSON array of
// NicInfo: whoever writes it (replacing it by rename, or in place) flips a carrier, changes an
// address, adds or takes away a NIC, and the change comes as an event. A file that cannot be
// understood leaves the NICs as they were.
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/describe.hpp"
#include "base/failure.hpp"
#include "base/fd.hpp"
#include "base/ref.hpp"
#include "ovs-integration/datapath.hpp"
#include "ovs-integration/host/nic_watch.hpp"
#include "ovs-integration/names.hpp"

namespace xcp::network {

namespace {

// Addresses of TEST-NET-1, which nobody has.
std::vector<NicInfo> first_nics(int count) {
  std::vector<NicInfo> nics;
  for (int i = 0; i < count; ++i) {
    NicInfo nic;
    nic.device = "eth" + std::to_string(i);
    nic.mac = bridge_mac(make_uuid());
    nic.carrier = true;
    nic.speed_mbps = 10000;
    nic.full_duplex = true;
    nic.driver = "sim";
    nic.vendor_id = "1af4";
    nic.vendor_name = "Simulated";
    nic.device_id = "1000";
    nic.device_name = "Simulated network device";
    nic.pci_address = fmt::format("0000:00:{:02x}.0", (3 + i) % 32);
    if (i == 0) {
      nic.addresses = {"192.0.2.10/24"};
      nic.gateway = "192.0.2.1";
      nic.dns = {"192.0.2.53"};
      nic.management = true;
    }
    nics.push_back(std::move(nic));
  }
  return nics;
}

class SimDatapath : public Datapath {
 public:
  SimDatapath(std::string nics_file, int nic_count);
  ~SimDatapath() override { stop_watching(); }

  Backend backend() const override { return Backend::sim; }
  std::vector<NicInfo> nics() override;
  std::vector<NicStats> nic_stats() override;
  std::set<std::string> taken_names() override;
  bool has_port_devices() const override { return true; }

  void ensure(NetworkRecord& record, const NetworkRecord* before) override;
  void remove(const NetworkRecord& record) override;
  bool is_up(const NetworkRecord& record) override;
  void activate(const PortRecord&, const NetworkRecord&) override {}
  void release(const PortRecord&) override {}
  std::vector<std::string> repair(DesiredState& desired) override;
  void watch(std::function<void(const std::string& device)> changed) override;
  void stop_watching() override;

 private:
  bool read_nics();
  void run();

  const std::string file_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::vector<NicInfo> nics_;
  std::map<std::string, NetworkSpec> networks_;
  std::function<void(const std::string& device)> changed_;
  UniqueFd stop_;
  UniqueFd inotify_;
  std::thread thread_;
};

SimDatapath::SimDatapath(std::string nics_file, int nic_count) : file_(std::move(nics_file)) {
  if (!read_file(file_)) {
    const auto nics = first_nics(nic_count);
    write_file_durably(file_, json_text(to_json(nics)) + "\n");
  }
  if (!read_nics()) throw internal_error(file_ + " is not a JSON array of NICs");
}

bool SimDatapath::read_nics() {
  try {
    auto nics = from_json<std::vector<NicInfo>>(parse_json(read_file(file_).value_or("")));
    std::lock_guard lock(mutex_);
    nics_ = std::move(nics);
    return true;
  } catch (const Failure&) {
    return false;
  }
}

std::vector<NicInfo> SimDatapath::nics() {
  std::lock_guard lock(mutex_);
  std::vector<NicInfo> nics = nics_;
  for (NicInfo& nic : nics)
    for (const auto& [uuid, spec] : networks_)
      if (spec.uplink == nic.device) nic.bridge = spec.bridge;
  return nics;
}

std::vector<NicStats> SimDatapath::nic_stats() {
  const auto passed = std::chrono::steady_clock::now() - started_;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
  std::lock_guard lock(mutex_);
  std::vector<NicStats> stats;
  for (const NicInfo& nic : nics_) {
    NicStats one;
    one.device = nic.device;
    one.rx_bytes = nic.carrier ? ms * 40 : 0;
    one.tx_bytes = nic.carrier ? ms * 15 : 0;
    stats.push_back(std::move(one));
  }
  return stats;
}

std::set<std::string> SimDatapath::taken_names() {
  std::lock_guard lock(mutex_);
  std::set<std::string> names;
  for (const NicInfo& nic : nics_) names.insert(nic.device);
  return names;
}

void SimDatapath::ensure(NetworkRecord& record, const NetworkRecord*) {
  std::lock_guard lock(mutex_);
  const NetworkSpec& spec = record.spec;
  const auto is = [](const std::string& name) {
    return [&name](const NicInfo& nic) { return nic.device == name; };
  };
  if (std::any_of(nics_.begin(), nics_.end(), is(spec.bridge)))
    throw Failure("BRIDGE_NAME_EXISTS", {spec.bridge});
  if (!spec.uplink.empty() && std::none_of(nics_.begin(), nics_.end(), is(spec.uplink)))
    throw Failure("PIF_CONFIGURATION_ERROR",
                  {spec.uplink, "there is no network device " + spec.uplink});
  networks_[spec.uuid] = spec;
}

void SimDatapath::remove(const NetworkRecord& record) {
  std::lock_guard lock(mutex_);
  networks_.erase(record.spec.uuid);
}

bool SimDatapath::is_up(const NetworkRecord& record) {
  std::lock_guard lock(mutex_);
  const std::string& uplink = record.spec.uplink;
  return networks_.contains(record.spec.uuid) &&
         (uplink.empty() || std::any_of(nics_.begin(), nics_.end(),
                                        [&](const NicInfo& nic) { return nic.device == uplink; }));
}

std::vector<std::string> SimDatapath::repair(DesiredState& desired) {
  std::vector<std::string> warnings;
  for (auto& [uuid, record] : desired.networks) {
    try {
      ensure(record, &record);
    } catch (const Failure& failure) {
      warnings.push_back("network " + record.spec.name + ": " + failure.what());
    }
  }
  return warnings;
}

// ---- watching the file --------------------------------------------------------------------------

void SimDatapath::watch(std::function<void(const std::string& device)> changed) {
  changed_ = std::move(changed);
  stop_.reset(eventfd(0, EFD_CLOEXEC));
  inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!stop_ || !inotify_) throw system_failure("inotify", errno);
  const std::string directory = file_.substr(0, file_.rfind('/'));
  if (inotify_add_watch(inotify_.get(), directory.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
    throw system_failure("watch " + directory, errno);
  thread_ = std::thread([this] { run(); });
}

void SimDatapath::stop_watching() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof(one)});
  thread_.join();
}

void SimDatapath::run() {
  const std::string name = file_.substr(file_.rfind('/') + 1);
  for (;;) {
    pollfd items[2] = {{stop_.get(), POLLIN, 0}, {inotify_.get(), POLLIN, 0}};
    if (poll(items, 2, -1) < 0) continue;
    if (items[0].revents != 0) return;
    alignas(inotify_event) std::array<char, 8192> buffer;
    const ssize_t size = read(inotify_.get(), buffer.data(), buffer.size());
    bool ours = false;
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      ours = ours || (event->len != 0 && name == event->name) || (event->mask & IN_Q_OVERFLOW) != 0;
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
    if (!ours) continue;
    const auto before = nic_texts(nics());
    if (!read_nics()) continue;
    for (const std::string& device : changed_keys(before, nic_texts(nics()))) changed_(device);
  }
}

}  // namespace

std::unique_ptr<Datapath> make_sim_datapath(std::string nics_file, int nic_count) {
  return std::make_unique<SimDatapath>(std::move(nics_file), nic_count);
}

}  // namespace xcp::network
