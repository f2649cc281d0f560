// SPDX-License-Identifier: GPL-2.0-or-later
// See host.hpp. Each fill_... function writes what one daemon told.
#include "xapi/host.hpp"

#include <spdlog/spdlog.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "xapi/classes/roles.hpp"
#include "xapi/classes/sr_scan.hpp"
#include "xapi/classes/vm_state.hpp"

namespace xcp::xapi {

using model::host;
using model::host_cpu;
using model::host_metrics;
using model::network;
using model::PBD;
using model::PIF;
using model::PIF_metrics;
using model::pool;
using model::SM;
using model::SR;
using model::VM;

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

std::map<std::string, std::string> software_version() {
  utsname system{};
  uname(&system);
  const auto api = model::api_version();
  return {{"product_brand", "Kronos"},
          {"product_version", XCP_VERSION},
          {"product_version_text", XCP_VERSION},
          {"platform_name", "XCP"},
          {"platform_version", XCP_VERSION},
          {"build_number", XCP_VERSION},
          {"hostname", host_name()},
          {"date", XCP_VERSION_DATE},
          {"linux", system.release},
          {"xapi", std::to_string(api.major) + "." + std::to_string(api.minor)}};
}

Ref<VM> make_control_domain(db::Transaction& change, const Ref<host>& self) {
  auto record = empty_record<VM>();
  record.set(VM::name_label, "Control domain on host: " + host_name());
  record.set(VM::name_description, "The domain that manages physical devices and other domains");
  record.set(VM::is_control_domain, true);
  record.set(VM::power_state, model::VmPowerState::Running);
  record.set(VM::resident_on, self);
  record.set(VM::affinity, self);
  record.set(VM::domid, 0);
  record.set(VM::VCPUs_max, 1);
  record.set(VM::VCPUs_at_startup, 1);
  record.set(VM::other_config, {{"is_system_domain", "true"}});
  const Ref<VM> ref = change.create<VM>(std::move(record));
  vm_metrics(change, ref);
  return ref;
}

Ref<host> make_host(db::Transaction& change) {
  auto record = empty_record<host>();
  record.set(host::name_label, host_name());
  record.set(host::name_description, "Default install");
  record.set(host::hostname, host_name());
  record.set(host::enabled, true);
  record.set(host::metrics, change.create<host_metrics>(empty_record<host_metrics>()));
  record.set(host::edition, "free");
  record.set(host::sched_policy, "credit");
  const Ref<host> ref = change.create<host>(std::move(record));
  change.set(ref, host::control_domain, make_control_domain(change, ref));
  return ref;
}

void renew_host(db::Transaction& change, const Ref<host>& self, const Settings& settings) {
  const auto api = model::api_version();
  change.set(self, host::API_version_major, api.major);
  change.set(self, host::API_version_minor, api.minor);
  change.set(self, host::API_version_vendor, "Kronos");
  change.set(self, host::software_version, software_version());
  if (!settings.listen_address.empty()) {
    const bool any = settings.listen_address == "0.0.0.0" || settings.listen_address == "::";
    change.set(self, host::address, any ? "127.0.0.1" : settings.listen_address);
  }
  change.set(self, host::allowed_operations,
             {model::HostAllowedOperations::Provision, model::HostAllowedOperations::VmStart,
              model::HostAllowedOperations::VmResume});
}

void fill_hypervisor(Services& services) {
  const hypervisor::HostFacts facts = services.hypervisor.host();
  services.store.commit([&](db::Transaction& change) {
    const Ref<host>& self = services.host;
    auto capabilities = facts.capabilities;
    if (facts.can_suspend) capabilities.push_back("suspend");
    if (facts.can_checkpoint) capabilities.push_back("checkpoint");
    if (facts.can_migrate) capabilities.push_back("migrate");
    change.set(self, host::capabilities, capabilities);
    change.set(self, host::cpu_info, facts.cpu);
    auto software = change.get(self)[host::software_version];
    for (const auto& [name, version] : facts.versions) software[name] = version;
    software["hypervisor"] = facts.hypervisor;
    change.set(self, host::software_version, software);
    const Ref<host_metrics> metrics = change.get(self)[host::metrics];
    change.set(metrics, host_metrics::memory_total, facts.memory_total_bytes);
    change.set(metrics, host_metrics::live, true);
    change.set(metrics, host_metrics::last_updated, model::now());
    change.set(services.pool, pool::cpu_info, facts.cpu);
    const auto count = facts.cpu.find("cpu_count");
    const long cpus =
        count == facts.cpu.end() ? 1 : std::strtol(count->second.c_str(), nullptr, 10);
    const auto known = change.get(self)[host::host_CPUs];
    const auto value = [&](const char* key) {
      const auto found = facts.cpu.find(key);
      return found == facts.cpu.end() ? std::string() : found->second;
    };
    for (long number = static_cast<long>(known.size()); number < cpus; ++number) {
      auto record = empty_record<host_cpu>();
      record.set(host_cpu::host, self);
      record.set(host_cpu::number, number);
      record.set(host_cpu::vendor, value("vendor"));
      record.set(host_cpu::modelname, value("modelname"));
      record.set(host_cpu::speed, std::strtoll(value("speed").c_str(), nullptr, 10));
      record.set(host_cpu::flags, value("flags"));
      change.create<host_cpu>(std::move(record));
    }
  });
}

void fill_storage(Services& services) {
  const auto drivers = services.storage.drivers();
  services.store.commit([&](db::Transaction& change) {
    for (const sm::DriverInfo& driver : drivers) {
      const auto known = change.view().find_if<SM>(
          [&](const db::Object<SM>& object) { return object[SM::type] == driver.type; });
      const Ref<SM> ref = known ? known->ref() : change.create<SM>([&] {
        auto record = empty_record<SM>();
        record.set(SM::type, driver.type);
        return record;
      }());
      std::map<std::string, std::int64_t> features;
      for (const std::string& feature : driver.features) features[feature] = 1;
      change.set(ref, SM::name_label, driver.name);
      change.set(ref, SM::name_description, driver.description);
      change.set(ref, SM::vendor, driver.vendor);
      change.set(ref, SM::version, driver.version);
      change.set(ref, SM::configuration, driver.configuration);
      change.set(ref, SM::features, features);
      change.set(ref, SM::capabilities, driver.features);
    }
  });
}

// The disks of plugged SRs as they are: a disk that was made or removed and not recorded before the
// toolstack was killed, or that somebody else changed.
void scan_srs(Services& services) {
  const auto plugged = services.storage.srs();
  for (const auto& sr : services.store.snapshot().all<SR>()) {
    if (std::find(plugged.begin(), plugged.end(), sr[SR::uuid]) == plugged.end()) continue;
    try {
      scan_sr(services, sr.ref());
    } catch (const Failure& failure) {
      spdlog::warn("SR {} cannot be scanned: {}", sr[SR::name_label], failure.what());
    }
  }
}

// SRs that were plugged when the host went down are plugged again; one that cannot be is recorded
// as unplugged.
void replug_srs(Services& services) {
  const auto plugged = services.storage.srs();
  const db::Snapshot view = services.store.snapshot();
  for (const auto& pbd : view.all<PBD>()) {
    if (!pbd[PBD::currently_attached] || pbd[PBD::host] != services.host) continue;
    const auto sr = view.find(pbd[PBD::SR]);
    if (!sr || std::find(plugged.begin(), plugged.end(), (*sr)[SR::uuid]) != plugged.end())
      continue;
    try {
      services.storage.sr_plug({(*sr)[SR::uuid], (*sr)[SR::type], pbd[PBD::device_config],
                                (*sr)[SR::name_label], (*sr)[SR::name_description]});
    } catch (const Failure& failure) {
      spdlog::warn("SR {} cannot be plugged: {}", (*sr)[SR::name_label], failure.what());
      services.store.commit([&](db::Transaction& change) {
        if (change.find(pbd.ref())) change.set(pbd.ref(), PBD::currently_attached, false);
      });
    }
  }
}

}  // namespace

HostRefs ensure_host(db::Store& store, const Settings& settings) {
  HostRefs refs;
  ensure_roles(store);
  store.commit([&](db::Transaction& change) {
    const auto pools = change.view().all<pool>();
    if (!pools.empty()) {
      refs.pool = pools.front().ref();
      refs.host = pools.front()[pool::master];
    } else {
      refs.host = make_host(change);
      auto record = empty_record<pool>();
      record.set(pool::master, refs.host);
      refs.pool = change.create<pool>(std::move(record));
    }
    renew_host(change, refs.host, settings);
    // What stands for the machine while no daemon has answered yet.
    change.set(change.get(refs.host)[host::metrics], host_metrics::live, false);
  });
  return refs;
}

HostFacts::~HostFacts() {
  stop();
}

void HostFacts::begin(Services& services) {
  using Parts = std::vector<Part>;
  const std::array<Parts, 3> daemons{
      Parts{{"hypervisor", fill_hypervisor}},
      Parts{{"storage", fill_storage}, {"storage repositories", replug_srs}, {"disks", scan_srs}},
      Parts{{"network", scan_pifs}}};
  awaited_ = daemons.size();
  for (const Parts& parts : daemons)
    threads_.emplace_back([this, parts, &services] { run(parts, services); });
}

void HostFacts::wait_for_first(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, limit, [&] { return awaited_ == 0; });
}

void HostFacts::wait() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void HostFacts::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  wait();
}

void HostFacts::run(const std::vector<Part>& parts, Services& services) {
  bool first = true;
  for (const Part& part : parts) {
    bool told = false;
    while (!tried(part, services, told)) {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, std::chrono::seconds(1), [&] { return stopping_; })) return;
    }
    if (!std::exchange(first, false)) continue;
    std::lock_guard lock(mutex_);
    --awaited_;
    wake_.notify_all();
  }
}

bool HostFacts::tried(const Part& part, Services& services, bool& told) {
  try {
    part.fill(services);
    return true;
  } catch (const std::exception& error) {
    if (!std::exchange(told, true))
      spdlog::warn("no facts about {} yet: {}", part.name, error.what());
    return false;
  }
}

namespace {

Ref<network> network_for(db::Transaction& change, const std::string& device) {
  auto record = empty_record<network>();
  record.set(network::name_label, "Pool-wide network associated with " + device);
  record.set(network::MTU, 1500);
  record.set(network::managed, true);
  record.set(network::other_config, {{"automatic", "true"}});
  const Ref<network> ref = change.create<network>(std::move(record));
  // Bridges are named after the NIC, as administrators of such hosts expect: eth0 -> xenbr0.
  const auto digits = device.find_first_of("0123456789");
  const std::string number = digits == std::string::npos ? "" : device.substr(digits);
  const bool classic = device.starts_with("eth") && digits == 3;
  change.set(ref, network::bridge, classic ? "xenbr" + number : "br-" + device.substr(0, 12));
  return ref;
}

void fill_pif(db::Transaction& change, const Ref<PIF>& ref, const xcp::network::NicInfo& nic) {
  change.set(ref, PIF::MTU, nic.mtu);
  change.set(ref, PIF::management, nic.management);
  change.set(ref, PIF::gateway, nic.gateway);
  std::string dns;
  for (const std::string& server : nic.dns) dns += (dns.empty() ? "" : ",") + server;
  change.set(ref, PIF::DNS, dns);
  std::string address;
  std::vector<std::string> v6;
  for (const std::string& text : nic.addresses) {
    if (text.find(':') != std::string::npos)
      v6.push_back(text);
    else if (address.empty())
      address = text.substr(0, text.find('/'));
  }
  change.set(ref, PIF::IP, address);
  change.set(ref, PIF::IPv6, v6);
  const Ref<PIF_metrics> metrics = change.get(ref)[PIF::metrics];
  change.set(metrics, PIF_metrics::carrier, nic.carrier);
  change.set(metrics, PIF_metrics::speed, nic.speed_mbps);
  change.set(metrics, PIF_metrics::duplex, nic.full_duplex);
  change.set(metrics, PIF_metrics::vendor_id, nic.vendor_id);
  change.set(metrics, PIF_metrics::vendor_name, nic.vendor_name);
  change.set(metrics, PIF_metrics::device_id, nic.device_id);
  change.set(metrics, PIF_metrics::device_name, nic.device_name);
  change.set(metrics, PIF_metrics::pci_bus_path, nic.pci_address);
}

// The network every host has for guests that talk among themselves only.
void ensure_internal_network(db::Transaction& change) {
  const auto known = change.view().find_if<network>([](const db::Object<network>& object) {
    return object[network::other_config].contains("is_host_internal_management_network");
  });
  if (known) return;
  auto record = empty_record<network>();
  record.set(network::name_label, "Host internal management network");
  record.set(network::name_description,
             "Network on which guests are assigned a private link-local address");
  record.set(network::bridge, "xenapi");
  record.set(network::MTU, 1500);
  record.set(network::managed, true);
  record.set(network::other_config, {{"is_host_internal_management_network", "true"},
                                     {"is_guest_installer_network", "true"}});
  change.create<network>(std::move(record));
}

}  // namespace

Ref<PIF> record_pif(db::Transaction& change, const Services& services,
                    const xcp::network::NicInfo& nic) {
  const auto known = change.view().find_if<PIF>([&](const db::Object<PIF>& object) {
    return object[PIF::host] == services.host && object[PIF::device] == nic.device &&
           object[PIF::VLAN] == -1;
  });
  Ref<PIF> ref;
  if (known) {
    ref = known->ref();
  } else {
    auto record = empty_record<PIF>();
    record.set(PIF::device, nic.device);
    record.set(PIF::host, services.host);
    record.set(PIF::network, network_for(change, nic.device));
    record.set(PIF::MAC, nic.mac);
    record.set(PIF::VLAN, -1);
    record.set(PIF::physical, true);
    record.set(PIF::managed, true);
    record.set(PIF::MTU, nic.mtu);
    record.set(PIF::metrics, change.create<PIF_metrics>(empty_record<PIF_metrics>()));
    ref = change.create<PIF>(std::move(record));
  }
  fill_pif(change, ref, nic);
  return ref;
}

void scan_pifs(Services& services) {
  const auto nics = services.network.nics();
  const auto backend = services.network.backend();
  services.store.commit([&](db::Transaction& change) {
    ensure_internal_network(change);
    if (backend == xcp::network::Backend::user) {
      // No NIC is ours in the stand-alone mode; guests share one user-mode network.
      const auto known = change.view().find_if<network>([](const db::Object<network>& object) {
        return object[network::other_config].contains("user-mode");
      });
      if (known) return;
      auto record = empty_record<network>();
      record.set(network::name_label, "User-mode network");
      record.set(network::name_description,
                 "Guests reach the outside; nobody reaches them but "
                 "through ports forwarded on 127.0.0.1");
      record.set(network::bridge, "user0");
      record.set(network::MTU, 1500);
      record.set(network::managed, true);
      record.set(network::other_config, {{"user-mode", "true"}});
      change.create<network>(std::move(record));
      return;
    }
    for (const xcp::network::NicInfo& nic : nics)
      if (nic.physical) record_pif(change, services, nic);
  });
}

}  // namespace xcp::xapi
