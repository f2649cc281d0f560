// SPDX-License-Identifier: GPL-2.0-or-later
// XenControls through libxl. It keeps nothing: each call has a context of its own and asks Xen.
// What is changed of a domain of ours besides Xen (its name) is told to the driver.
#pragma once

#include "hypervisor/libxl/context.hpp"
#include "hypervisor/xen_controls.hpp"

namespace xcp::hypervisor::libxl {

class LibxlDriver;

class Controls : public XenControls {
 public:
  explicit Controls(LibxlDriver& driver) : driver_(driver) {}

  // ---- controls_domains.cpp
  std::vector<XenDomain> domains() override;
  DomainState create(VmSpec spec, std::string configuration) override;
  DomainState restore(VmSpec spec, std::string path) override;
  DomainState receive(UniqueFd stream, ReceiveOptions options) override;
  std::vector<XenVcpu> vcpus(std::int64_t domid) override;
  std::string configuration(std::int64_t domid) override;
  void rename(std::int64_t domid, std::string name) override;
  void pin(std::int64_t domid, std::optional<std::int64_t> vcpu, XenAffinity affinity) override;
  void set_vcpus_online(std::int64_t domid, std::int64_t vcpus) override;
  void set_memory_max(std::int64_t domid, std::int64_t kib) override;
  void set_memory_target(std::int64_t domid, std::int64_t kib) override;
  void send_trigger(std::int64_t domid, XenTrigger trigger, std::int64_t vcpu) override;
  void send_sysrq(std::int64_t domid, std::string letter) override;
  void dump_core(std::int64_t domid, UniqueFd file) override;
  void suspend(std::int64_t domid) override;
  void resume(std::int64_t domid) override;
  std::string qemu_monitor(std::int64_t domid, std::string command) override;

  // ---- controls_machine.cpp
  XenHost host() override;
  XenTopology topology() override;
  std::string messages(bool clear) override;
  void send_debug_keys(std::string keys) override;
  void set_parameters(std::string parameters) override;
  std::optional<bool> flask_enforcing() override;
  void set_flask_enforcing(bool enforcing) override;
  void load_flask_policy(UniqueFd file) override;

  // ---- controls_pools.cpp
  std::vector<XenCpuPool> cpu_pools() override;
  void create_cpu_pool(std::string name, std::string scheduler, Numbers cpus) override;
  void destroy_cpu_pool(std::string name) override;
  void rename_cpu_pool(std::string name, std::string new_name) override;
  void add_pool_cpus(std::string name, Numbers cpus) override;
  void remove_pool_cpus(std::string name, Numbers cpus) override;
  void move_to_cpu_pool(std::int64_t domid, std::string name) override;
  XenSchedule schedule(std::int64_t domid) override;
  void set_schedule(std::int64_t domid, XenSchedule schedule) override;
  std::vector<XenSchedule> vcpu_schedules(std::int64_t domid, Numbers vcpus) override;
  void set_vcpu_schedules(std::int64_t domid, std::vector<XenSchedule> schedules) override;
  XenPoolSchedule pool_schedule(std::string pool) override;
  void set_pool_schedule(std::string pool, XenPoolSchedule schedule) override;

  // ---- controls_devices.cpp
  std::vector<XenDevice> devices(std::int64_t domid, XenDeviceKind kind) override;
  void attach_device(std::int64_t domid, XenDeviceKind kind, std::string description) override;
  bool detach_device(std::int64_t domid, XenDeviceKind kind, std::int64_t devid) override;

  // ---- controls_host_devices.cpp
  std::vector<XenPciDevice> pci_devices(std::int64_t domid) override;
  void attach_pci(std::int64_t domid, XenPciDevice device) override;
  void detach_pci(std::int64_t domid, XenPciDevice device, bool force) override;
  std::vector<XenPciDevice> assignable_pci_devices() override;
  void make_pci_assignable(XenPciDevice device) override;
  void end_pci_assignable(XenPciDevice device, bool rebind) override;
  std::vector<XenUsbDevice> usb_devices(std::int64_t domid) override;
  void attach_usb(std::int64_t domid, XenUsbDevice device) override;
  bool detach_usb(std::int64_t domid, std::int64_t controller, std::int64_t port) override;

  // ---- controls_psr.cpp
  XenPsrMonitoring psr_monitoring() override;
  void psr_monitor(std::int64_t domid, bool on) override;
  std::optional<XenPsrSample> psr_sample(std::int64_t domid, XenPsrMonitor what,
                                         std::int64_t socket) override;
  std::vector<XenPsrSocket> psr_sockets(XenPsrFeature feature) override;
  std::int64_t psr_value(std::int64_t domid, XenPsrValue what, std::int64_t socket) override;
  void set_psr_value(std::int64_t domid, XenPsrValue what, Numbers sockets,
                     std::int64_t value) override;

 private:
  LibxlDriver& driver_;
};

// The number as libxl takes it. Throws DOMAIN_NOT_FOUND when there is no such domain.
std::uint32_t there(Context& context, std::int64_t domid);

}  // namespace xcp::hypervisor::libxl
