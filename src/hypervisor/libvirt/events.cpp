// SPDX-License-Identifier: GPL-2.0-or-later
// What libvirt tells of its own accord, what the guests' agents answer, and statistics. Callbacks
// run on libvirt's event thread: they never wait and never call libvirt.
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "hypervisor/libvirt/agent_replies.hpp"
#include "hypervisor/libvirt/libvirt_driver.hpp"
#include "hypervisor/libvirt/names.hpp"

namespace xcp::hypervisor::libvirt {

// The C side of the callbacks; `opaque` is the driver.
struct Callbacks {
  static std::string uuid_of(virDomainPtr domain) {
    char uuid[VIR_UUID_STRING_BUFLEN] = {};
    virDomainGetUUIDString(domain, uuid);
    return uuid;
  }
  static LibvirtDriver& driver(void* opaque) { return *static_cast<LibvirtDriver*>(opaque); }

  static int lifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque) {
    driver(opaque).on_lifecycle(uuid_of(domain), event, detail);
    return 0;
  }
  static void reboot(virConnectPtr, virDomainPtr domain, void* opaque) {
    driver(opaque).on_reboot(uuid_of(domain));
  }
  static void removed(virConnectPtr, virDomainPtr domain, const char* alias, void* opaque) {
    const std::string uuid = uuid_of(domain);
    driver(opaque).signals_.raise(uuid + "/" + alias, "removed");
    driver(opaque).events_.append(EventKind::changed, uuid);
  }
  static void removal_failed(virConnectPtr, virDomainPtr domain, const char* alias, void* opaque) {
    driver(opaque).signals_.raise(uuid_of(domain) + "/" + alias, "refused");
  }
  static void changed(virConnectPtr, virDomainPtr domain, const char*, void* opaque) {
    driver(opaque).events_.append(EventKind::changed, uuid_of(domain));
  }
  static void tray(virConnectPtr, virDomainPtr domain, const char*, int, void* opaque) {
    driver(opaque).events_.append(EventKind::changed, uuid_of(domain));
  }
  static void balloon(virConnectPtr, virDomainPtr domain, unsigned long long, void* opaque) {
    driver(opaque).events_.append(EventKind::changed, uuid_of(domain));
  }
  static void agent(virConnectPtr, virDomainPtr domain, int state, int, void* opaque) {
    if (state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED)
      driver(opaque).agents_.connected(uuid_of(domain));
    else
      driver(opaque).agents_.disconnected(uuid_of(domain));
  }
  static void monitor(virConnectPtr, virDomainPtr domain, const char*, long long, unsigned,
                      const char* details, void* opaque) {
    driver(opaque).on_monitor_shutdown(uuid_of(domain), details != nullptr ? details : "");
  }
};

std::function<void()> LibvirtDriver::register_callbacks(virConnectPtr connection) {
  std::vector<int> ids;
  const auto add = [&](int event, auto* function) {
    const int id = virConnectDomainEventRegisterAny(
        connection, nullptr, event, VIR_DOMAIN_EVENT_CALLBACK(function), this, nullptr);
    if (id < 0) throw libvirt_failure("cannot register for libvirt's events", "");
    ids.push_back(id);
  };
  add(VIR_DOMAIN_EVENT_ID_LIFECYCLE, &Callbacks::lifecycle);
  add(VIR_DOMAIN_EVENT_ID_REBOOT, &Callbacks::reboot);
  add(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, &Callbacks::removed);
  add(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, &Callbacks::removal_failed);
  add(VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, &Callbacks::changed);
  add(VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, &Callbacks::tray);
  add(VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, &Callbacks::balloon);
  add(VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, &Callbacks::agent);
  const int monitor = virConnectDomainQemuMonitorEventRegister(
      connection, nullptr, "SHUTDOWN", &Callbacks::monitor, this, nullptr, 0);
  if (monitor < 0) throw libvirt_failure("cannot register for QEMU's events", "");

  // Opened again: what happened in between is lost.
  if (!std::exchange(first_connection_, false)) events_.append(EventKind::resync, {});
  return [connection, ids, monitor] {
    for (const int id : ids) virConnectDomainEventDeregisterAny(connection, id);
    virConnectDomainQemuMonitorEventDeregister(connection, monitor);
  };
}

void LibvirtDriver::on_lifecycle(const std::string& uuid, int event, int detail) {
  switch (event) {
    case VIR_DOMAIN_EVENT_STOPPED:
      on_ended(uuid, detail);
      return;
    case VIR_DOMAIN_EVENT_STARTED:
    case VIR_DOMAIN_EVENT_SUSPENDED:
    case VIR_DOMAIN_EVENT_RESUMED:
    case VIR_DOMAIN_EVENT_PMSUSPENDED:
    case VIR_DOMAIN_EVENT_CRASHED:
      events_.append(EventKind::changed, uuid);
      return;
    default:
      return;  // definitions come and go without us
  }
}

// A guest resets its machine more than once on the way through its firmware: QEMU tells each time.
void LibvirtDriver::on_reboot(const std::string& uuid) {
  constexpr std::chrono::seconds shortest_boot{3};
  const auto now = std::chrono::steady_clock::now();
  bool again = false;
  {
    std::lock_guard lock(mutex_);
    const auto [last, first] = rebooted_at_.try_emplace(uuid, now);
    again = !first && now - last->second < shortest_boot;
    last->second = now;
  }
  if (!again) events_.append(EventKind::rebooted, uuid);
  signals_.raise(uuid + "/reboot", "rebooted");
}

void LibvirtDriver::on_ended(const std::string& uuid, int detail) {
  constexpr std::chrono::minutes patience{10};
  EventKind kind = EventKind::ended_gone;
  bool own_affair = false;
  {
    std::lock_guard lock(mutex_);
    const bool by_reset = reset_by_guest_.erase(uuid) != 0;
    // A guest that did not listen and goes down long after does so for a reason of its own.
    const auto request = reboot_asked_.extract(uuid);
    const bool asked = request && std::chrono::steady_clock::now() - request.mapped() < patience;
    rebooted_at_.erase(uuid);
    adopted_.erase(uuid);
    switch (detail) {
      case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
        kind = by_reset || asked ? EventKind::ended_reboot : EventKind::ended_shutdown;
        break;
      case VIR_DOMAIN_EVENT_STOPPED_CRASHED:
      case VIR_DOMAIN_EVENT_STOPPED_FAILED:
        kind = EventKind::ended_crash;
        break;
      default:
        break;
    }
    own_affair = building_.contains(uuid);
    if (!own_affair) ended_.push_back(uuid);
  }
  agents_.forget(uuid);
  if (!own_affair) events_.append(kind, uuid);
  signals_.raise(uuid, "ended");
  tidy_.notify_all();
}

void LibvirtDriver::on_monitor_shutdown(const std::string& uuid, const std::string& details) {
  if (details.find("guest-reset") == std::string::npos) return;
  std::lock_guard lock(mutex_);
  reset_by_guest_.insert(uuid);
}

// ---- the agent --------------------------------------------------------------------------------

GuestFacts LibvirtDriver::ask_agent(const std::string& uuid) {
  constexpr int seconds_each = 5;
  const Found found = require(uuid);
  const auto ask = [&](const char* command) -> std::string {
    const Text reply(virDomainQemuAgentCommand(found.handle.get(), command, seconds_each, 0));
    return reply ? reply.get() : "";
  };
  if (ask(R"({"execute":"guest-ping"})").empty()) return {};
  AgentReplies replies;
  replies.info = ask(R"({"execute":"guest-info"})");
  replies.os = ask(R"({"execute":"guest-get-osinfo"})");
  replies.interfaces = ask(R"({"execute":"guest-network-get-interfaces"})");
  replies.host_name = ask(R"({"execute":"guest-get-host-name"})");
  std::map<std::string, std::string> device_by_mac;
  for (const NicSpec& nic : found.view.state.nics) {
    std::string mac = nic.mac;
    for (char& c : mac) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    device_by_mac[mac] = nic.device;
  }
  return read_agent(replies, device_by_mac);
}

// ---- statistics -------------------------------------------------------------------------------

namespace {

// The typed parameters of one domain, by name. libvirt numbers groups ("block.0.name").
class Parameters {
 public:
  explicit Parameters(const virDomainStatsRecord& record) : record_(record) {}

  std::int64_t number(const std::string& name, std::int64_t otherwise = 0) const {
    const virTypedParameter* found =
        virTypedParamsGet(record_.params, record_.nparams, name.c_str());
    if (found == nullptr) return otherwise;
    switch (found->type) {
      case VIR_TYPED_PARAM_INT:
        return found->value.i;
      case VIR_TYPED_PARAM_UINT:
        return found->value.ui;
      case VIR_TYPED_PARAM_LLONG:
        return found->value.l;
      case VIR_TYPED_PARAM_ULLONG:
        return static_cast<std::int64_t>(found->value.ul);
      default:
        return otherwise;
    }
  }
  std::string text(const std::string& name) const {
    const virTypedParameter* found =
        virTypedParamsGet(record_.params, record_.nparams, name.c_str());
    return found != nullptr && found->type == VIR_TYPED_PARAM_STRING ? found->value.s : "";
  }

 private:
  const virDomainStatsRecord& record_;
};

DomainStats read_stats(const Parameters& values, const DomainView& view) {
  DomainStats stats;
  stats.uuid = view.state.uuid;
  for (std::int64_t i = 0; i < values.number("vcpu.maximum"); ++i) {
    const std::string group = "vcpu." + std::to_string(i);
    if (values.number(group + ".state", -1) < 0) continue;  // not plugged
    stats.vcpu_seconds.push_back(static_cast<double>(values.number(group + ".time")) / 1e9);
  }
  stats.memory_bytes = values.number("balloon.current") << 10;
  const std::int64_t free_kib =
      values.number("balloon.usable", values.number("balloon.unused", -1));
  stats.memory_free_bytes = free_kib < 0 ? -1 : free_kib << 10;
  for (std::int64_t i = 0; i < values.number("block.count"); ++i) {
    const std::string group = "block." + std::to_string(i);
    for (const auto& [device, target] : view.disk_targets)
      if (target == values.text(group + ".name"))
        stats.disks.push_back(
            {device, values.number(group + ".rd.bytes"), values.number(group + ".wr.bytes"),
             values.number(group + ".rd.reqs"), values.number(group + ".wr.reqs")});
  }
  const std::int64_t nics = values.number("net.count");
  for (std::int64_t i = 0; i < nics && i < std::ssize(view.nic_devices); ++i) {
    const std::string group = "net." + std::to_string(i);
    stats.nics.push_back({view.nic_devices[static_cast<std::size_t>(i)],
                          values.number(group + ".rx.bytes"), values.number(group + ".tx.bytes"),
                          values.number(group + ".rx.pkts"), values.number(group + ".tx.pkts")});
  }
  return stats;
}

}  // namespace

namespace {

// Statistics of all running domains; NOWAIT: a domain that is busy (being saved, say) tells what
// can be told without its monitor.
class AllStats {
 public:
  AllStats(virConnectPtr connection, unsigned kinds) {
    count_ = virConnectGetAllDomainStats(
        connection, kinds, &records_,
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    if (count_ < 0) throw libvirt_failure("cannot read statistics", "");
  }
  ~AllStats() { virDomainStatsRecordListFree(records_); }
  AllStats(const AllStats&) = delete;
  AllStats& operator=(const AllStats&) = delete;

  virDomainStatsRecordPtr* begin() const { return records_; }
  virDomainStatsRecordPtr* end() const { return records_ + count_; }

 private:
  virDomainStatsRecordPtr* records_ = nullptr;
  int count_ = 0;
};

}  // namespace

std::vector<DomainStats> LibvirtDriver::stats() {
  const auto connection = connection_->get();
  const AllStats records(connection.get(), VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_BALLOON |
                                               VIR_DOMAIN_STATS_BLOCK | VIR_DOMAIN_STATS_INTERFACE);
  std::vector<DomainStats> all;
  for (const virDomainStatsRecordPtr record : records) {
    try {
      all.push_back(read_stats(Parameters(*record), view_of(record->dom, "")));
    } catch (const Failure& failure) {
      if (failure.code() != "DOMAIN_NOT_FOUND") throw;
    }
  }
  return all;
}

// What guests may use and have not touched yet: the kernel counts it as free.
std::int64_t LibvirtDriver::promised_bytes() {
  const auto connection = connection_->get();
  std::int64_t bytes = 0;
  for (const virDomainStatsRecordPtr record :
       AllStats(connection.get(), VIR_DOMAIN_STATS_BALLOON)) {
    const Parameters values(*record);
    bytes +=
        std::max<std::int64_t>(0, values.number("balloon.current") - values.number("balloon.rss"));
  }
  return bytes << 10;
}

}  // namespace xcp::hypervisor::libvirt
