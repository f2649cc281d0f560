// SPDX-License-Identifier: GPL-2.0-or-later
// Disks, NICs, vCPUs and memory of running domains.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/failure.hpp"
#include "hypervisor/sim/simulation.hpp"

namespace xcp::hypervisor::sim {

namespace {

constexpr std::size_t longest_device_name = 15;
constexpr int first_forwarded_port = 20000;
constexpr int last_forwarded_port = 60000;

Failure invalid(const std::string& field, const std::string& value) {
  return Failure("INVALID_VALUE", {field, value});
}

bool is_mac(const std::string& text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool separator = i % 3 == 2;
    if (separator ? text[i] != ':' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return false;
  }
  return true;
}

}  // namespace

void Simulation::check_disk(const DiskSpec& disk) const {
  if (disk.device.empty()) throw invalid("disk.device", disk.device);
  if (disk.path.empty() && !disk.cdrom) throw invalid("disk.path", disk.path);
  if (settings_.check_paths && !disk.path.empty() &&
      access(disk.path.c_str(), disk.read_only || disk.cdrom ? R_OK : R_OK | W_OK) != 0)
    throw system_failure("open " + disk.path, errno);
}

void Simulation::check_nic(const NicSpec& nic) const {
  if (nic.device.empty()) throw invalid("nic.device", nic.device);
  if (!is_mac(nic.mac)) throw Failure("MAC_INVALID", {nic.mac});
  if (nic.backing == NicBacking::bridge && nic.bridge.empty()) throw invalid("nic.bridge", "");
  if (nic.host_device.size() > longest_device_name)
    throw invalid("nic.host_device", nic.host_device);
}

void Simulation::take_nic_locked(Domain& domain, NicSpec& nic) {
  NicSpec wanted = nic;
  if (wanted.host_device.empty())
    wanted.host_device =
        fmt::format("sim{}.{}", domain.state.domid, wanted.device).substr(0, longest_device_name);
  if (host_devices_.contains(wanted.host_device))
    throw Failure("DEVICE_ALREADY_EXISTS", {wanted.host_device});
  std::set<int> ports;
  int candidate = first_forwarded_port;
  for (PortForward& forward : wanted.forwards) {
    if (forward.host_port == 0) {
      while (forwarded_ports_.contains(candidate) || ports.contains(candidate))
        if (++candidate > last_forwarded_port) throw internal_error("no port is free to forward");
      forward.host_port = candidate;
    } else if (forwarded_ports_.contains(forward.host_port)) {
      throw internal_error(fmt::format("port {} is forwarded already", forward.host_port));
    }
    ports.insert(forward.host_port);
  }

  // The same MAC gets the same address as long as nobody else has it. Backing makes no difference:
  // the networks are as simulated as the guests.
  std::uint64_t number = mixed(settings_.seed, wanted.mac, 0);
  std::string address;
  do {
    const auto last = 1 + number % 254;
    address = fmt::format("10.{}.{}.{}", number >> 24 & 0xff, number >> 16 & 0xff, last);
    ++number;
  } while (leased_addresses_.contains(address));
  leased_addresses_.insert(address);
  domain.addresses[wanted.device] = address;
  host_devices_.insert(wanted.host_device);
  forwarded_ports_.merge(ports);
  nic = std::move(wanted);
}

void Simulation::release_nic_locked(const Domain& domain, const NicSpec& nic) {
  host_devices_.erase(nic.host_device);
  for (const PortForward& forward : nic.forwards) forwarded_ports_.erase(forward.host_port);
  const auto address = domain.addresses.find(nic.device);
  if (address != domain.addresses.end()) leased_addresses_.erase(address->second);
}

// ---- disks --------------------------------------------------------------------------------------

void Simulation::plug_disk(std::string uuid, DiskSpec disk) {
  Operation operation(*this, "plug_disk", uuid);
  require_ours(uuid);
  check_disk(disk);
  if (disk.cdrom)
    throw Failure("OPERATION_NOT_ALLOWED", {"a CD drive can be added only while the VM is halted"});
  operation.take_time(Duration::plug);
  change(uuid, [&](Domain& domain) {
    if (find_disk(domain, disk.device) != nullptr)
      throw Failure("DEVICE_ALREADY_EXISTS", {disk.device});
    domain.state.disks.push_back(disk);
    domain.plugged_active_ms["disk/" + disk.device] = active_ms_at(domain, timeline_->now_ms());
    return true;
  });
  operation.done();
}

void Simulation::unplug_disk(std::string uuid, std::string device) {
  Operation operation(*this, "unplug_disk", uuid);
  bool refuses;
  {
    std::lock_guard lock(mutex_);
    if (!domains_.contains(uuid)) return;
    Domain& domain = find_ours_locked(uuid);
    const DiskSpec* disk = find_disk(domain, device);
    if (disk == nullptr) return;
    if (disk->cdrom)
      throw Failure("OPERATION_NOT_ALLOWED",
                    {"a CD drive can be taken away only while the VM is halted"});
    refuses = behaves_locked(domain, "ignore_unplug");
  }
  if (refuses) {
    operation.take_time(Duration::unplug_timeout);
    throw Failure("DEVICE_DETACH_TIMEOUT", {"VBD", device});
  }
  operation.take_time(Duration::unplug);
  change(uuid, [&](Domain& domain) {
    domain.plugged_active_ms.erase("disk/" + device);
    return std::erase_if(domain.state.disks,
                         [&](const DiskSpec& disk) { return disk.device == device; }) != 0;
  });
  operation.done();
}

void Simulation::change_medium(std::string uuid, std::string device, DiskSpec medium) {
  Operation operation(*this, "change_medium", uuid);
  require_ours(uuid);
  medium.cdrom = true;
  medium.device = device;
  check_disk(medium);
  operation.take_time(Duration::plug);
  change(uuid, [&](Domain& domain) {
    DiskSpec* drive = find_disk(domain, device);
    if (drive == nullptr) throw Failure("DEVICE_NOT_ATTACHED", {device});
    if (!drive->cdrom) throw Failure("VBD_NOT_REMOVABLE_MEDIA", {device});
    drive->path = medium.path;
    drive->format = medium.format;
    drive->serial = medium.serial;
    return true;
  });
  operation.done();
}

void Simulation::switch_images_in(Domain& domain,
                                  const std::map<std::string, DiskSpec>& new_images) const {
  for (const auto& [device, image] : new_images) {
    DiskSpec* disk = find_disk(domain, device);
    if (disk == nullptr) throw Failure("DEVICE_NOT_ATTACHED", {device});
    if (disk->cdrom || image.path.empty()) throw invalid("new_images", device);
    if (settings_.check_paths && access(image.path.c_str(), R_OK | W_OK) != 0)
      throw system_failure("open " + image.path, errno);
    disk->path = image.path;
    disk->format = image.format;
  }
}

void Simulation::switch_images(std::string uuid, std::map<std::string, DiskSpec> new_images) {
  Operation operation(*this, "switch_images", uuid);
  require_ours(uuid);
  operation.take_time(Duration::plug);
  change(uuid, [&](Domain& domain) {
    switch_images_in(domain, new_images);
    return true;
  });
  operation.done();
}

// ---- NICs ---------------------------------------------------------------------------------------

void Simulation::plug_nic(std::string uuid, NicSpec nic) {
  Operation operation(*this, "plug_nic", uuid);
  require_ours(uuid);
  check_nic(nic);
  operation.take_time(Duration::plug);
  {
    std::lock_guard lock(mutex_);
    bool taken = false;
    Domain with_nic;
    try {
      change_locked(uuid, [&](Domain& domain) {
        if (find_nic(domain, nic.device) != nullptr)
          throw Failure("DEVICE_ALREADY_EXISTS", {nic.device});
        take_nic_locked(domain, nic);
        taken = true;
        domain.state.nics.push_back(nic);
        domain.plugged_active_ms["nic/" + nic.device] = active_ms_at(domain, timeline_->now_ms());
        with_nic.addresses = domain.addresses;
        return true;
      });
    } catch (...) {
      if (taken) release_nic_locked(with_nic, nic);
      throw;
    }
    if (find_locked(uuid).agent) publish_locked(EventKind::guest_facts, uuid);
  }
  operation.done();
}

void Simulation::unplug_nic(std::string uuid, std::string device) {
  Operation operation(*this, "unplug_nic", uuid);
  bool refuses;
  {
    std::lock_guard lock(mutex_);
    if (!domains_.contains(uuid)) return;
    Domain& domain = find_ours_locked(uuid);
    if (find_nic(domain, device) == nullptr) return;
    refuses = behaves_locked(domain, "ignore_unplug");
  }
  if (refuses) {
    operation.take_time(Duration::unplug_timeout);
    throw Failure("DEVICE_DETACH_TIMEOUT", {"VIF", device});
  }
  operation.take_time(Duration::unplug);
  {
    std::lock_guard lock(mutex_);
    Domain& domain = find_ours_locked(uuid);
    const NicSpec* found = find_nic(domain, device);
    if (found == nullptr) return;
    const NicSpec nic = *found;
    Domain before;
    before.addresses = domain.addresses;
    change_locked(uuid, [&](Domain& next) {
      next.plugged_active_ms.erase("nic/" + device);
      next.addresses.erase(device);
      std::erase_if(next.state.nics, [&](const NicSpec& n) { return n.device == device; });
      return true;
    });
    release_nic_locked(before, nic);
    if (domain.agent) publish_locked(EventKind::guest_facts, uuid);
  }
  operation.done();
}

// ---- sizes --------------------------------------------------------------------------------------

void Simulation::set_vcpus(std::string uuid, std::int64_t vcpus) {
  Operation operation(*this, "set_vcpus", uuid);
  require_ours(uuid);
  operation.take_time(Duration::resize);
  change(uuid, [&](Domain& domain) {
    if (vcpus < 1 || vcpus > domain.spec.vcpus_max) throw invalid("vcpus", std::to_string(vcpus));
    if (vcpus == domain.state.vcpus) return false;
    domain.state.vcpus = vcpus;
    domain.vcpu_added_active_ms.resize(static_cast<std::size_t>(vcpus),
                                       active_ms_at(domain, timeline_->now_ms()));
    return true;
  });
  operation.done();
}

void Simulation::set_memory_target(std::string uuid, std::int64_t bytes) {
  Operation operation(*this, "set_memory_target", uuid);
  require_ours(uuid);
  operation.take_time(Duration::resize);
  change(
      uuid,
      [&](Domain& domain) {
        if (bytes <= 0 || bytes > domain.spec.memory_static_max_bytes)
          throw invalid("memory_target_bytes", std::to_string(bytes));
        if (bytes == domain.memory_target_bytes) return false;
        const std::int64_t claim = std::max(bytes, domain.state.memory_bytes);
        if (claim > domain.memory_claim_bytes)
          require_free_locked(claim - domain.memory_claim_bytes);
        domain.memory_target_bytes = bytes;
        domain.memory_claim_bytes = claim;
        domain.actions.push_back({ActionKind::balloon, active_ms_at(domain, timeline_->now_ms()) +
                                                           draw_locked(Duration::balloon, domain)});
        return true;
      },
      std::nullopt);
  operation.done();
}

}  // namespace xcp::hypervisor::sim
