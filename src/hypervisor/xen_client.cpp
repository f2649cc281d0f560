// SPDX-License-Identifier: GPL-2.0-or-later
// XenControls over the daemon's socket: one line a method; see base/rpc.hpp.
#include "base/rpc.hpp"
#include "hypervisor/xen_controls.hpp"

namespace xcp::hypervisor {

namespace {

#define XCP_CALL(method, ...) \
  link_.call<&XenControls::method>("xen." #method __VA_OPT__(, ) __VA_ARGS__)

class XenClient : public XenControls {
 public:
  explicit XenClient(const std::string& path) : link_(path) {}

  std::vector<XenDomain> domains() override { return XCP_CALL(domains); }
  DomainState create(VmSpec spec, std::string configuration) override {
    return XCP_CALL(create, spec, configuration);
  }
  DomainState restore(VmSpec spec, std::string path) override {
    return XCP_CALL(restore, spec, path);
  }
  DomainState receive(UniqueFd stream, ReceiveOptions options) override {
    return XCP_CALL(receive, stream, options);
  }
  std::vector<XenVcpu> vcpus(std::int64_t domid) override { return XCP_CALL(vcpus, domid); }
  std::string configuration(std::int64_t domid) override { return XCP_CALL(configuration, domid); }
  void rename(std::int64_t domid, std::string name) override { XCP_CALL(rename, domid, name); }
  void pin(std::int64_t domid, std::optional<std::int64_t> vcpu, XenAffinity affinity) override {
    XCP_CALL(pin, domid, vcpu, affinity);
  }
  void set_vcpus_online(std::int64_t domid, std::int64_t vcpus) override {
    XCP_CALL(set_vcpus_online, domid, vcpus);
  }
  void set_memory_max(std::int64_t domid, std::int64_t kib) override {
    XCP_CALL(set_memory_max, domid, kib);
  }
  void set_memory_target(std::int64_t domid, std::int64_t kib) override {
    XCP_CALL(set_memory_target, domid, kib);
  }
  void send_trigger(std::int64_t domid, XenTrigger trigger, std::int64_t vcpu) override {
    XCP_CALL(send_trigger, domid, trigger, vcpu);
  }
  void send_sysrq(std::int64_t domid, std::string letter) override {
    XCP_CALL(send_sysrq, domid, letter);
  }
  void dump_core(std::int64_t domid, UniqueFd file) override { XCP_CALL(dump_core, domid, file); }
  void suspend(std::int64_t domid) override { XCP_CALL(suspend, domid); }
  void resume(std::int64_t domid) override { XCP_CALL(resume, domid); }
  std::string qemu_monitor(std::int64_t domid, std::string command) override {
    return XCP_CALL(qemu_monitor, domid, command);
  }
  XenHost host() override { return XCP_CALL(host); }
  XenTopology topology() override { return XCP_CALL(topology); }
  std::string messages(bool clear) override { return XCP_CALL(messages, clear); }
  void send_debug_keys(std::string keys) override { XCP_CALL(send_debug_keys, keys); }
  void set_parameters(std::string parameters) override { XCP_CALL(set_parameters, parameters); }
  std::optional<bool> flask_enforcing() override { return XCP_CALL(flask_enforcing); }
  void set_flask_enforcing(bool enforcing) override { XCP_CALL(set_flask_enforcing, enforcing); }
  void load_flask_policy(UniqueFd file) override { XCP_CALL(load_flask_policy, file); }
  std::vector<XenCpuPool> cpu_pools() override { return XCP_CALL(cpu_pools); }
  void create_cpu_pool(std::string name, std::string scheduler, Numbers cpus) override {
    XCP_CALL(create_cpu_pool, name, scheduler, cpus);
  }
  void destroy_cpu_pool(std::string name) override { XCP_CALL(destroy_cpu_pool, name); }
  void rename_cpu_pool(std::string name, std::string new_name) override {
    XCP_CALL(rename_cpu_pool, name, new_name);
  }
  void add_pool_cpus(std::string name, Numbers cpus) override {
    XCP_CALL(add_pool_cpus, name, cpus);
  }
  void remove_pool_cpus(std::string name, Numbers cpus) override {
    XCP_CALL(remove_pool_cpus, name, cpus);
  }
  void move_to_cpu_pool(std::int64_t domid, std::string name) override {
    XCP_CALL(move_to_cpu_pool, domid, name);
  }
  XenSchedule schedule(std::int64_t domid) override { return XCP_CALL(schedule, domid); }
  void set_schedule(std::int64_t domid, XenSchedule schedule) override {
    XCP_CALL(set_schedule, domid, schedule);
  }
  std::vector<XenSchedule> vcpu_schedules(std::int64_t domid, Numbers vcpus) override {
    return XCP_CALL(vcpu_schedules, domid, vcpus);
  }
  void set_vcpu_schedules(std::int64_t domid, std::vector<XenSchedule> schedules) override {
    XCP_CALL(set_vcpu_schedules, domid, schedules);
  }
  XenPoolSchedule pool_schedule(std::string pool) override { return XCP_CALL(pool_schedule, pool); }
  void set_pool_schedule(std::string pool, XenPoolSchedule schedule) override {
    XCP_CALL(set_pool_schedule, pool, schedule);
  }
  std::vector<XenDevice> devices(std::int64_t domid, XenDeviceKind kind) override {
    return XCP_CALL(devices, domid, kind);
  }
  void attach_device(std::int64_t domid, XenDeviceKind kind, std::string description) override {
    XCP_CALL(attach_device, domid, kind, description);
  }
  bool detach_device(std::int64_t domid, XenDeviceKind kind, std::int64_t devid) override {
    return XCP_CALL(detach_device, domid, kind, devid);
  }
  std::vector<XenPciDevice> pci_devices(std::int64_t domid) override {
    return XCP_CALL(pci_devices, domid);
  }
  void attach_pci(std::int64_t domid, XenPciDevice device) override {
    XCP_CALL(attach_pci, domid, device);
  }
  void detach_pci(std::int64_t domid, XenPciDevice device, bool force) override {
    XCP_CALL(detach_pci, domid, device, force);
  }
  std::vector<XenPciDevice> assignable_pci_devices() override {
    return XCP_CALL(assignable_pci_devices);
  }
  void make_pci_assignable(XenPciDevice device) override { XCP_CALL(make_pci_assignable, device); }
  void end_pci_assignable(XenPciDevice device, bool rebind) override {
    XCP_CALL(end_pci_assignable, device, rebind);
  }
  std::vector<XenUsbDevice> usb_devices(std::int64_t domid) override {
    return XCP_CALL(usb_devices, domid);
  }
  void attach_usb(std::int64_t domid, XenUsbDevice device) override {
    XCP_CALL(attach_usb, domid, device);
  }
  bool detach_usb(std::int64_t domid, std::int64_t controller, std::int64_t port) override {
    return XCP_CALL(detach_usb, domid, controller, port);
  }
  XenPsrMonitoring psr_monitoring() override { return XCP_CALL(psr_monitoring); }
  void psr_monitor(std::int64_t domid, bool on) override { XCP_CALL(psr_monitor, domid, on); }
  std::optional<XenPsrSample> psr_sample(std::int64_t domid, XenPsrMonitor what,
                                         std::int64_t socket) override {
    return XCP_CALL(psr_sample, domid, what, socket);
  }
  std::vector<XenPsrSocket> psr_sockets(XenPsrFeature feature) override {
    return XCP_CALL(psr_sockets, feature);
  }
  std::int64_t psr_value(std::int64_t domid, XenPsrValue what, std::int64_t socket) override {
    return XCP_CALL(psr_value, domid, what, socket);
  }
  void set_psr_value(std::int64_t domid, XenPsrValue what, Numbers sockets,
                     std::int64_t value) override {
    XCP_CALL(set_psr_value, domid, what, sockets, value);
  }

 private:
  rpc::Link link_;
};

}  // namespace

std::unique_ptr<XenControls> make_xen_client(const std::string& socket_path) {
  return std::make_unique<XenClient>(socket_path);
}

}  // namespace xcp::hypervisor
