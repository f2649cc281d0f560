// SPDX-License-Identifier: GPL-2.0-or-later
// See vm_state.hpp.
#include "xapi/classes/vm_state.hpp"

#include <algorithm>

#include "xapi/plans/vm_spec.hpp"

namespace xcp::xapi {

using model::console;
using model::ConsoleProtocol;
using model::VBD;
using model::VIF;
using model::VM;
using model::VM_guest_metrics;
using model::VM_metrics;
using model::VmPowerState;

namespace {

std::string guest_device_name(std::size_t position) {
  std::string name = "vd";
  name += static_cast<char>('a' + position % 26);
  return name;
}

void record_disks(db::Transaction& change, const db::Object<VM>& vm,
                  const hypervisor::DomainState& domain) {
  std::size_t position = 0;
  std::map<std::string, std::string> names;
  for (const hypervisor::DiskSpec& disk : domain.disks)
    names[disk.device] = disk.cdrom ? "sr" + disk.device : guest_device_name(position++);
  for (const Ref<VBD>& ref : vm[VM::VBDs]) {
    const auto vbd = change.get(ref);
    const auto found = names.find(vbd[VBD::userdevice]);
    change.set(ref, VBD::currently_attached, found != names.end());
    change.set(ref, VBD::reserved, false);
    change.set(ref, VBD::device, found == names.end() ? "" : found->second);
  }
}

void record_nics(db::Transaction& change, const db::Object<VM>& vm,
                 const hypervisor::DomainState& domain) {
  for (const Ref<VIF>& ref : vm[VM::VIFs]) {
    const auto vif = change.get(ref);
    const auto found = std::find_if(
        domain.nics.begin(), domain.nics.end(),
        [&](const hypervisor::NicSpec& nic) { return nic.device == vif[VIF::device]; });
    change.set(ref, VIF::currently_attached, found != domain.nics.end());
    change.set(ref, VIF::reserved, false);
    if (found == domain.nics.end()) continue;
    auto properties = vif[VIF::runtime_properties];
    properties.erase("port-forwards");
    std::string forwards;
    for (const hypervisor::PortForward& forward : found->forwards)
      forwards += (forwards.empty() ? "" : " ") + std::string("127.0.0.1:") +
                  std::to_string(forward.host_port) + "->" + std::to_string(forward.guest_port);
    if (!forwards.empty()) properties["port-forwards"] = forwards;
    change.set(ref, VIF::runtime_properties, properties);
  }
}

void add_console(db::Transaction& change, const Services& services, const Ref<VM>& vm,
                 ConsoleProtocol protocol) {
  const std::string address = change.get(services.host)[model::host::address];
  auto record = empty_record<console>();
  record.set(console::VM, vm);
  record.set(console::protocol, protocol);
  const std::string uuid = make_uuid();
  record.set(console::uuid, uuid);
  record.set(console::location,
             "https://" + (address.empty() ? "127.0.0.1" : address) + "/console?uuid=" + uuid);
  change.create<console>(std::move(record));
}

void record_consoles(db::Transaction& change, const Services& services, const db::Object<VM>& vm) {
  if (!vm[VM::consoles].empty()) return;
  add_console(change, services, vm.ref(), ConsoleProtocol::Rfb);
  add_console(change, services, vm.ref(), ConsoleProtocol::Vt100);
}

void drop_consoles(db::Transaction& change, const db::Object<VM>& vm) {
  for (const Ref<console>& ref : vm[VM::consoles]) change.destroy(ref);
}

void drop_guest_metrics(db::Transaction& change, const db::Object<VM>& vm) {
  if (change.find(vm[VM::guest_metrics])) change.destroy(vm[VM::guest_metrics]);
}

void record_down(db::Transaction& change, const Ref<VM>& ref, VmPowerState state) {
  const auto vm = change.get(ref);
  change.set(ref, VM::power_state, state);
  change.set(ref, VM::domid, -1);
  change.set(ref, VM::resident_on, Ref<model::host>());
  change.set(ref, VM::scheduled_to_be_resident_on, Ref<model::host>());
  drop_consoles(change, vm);
  drop_guest_metrics(change, vm);
  for (const Ref<VBD>& vbd : vm[VM::VBDs]) {
    change.set(vbd, VBD::reserved,
               state == VmPowerState::Suspended && change.get(vbd)[VBD::currently_attached]);
    change.set(vbd, VBD::currently_attached, false);
    change.set(vbd, VBD::device, "");
  }
  for (const Ref<VIF>& vif : vm[VM::VIFs]) {
    change.set(vif, VIF::reserved,
               state == VmPowerState::Suspended && change.get(vif)[VIF::currently_attached]);
    change.set(vif, VIF::currently_attached, false);
    change.set(vif, VIF::runtime_properties, {});
  }
}

}  // namespace

Ref<VM_metrics> vm_metrics(db::Transaction& change, const Ref<VM>& vm) {
  const Ref<VM_metrics> known = change.get(vm)[VM::metrics];
  if (change.find(known)) return known;
  const auto made = change.create<VM_metrics>(empty_record<VM_metrics>());
  change.set(vm, VM::metrics, made);
  return made;
}

void record_started(db::Transaction& change, const Services& services, const Ref<VM>& ref,
                    const hypervisor::DomainState& domain) {
  const auto vm = change.get(ref);
  const bool running = domain.power == hypervisor::DomainPower::running;
  change.set(ref, VM::power_state, running ? VmPowerState::Running : VmPowerState::Paused);
  change.set(ref, VM::resident_on, services.host);
  change.set(ref, VM::domid, domain.domid);
  if (domain.memory_bytes > 0) change.set(ref, VM::memory_target, domain.memory_bytes);
  record_disks(change, vm, domain);
  record_nics(change, vm, domain);
  record_consoles(change, services, vm);
  const Ref<VM_metrics> metrics = vm_metrics(change, ref);
  change.set(metrics, VM_metrics::VCPUs_number, domain.vcpus);
  change.set(metrics, VM_metrics::memory_actual, domain.memory_bytes);
  change.set(metrics, VM_metrics::start_time, {domain.start_time});
  change.set(metrics, VM_metrics::hvm, domain_type(vm) == model::DomainType::Hvm);
  change.set(metrics, VM_metrics::current_domain_type, domain_type(vm));
  if (vm[VM::power_state] != change.get(ref)[VM::power_state])
    change.set(metrics, VM_metrics::last_updated, model::now());
}

void record_halted(db::Transaction& change, const Ref<VM>& ref) {
  record_down(change, ref, VmPowerState::Halted);
  if (const auto metrics = change.find(change.get(ref)[VM::metrics]))
    change.set(metrics->ref(), VM_metrics::current_domain_type, model::DomainType::Unspecified);
}

void record_suspended(db::Transaction& change, const Ref<VM>& ref, const Ref<model::VDI>& image) {
  record_down(change, ref, VmPowerState::Suspended);
  change.set(ref, VM::suspend_VDI, image);
}

void record_guest(db::Transaction& change, const Ref<VM>& ref,
                  const hypervisor::GuestFacts& facts) {
  const auto vm = change.get(ref);
  Ref<VM_guest_metrics> metrics = vm[VM::guest_metrics];
  if (!change.find(metrics)) {
    if (!facts.agent_alive) return;
    metrics = change.create<VM_guest_metrics>(empty_record<VM_guest_metrics>());
    change.set(ref, VM::guest_metrics, metrics);
  }
  change.set(metrics, VM_guest_metrics::live, facts.agent_alive);
  change.set(metrics, VM_guest_metrics::networks, facts.networks);
  change.set(metrics, VM_guest_metrics::os_version, facts.os_version);
  change.set(metrics, VM_guest_metrics::other, facts.other);
  change.set(metrics, VM_guest_metrics::PV_drivers_detected, facts.agent_alive);
  if (!facts.agent_version.empty())
    change.set(metrics, VM_guest_metrics::PV_drivers_version, {{"agent", facts.agent_version}});
  change.set(metrics, VM_guest_metrics::last_updated, model::now());
}

}  // namespace xcp::xapi
