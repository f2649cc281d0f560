// SPDX-License-Identifier: GPL-2.0-or-later
// The second contract of the hypervisor daemon: what only Xen has. A driver may offer it beside
// Hypervisor (driver.hpp); the daemon serves it on the same socket, each method as "xen.<name>".
// Where the driver does not, every call throws NOT_IMPLEMENTED ["xen.<name>"].
//
// Always: a domain is named by its number, as the hypervisor itself names it; domain 0, domains
// made by other programs and those made through Hypervisor are all seen and may all be changed:
// the callers are root's tools. What is changed here is the running domain: nothing of it is kept
// for its next start, except its name. Safe from any thread. CPU lists are ascending. Failures:
// DOMAIN_NOT_FOUND [number], CPU_POOL_NOT_FOUND [name], else INTERNAL_ERROR with what libxl said.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor {

using Numbers = std::vector<std::int64_t>;

// ---- domains ----------------------------------------------------------------------------------

struct XenDomain {
  std::int64_t domid = 0;
  std::string uuid;
  std::string name;  // empty while it is being made or ended
  std::string type;  // "hvm", "pvh", "pv"
  bool running = false, blocked = false, paused = false, shut_down = false, dying = false;
  std::int64_t shutdown_reason = 0;  // 0 poweroff, 1 reboot, 2 suspend, 3 crash, 4 watchdog, 5 soft
                                     // reset; of one that is shut down
  std::int64_t memory_kib = 0;       // that it has
  std::int64_t claimed_kib = 0;      // that it was promised and does not have yet
  std::int64_t shared_kib = 0;
  std::int64_t memory_max_kib = 0;
  std::int64_t cpu_time_ns = 0;
  std::int64_t vcpus_online = 0;
  std::string cpu_pool;
  std::string security_label;   // empty: Xen has no policy
  std::int64_t start_time = 0;  // seconds since 1970; 0: not known
  Numbers node_affinity;        // NUMA nodes
};
BOOST_DESCRIBE_STRUCT(XenDomain, (),
                      (domid, uuid, name, type, running, blocked, paused, shut_down, dying,
                       shutdown_reason, memory_kib, claimed_kib, shared_kib, memory_max_kib,
                       cpu_time_ns, vcpus_online, cpu_pool, security_label, start_time,
                       node_affinity))

struct XenVcpu {
  std::int64_t vcpu = 0;
  std::int64_t cpu = 0;  // where it is, or was last
  bool online = false, running = false, blocked = false;
  std::int64_t time_ns = 0;
  Numbers hard_affinity, soft_affinity;
};
BOOST_DESCRIBE_STRUCT(XenVcpu, (),
                      (vcpu, cpu, online, running, blocked, time_ns, hard_affinity, soft_affinity))

// What is not set stays as it is.
struct XenAffinity {
  std::optional<Numbers> hard, soft;
  bool force = false;  // also over a pinning by the kernel of the hardware domain
};
BOOST_DESCRIBE_STRUCT(XenAffinity, (), (hard, soft, force))

BOOST_DEFINE_ENUM_CLASS(XenTrigger, power, sleep, nmi, init, reset, s3resume)

// ---- the host ---------------------------------------------------------------------------------

struct XenHost {
  std::int64_t cpus = 0, max_cpu_id = 0, nodes = 0, cores_per_socket = 0, threads_per_core = 0;
  std::int64_t cpu_khz = 0;
  Numbers hardware_capabilities;            // 8 words of 32 bits
  std::vector<std::string> virtualization;  // "pv", "hvm", "hap", ...
  std::int64_t memory_total_bytes = 0, memory_free_bytes = 0, memory_claimed_bytes = 0;
  std::int64_t sharing_freed_bytes = 0, sharing_used_bytes = 0;
  Numbers free_cpus;  // in no pool
  std::int64_t version_major = 0, version_minor = 0;
  std::string version_extra;
  std::string capabilities;
  std::string scheduler;
  std::int64_t page_bytes = 0;
  std::uint64_t virtual_start = 0;
  std::string changeset, command_line;
  std::string compiler, compiled_by, compile_domain, compile_date, build_id;
};
BOOST_DESCRIBE_STRUCT(XenHost, (),
                      (cpus, max_cpu_id, nodes, cores_per_socket, threads_per_core, cpu_khz,
                       hardware_capabilities, virtualization, memory_total_bytes, memory_free_bytes,
                       memory_claimed_bytes, sharing_freed_bytes, sharing_used_bytes, free_cpus,
                       version_major, version_minor, version_extra, capabilities, scheduler,
                       page_bytes, virtual_start, changeset, command_line, compiler, compiled_by,
                       compile_domain, compile_date, build_id))

struct XenTopology {
  struct Cpu {
    std::int64_t cpu = 0, core = 0, socket = 0, node = 0;
  };
  struct PciDevice {
    std::string address;  // "0000:00:1f.2"
    std::int64_t node = 0;
  };
  struct Node {
    std::int64_t node = 0;
    std::int64_t memory_bytes = 0, free_bytes = 0;
    Numbers distances;
  };
  std::vector<Cpu> cpus;
  std::vector<PciDevice> pci_devices;
  std::vector<Node> nodes;
};
BOOST_DESCRIBE_STRUCT(XenTopology::Cpu, (), (cpu, core, socket, node))
BOOST_DESCRIBE_STRUCT(XenTopology::PciDevice, (), (address, node))
BOOST_DESCRIBE_STRUCT(XenTopology::Node, (), (node, memory_bytes, free_bytes, distances))
BOOST_DESCRIBE_STRUCT(XenTopology, (), (cpus, pci_devices, nodes))

// ---- schedulers and CPU pools -----------------------------------------------------------------

// Names of schedulers are Xen's: "credit", "credit2", "rtds", "arinc653", "null".
struct XenCpuPool {
  std::int64_t id = 0;
  std::string name;
  std::string scheduler;
  std::int64_t domains = 0;
  Numbers cpus;
};
BOOST_DESCRIBE_STRUCT(XenCpuPool, (), (id, name, scheduler, domains, cpus))

// Of a domain, or (rtds) of one of its virtual CPUs. What a scheduler does not know is not there;
// in a change, what is not there stays as it is.
struct XenSchedule {
  std::string scheduler;
  std::optional<std::int64_t> vcpu;
  std::optional<std::int64_t> weight, cap;
  std::optional<std::int64_t> period_us, budget_us;
  std::optional<bool> extratime;
};
BOOST_DESCRIBE_STRUCT(XenSchedule, (),
                      (scheduler, vcpu, weight, cap, period_us, budget_us, extratime))

// Of a pool.
struct XenPoolSchedule {
  std::optional<std::int64_t> tslice_ms, ratelimit_us, migration_delay_us;
};
BOOST_DESCRIBE_STRUCT(XenPoolSchedule, (), (tslice_ms, ratelimit_us, migration_delay_us))

// ---- devices ----------------------------------------------------------------------------------

BOOST_DEFINE_ENUM_CLASS(XenDeviceKind, disk, nic, vtpm, channel, vkb, vsnd, vdispl, usb_controller)

// As xenstore tells of it; what a kind does not have is -1 or empty.
struct XenDevice {
  // Of a display's connector or a sound card's stream; a sound card has streams in groups.
  struct Part {
    std::string group, id, type;
    std::int64_t width = 0, height = 0;
    std::int64_t event_channel = -1, ring_ref = -1;
    std::int64_t second_event_channel = -1, second_ring_ref = -1;
  };
  std::int64_t devid = -1;
  std::int64_t backend_domid = -1, frontend_domid = -1;
  std::int64_t state = -1;
  std::int64_t event_channel = -1;
  std::int64_t ring_ref = -1;         // of a NIC: for sending
  std::int64_t second_ring_ref = -1;  // of a NIC: for receiving
  std::string backend_path, frontend_path;
  std::string id;    // of a disk its vdev; mac, uuid or unique id; a sound card's short name
  std::string type;  // of a channel its connection, of a keyboard its backend, of a USB controller
                     // its type, of a sound card its long name
  std::string path;  // the terminal of a channel
  std::int64_t version = -1, ports = -1;  // of a USB controller
  bool backend_allocates = false;         // of a display
  std::vector<Part> parts;
};
BOOST_DESCRIBE_STRUCT(XenDevice::Part, (),
                      (group, id, type, width, height, event_channel, ring_ref,
                       second_event_channel, second_ring_ref))
BOOST_DESCRIBE_STRUCT(XenDevice, (),
                      (devid, backend_domid, frontend_domid, state, event_channel, ring_ref,
                       second_ring_ref, backend_path, frontend_path, id, type, path, version, ports,
                       backend_allocates, parts))

struct XenPciDevice {
  std::int64_t segment = 0, bus = 0, device = 0, function = 0;
  std::int64_t function_mask = 0;  // of one with all functions: bit n for function n
  std::int64_t virtual_slot = 0;   // where the guest sees it; 0: not told
  bool msi_translate = false, power_management = false, permissive = false, seize = false;
  std::string rdm_policy;  // "strict", "relaxed"; empty: Xen's default
  std::string name;        // of an assignable one
};
BOOST_DESCRIBE_STRUCT(XenPciDevice, (),
                      (segment, bus, device, function, function_mask, virtual_slot, msi_translate,
                       power_management, permissive, seize, rdm_policy, name))

struct XenUsbDevice {
  std::int64_t controller = -1;  // -1: any with a free port
  std::int64_t port = 0;         // 0: any
  std::int64_t host_bus = 0, host_address = 0;
};
BOOST_DESCRIBE_STRUCT(XenUsbDevice, (), (controller, port, host_bus, host_address))

// ---- sharing of processor resources (PSR) -----------------------------------------------------

BOOST_DEFINE_ENUM_CLASS(XenPsrFeature, l3_cache, l2_cache, memory_bandwidth)
BOOST_DEFINE_ENUM_CLASS(XenPsrValue, l3_mask, l3_code_mask, l3_data_mask, l2_mask, throttle)
BOOST_DEFINE_ENUM_CLASS(XenPsrMonitor, cache_occupancy, total_bandwidth, local_bandwidth)

struct XenPsrSocket {
  std::int64_t socket = 0;
  std::int64_t classes_max = 0;
  std::int64_t mask_bits = 0;  // of caches
  bool code_and_data = false;
  std::int64_t throttle_max = 0;  // of memory bandwidth
  bool linear = false;
  std::int64_t cache_kib = 0;  // of L3, when it is known
};
BOOST_DESCRIBE_STRUCT(XenPsrSocket, (),
                      (socket, classes_max, mask_bits, code_and_data, throttle_max, linear,
                       cache_kib))

struct XenPsrMonitoring {
  bool enabled = false;
  std::int64_t ids = 0;
  std::vector<XenPsrMonitor> supported;
  Numbers sockets;
};
BOOST_DESCRIBE_STRUCT(XenPsrMonitoring, (), (enabled, ids, supported, sockets))

// At one moment of the processor's clock; the counters of bandwidth grow.
struct XenPsrSample {
  std::uint64_t value = 0;  // bytes
  std::uint64_t clock = 0;
};
BOOST_DESCRIBE_STRUCT(XenPsrSample, (), (value, clock))

// ---- the contract, in parts
// -----------------------------------------------------------------------------

// Running domains.
class XenDomains {
 public:
  virtual ~XenDomains() = default;

  virtual std::vector<XenDomain> domains() = 0;  // in the order of their numbers
  // As Hypervisor::build, restore and migrate_receive, for a domain that is more than a VmSpec
  // tells: `configuration`, JSON of a libxl_domain_config as `xl -N create` prints it, may name
  // programs that root runs. It stays with the domain through its reboots, its images and its
  // migrations, which the two others therefore take from root alone. INVALID_VALUE
  // ["configuration", why].
  virtual DomainState create(VmSpec spec, std::string configuration) = 0;
  virtual DomainState restore(VmSpec spec, std::string path) = 0;
  virtual DomainState receive(UniqueFd stream, ReceiveOptions options) = 0;
  virtual std::vector<XenVcpu> vcpus(std::int64_t domid) = 0;
  // What libxl keeps with the domain, as its JSON.
  virtual std::string configuration(std::int64_t domid) = 0;
  virtual void rename(std::int64_t domid, std::string name) = 0;
  // Of one virtual CPU, or of all.
  virtual void pin(std::int64_t domid, std::optional<std::int64_t> vcpu, XenAffinity affinity) = 0;
  virtual void set_vcpus_online(std::int64_t domid, std::int64_t vcpus) = 0;
  virtual void set_memory_max(std::int64_t domid, std::int64_t kib) = 0;
  virtual void set_memory_target(std::int64_t domid, std::int64_t kib) = 0;
  virtual void send_trigger(std::int64_t domid, XenTrigger trigger, std::int64_t vcpu) = 0;
  virtual void send_sysrq(std::int64_t domid, std::string letter) = 0;
  // Writes its memory to an empty file, open for reading and writing. It may run meanwhile.
  virtual void dump_core(std::int64_t domid, UniqueFd file) = 0;
  // Into its own memory, and back.
  virtual void suspend(std::int64_t domid) = 0;
  virtual void resume(std::int64_t domid) = 0;
  // A command for the monitor of its QEMU, and what that answers.
  virtual std::string qemu_monitor(std::int64_t domid, std::string command) = 0;
};
BOOST_DESCRIBE_STRUCT(XenDomains, (),
                      (domains, create, restore, receive, vcpus, configuration, rename, pin,
                       set_vcpus_online, set_memory_max, set_memory_target, send_trigger,
                       send_sysrq, dump_core, suspend, resume, qemu_monitor))

// The hypervisor and the machine under it.
class XenMachine {
 public:
  virtual ~XenMachine() = default;

  virtual XenHost host() = 0;
  virtual XenTopology topology() = 0;
  // The hypervisor's messages; what is not UTF-8 is replaced by question marks.
  virtual std::string messages(bool clear) = 0;
  virtual void send_debug_keys(std::string keys) = 0;
  virtual void set_parameters(std::string parameters) = 0;
  // nullopt: Xen was built without Flask, or without it at start.
  virtual std::optional<bool> flask_enforcing() = 0;
  virtual void set_flask_enforcing(bool enforcing) = 0;
  virtual void load_flask_policy(UniqueFd file) = 0;
};
BOOST_DESCRIBE_STRUCT(XenMachine, (),
                      (host, topology, messages, send_debug_keys, set_parameters, flask_enforcing,
                       set_flask_enforcing, load_flask_policy))

// CPU pools and what their schedulers are told.
class XenCpuPools {
 public:
  virtual ~XenCpuPools() = default;

  virtual std::vector<XenCpuPool> cpu_pools() = 0;
  virtual void create_cpu_pool(std::string name, std::string scheduler, Numbers cpus) = 0;
  virtual void destroy_cpu_pool(std::string name) = 0;
  virtual void rename_cpu_pool(std::string name, std::string new_name) = 0;
  virtual void add_pool_cpus(std::string name, Numbers cpus) = 0;
  virtual void remove_pool_cpus(std::string name, Numbers cpus) = 0;
  virtual void move_to_cpu_pool(std::int64_t domid, std::string name) = 0;
  virtual XenSchedule schedule(std::int64_t domid) = 0;
  virtual void set_schedule(std::int64_t domid, XenSchedule schedule) = 0;
  // Of the virtual CPUs that are named; none: of all.
  virtual std::vector<XenSchedule> vcpu_schedules(std::int64_t domid, Numbers vcpus) = 0;
  // A schedule without a number of a virtual CPU is for all of them and stands alone.
  virtual void set_vcpu_schedules(std::int64_t domid, std::vector<XenSchedule> schedules) = 0;
  virtual XenPoolSchedule pool_schedule(std::string pool) = 0;
  virtual void set_pool_schedule(std::string pool, XenPoolSchedule schedule) = 0;
};
BOOST_DESCRIBE_STRUCT(XenCpuPools, (),
                      (cpu_pools, create_cpu_pool, destroy_cpu_pool, rename_cpu_pool, add_pool_cpus,
                       remove_pool_cpus, move_to_cpu_pool, schedule, set_schedule, vcpu_schedules,
                       set_vcpu_schedules, pool_schedule, set_pool_schedule))

// Devices of domains.
class XenDevices {
 public:
  virtual ~XenDevices() = default;

  virtual std::vector<XenDevice> devices(std::int64_t domid, XenDeviceKind kind) = 0;
  // `description`: the device as libxl's JSON, which `xl -N` prints. vtpm, vkb, vsnd, vdispl,
  // usb_controller.
  virtual void attach_device(std::int64_t domid, XenDeviceKind kind, std::string description) = 0;
  // False when there is no such device.
  virtual bool detach_device(std::int64_t domid, XenDeviceKind kind, std::int64_t devid) = 0;
  virtual std::vector<XenPciDevice> pci_devices(std::int64_t domid) = 0;
  virtual void attach_pci(std::int64_t domid, XenPciDevice device) = 0;
  virtual void detach_pci(std::int64_t domid, XenPciDevice device, bool force) = 0;
  virtual std::vector<XenPciDevice> assignable_pci_devices() = 0;
  virtual void make_pci_assignable(XenPciDevice device) = 0;
  // With `rebind` it goes back to the driver that it was taken from. It may be named by its name.
  virtual void end_pci_assignable(XenPciDevice device, bool rebind) = 0;
  virtual std::vector<XenUsbDevice> usb_devices(std::int64_t domid) = 0;
  virtual void attach_usb(std::int64_t domid, XenUsbDevice device) = 0;
  virtual bool detach_usb(std::int64_t domid, std::int64_t controller, std::int64_t port) = 0;
};
BOOST_DESCRIBE_STRUCT(XenDevices, (),
                      (devices, attach_device, detach_device, pci_devices, attach_pci, detach_pci,
                       assignable_pci_devices, make_pci_assignable, end_pci_assignable, usb_devices,
                       attach_usb, detach_usb))

// Watching and sharing of caches and memory bandwidth.
class XenPsr {
 public:
  virtual ~XenPsr() = default;

  virtual XenPsrMonitoring psr_monitoring() = 0;
  virtual void psr_monitor(std::int64_t domid, bool on) = 0;
  // nullopt: the domain is not monitored.
  virtual std::optional<XenPsrSample> psr_sample(std::int64_t domid, XenPsrMonitor what,
                                                 std::int64_t socket) = 0;
  virtual std::vector<XenPsrSocket> psr_sockets(XenPsrFeature feature) = 0;
  virtual std::int64_t psr_value(std::int64_t domid, XenPsrValue what, std::int64_t socket) = 0;
  // On the sockets that are named; none: on all.
  virtual void set_psr_value(std::int64_t domid, XenPsrValue what, Numbers sockets,
                             std::int64_t value) = 0;
};
BOOST_DESCRIBE_STRUCT(XenPsr, (),
                      (psr_monitoring, psr_monitor, psr_sample, psr_sockets, psr_value,
                       set_psr_value))

class XenControls : public XenDomains,
                    public XenMachine,
                    public XenCpuPools,
                    public XenDevices,
                    public XenPsr {};

// The contract over the daemon's socket.
std::unique_ptr<XenControls> make_xen_client(const std::string& socket_path);

}  // namespace xcp::hypervisor
