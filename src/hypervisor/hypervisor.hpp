// SPDX-License-Identifier: GPL-2.0-or-later
// The contract of the hypervisor daemon. Three drivers fulfil it (libvirt, libxl, sim), and an RPC
// client that callers cannot tell from a driver (client.hpp).
//
// Always: a domain is named by its VM's uuid. Every call is synchronous and safe from any thread;
// calls on one domain are carried out one after the other, calls on different domains side by side.
// A call that names a domain that does not run throws VM_BAD_POWER_STATE-like Failures made by the
// driver: Failure("DOMAIN_NOT_FOUND", {uuid}) for "no such domain", so that callers can react.
// Calls that take something away (destroy, unplug_*) succeed when it is already gone.
// Memory and sizes are bytes, times seconds unless the name says otherwise.
#pragma once

#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"

namespace xcp::hypervisor {

// ---- what a guest is to look like -------------------------------------------------------------

// A whole PC; a machine without emulated devices in a hardware container; or paravirtual without
// one. The last two are Xen's.
BOOST_DEFINE_ENUM_CLASS(GuestType, hvm, pvh, pv)
BOOST_DEFINE_ENUM_CLASS(Firmware, bios, uefi)
BOOST_DEFINE_ENUM_CLASS(DiskFormat, raw, qcow2)
BOOST_DEFINE_ENUM_CLASS(ConsoleKind, serial, vnc)
BOOST_DEFINE_ENUM_CLASS(OnEvent, destroy, restart, preserve)

struct DiskSpec {
  std::string device;  // XenAPI userdevice: "0", "1", ... ; the position on the bus
  bool cdrom = false;
  bool read_only = false;
  bool bootable = false;
  std::string path;  // file or block device; empty: a CD drive without a medium
  DiskFormat format = DiskFormat::raw;
  std::string serial;  // what the guest reads as the disk's serial number (VDI uuid)
  std::map<std::string, std::string> qos;  // VBD.qos_algorithm_params, unknown keys are inert
};
BOOST_DESCRIBE_STRUCT(DiskSpec, (), (device, cdrom, read_only, bootable, path, format, serial, qos))

BOOST_DEFINE_ENUM_CLASS(NicBacking, bridge, user, none)

struct PortForward {
  int host_port = 0;  // 0: any free port on 127.0.0.1; reported by domain()
  int guest_port = 0;
};
BOOST_DESCRIBE_STRUCT(PortForward, (), (host_port, guest_port))

struct NicSpec {
  std::string device;  // XenAPI VIF.device: "0", "1", ...
  std::string mac;
  int mtu = 1500;
  NicBacking backing = NicBacking::none;
  std::string bridge;       // for bridge
  std::string host_device;  // name the tap must get, at most 15 characters; empty: driver's choice
  std::vector<PortForward> forwards;  // for user: TCP to the guest
};
BOOST_DESCRIBE_STRUCT(NicSpec, (), (device, mac, mtu, backing, bridge, host_device, forwards))

struct DirectKernel {
  std::string kernel;  // paths on the host
  std::string ramdisk;
  std::string command_line;
};
BOOST_DESCRIBE_STRUCT(DirectKernel, (), (kernel, ramdisk, command_line))

struct VmSpec {
  std::string uuid;
  std::string name;
  GuestType type = GuestType::hvm;
  Firmware firmware = Firmware::bios;  // of an hvm guest
  std::string nvram_path;  // UEFI variable store, made from the firmware's template when absent;
                           // empty: the driver keeps one for the VM, over its runs, until forget()
  std::optional<DirectKernel> direct_kernel;
  std::string boot_order = "cd";  // letters c (disk) d (CD) n (network)
  std::int64_t vcpus_max = 1;
  std::int64_t vcpus = 1;                           // at start
  std::map<std::string, std::string> vcpus_params;  // VM.VCPUs_params, see placement.hpp
  std::int64_t memory_static_max_bytes = 0;
  std::int64_t memory_target_bytes = 0;
  std::vector<DiskSpec> disks;
  std::vector<NicSpec> nics;
  double shadow_multiplier = 1;  // memory for shadow page tables, of what the driver would take
  bool vnc = true;
  bool rtc_localtime = false;
  std::map<std::string, std::string>
      platform;  // VM.platform; keys a driver does not know are inert
  OnEvent on_reboot = OnEvent::restart;
  OnEvent on_crash = OnEvent::destroy;
  bool core_on_crash = false;  // its memory is written to a file first, where the driver can
};
BOOST_DESCRIBE_STRUCT(VmSpec, (),
                      (uuid, name, type, firmware, nvram_path, direct_kernel, boot_order, vcpus_max,
                       vcpus, vcpus_params, memory_static_max_bytes, memory_target_bytes, disks,
                       nics, shadow_multiplier, vnc, rtc_localtime, platform, on_reboot, on_crash,
                       core_on_crash))

// ---- what is there ----------------------------------------------------------------------------

BOOST_DEFINE_ENUM_CLASS(DomainPower, running, paused)

struct DomainState {
  std::string uuid;
  std::string name;
  std::int64_t domid = -1;
  bool ours = true;  // false: made by somebody else; seen and left alone
  DomainPower power = DomainPower::paused;
  std::int64_t vcpus = 0;
  std::int64_t memory_bytes = 0;
  std::vector<DiskSpec> disks;  // as they are now (path: the image that is really open)
  std::vector<NicSpec> nics;    // host_device and forwards filled in
  std::int64_t start_time = 0;  // seconds since 1970
  int vnc_port = 0;             // 0: none (reach it through console())
  bool busy = false;            // a call is at work on it, perhaps of a caller that is gone
};
BOOST_DESCRIBE_STRUCT(DomainState, (),
                      (uuid, name, domid, ours, power, vcpus, memory_bytes, disks, nics, start_time,
                       vnc_port, busy))

// What the guest itself told through its agent. Limits on size are enforced by the driver: at most
// 64 KiB for all texts of a guest; anything that is not UTF-8 is dropped.
struct GuestFacts {
  bool agent_alive = false;
  std::string agent_version;
  std::map<std::string, std::string> os_version;  // name, distro, major, minor, uname, ...
  std::map<std::string, std::string> networks;    // "0/ip" -> address, "0/ipv4/0", "0/ipv6/0", ...
  std::map<std::string, std::string> other;       // hostname, ...
};
BOOST_DESCRIBE_STRUCT(GuestFacts, (), (agent_alive, agent_version, os_version, networks, other))

struct DomainStats {
  std::string uuid;
  std::vector<double> vcpu_seconds;  // CPU time used, cumulative
  std::int64_t memory_bytes = 0;
  std::int64_t memory_free_bytes = -1;  // as the guest sees it; -1 unknown
  struct Io {
    std::string device;
    std::int64_t read_bytes = 0, write_bytes = 0, read_ops = 0, write_ops = 0;
  };
  std::vector<Io> disks;
  std::vector<Io> nics;  // read = received by the guest
};
BOOST_DESCRIBE_STRUCT(DomainStats::Io, (), (device, read_bytes, write_bytes, read_ops, write_ops))
BOOST_DESCRIBE_STRUCT(DomainStats, (),
                      (uuid, vcpu_seconds, memory_bytes, memory_free_bytes, disks, nics))

struct HostFacts {
  std::string driver;      // "libvirt", "libxl", "sim"
  std::string hypervisor;  // "QEMU 7.2.0 (TCG)", "Xen 4.17"
  std::map<std::string, std::string> versions;
  std::int64_t memory_total_bytes = 0;
  std::int64_t memory_free_bytes = 0;
  std::map<std::string, std::string> cpu;  // cpu_count, socket_count, vendor, speed, modelname,
                                           // family, model, stepping, flags, features
  std::vector<std::string> capabilities;   // "hvm-1.0-hvm-x86_64", ...
  bool can_suspend = false;
  bool can_checkpoint = false;
  bool can_migrate = false;
  bool can_hotplug_disk = true;
  bool can_hotplug_nic = true;
  bool can_change_vcpus = true;
  bool can_change_memory = true;
  bool accelerated = false;  // false: emulation (TCG)
};
BOOST_DESCRIBE_STRUCT(HostFacts, (),
                      (driver, hypervisor, versions, memory_total_bytes, memory_free_bytes, cpu,
                       capabilities, can_suspend, can_checkpoint, can_migrate, can_hotplug_disk,
                       can_hotplug_nic, can_change_vcpus, can_change_memory, accelerated))

// ---- events -----------------------------------------------------------------------------------

BOOST_DEFINE_ENUM_CLASS(EventKind,
                        changed,         // power, devices or sizes: read domain()
                        ended_shutdown,  // the guest powered itself off
                        ended_reboot,    // the guest asked for a reboot and on_reboot is destroy
                        ended_crash,
                        ended_gone,   // destroyed, or vanished while nobody looked
                        rebooted,     // the guest rebooted in place
                        guest_facts,  // read guest()
                        resync)       // events were lost: read domains()

struct Event {
  std::uint64_t id = 0;  // grows by one
  EventKind kind = EventKind::changed;
  std::string uuid;
};
BOOST_DESCRIBE_STRUCT(Event, (), (id, kind, uuid))

struct EventBatch {
  std::string epoch;  // changes when the daemon was restarted; ids start anew then
  std::uint64_t last = 0;
  std::vector<Event> events;
};
BOOST_DESCRIBE_STRUCT(EventBatch, (), (epoch, last, events))

BOOST_DEFINE_ENUM_CLASS(ShutdownKind, poweroff, reboot)

// ---- moving -----------------------------------------------------------------------------------

struct SendOptions {
  // The guest runs on while its memory is sent, where the hypervisor can do that; false: it stands.
  bool live = true;
};
BOOST_DESCRIBE_STRUCT(SendOptions, (), (live))

struct ReceiveOptions {
  bool paused = false;  // it is left paused when it has arrived
  std::string name;     // what it is to be called here; empty: as it was
};
BOOST_DESCRIBE_STRUCT(ReceiveOptions, (), (paused, name))

// ---- the contract -----------------------------------------------------------------------------

class Hypervisor {
 public:
  virtual ~Hypervisor() = default;

  virtual HostFacts host() = 0;
  virtual std::vector<DomainState> domains() = 0;
  virtual std::optional<DomainState> domain(std::string uuid) = 0;
  virtual GuestFacts guest(std::string uuid) = 0;
  virtual std::vector<DomainStats> stats() = 0;

  // Makes the domain with all its devices, paused. Throws without leaving anything behind.
  virtual DomainState build(VmSpec spec) = 0;
  virtual void unpause(std::string uuid) = 0;
  virtual void pause(std::string uuid) = 0;
  // Asks the guest (agent, then ACPI) and returns at once; the end comes as an event.
  virtual void shutdown(std::string uuid, ShutdownKind kind) = 0;
  virtual void destroy(std::string uuid) = 0;
  // Resets the machine in place, as the button would.
  virtual void reset(std::string uuid) = 0;

  // Removes what is kept for a VM between its runs (UEFI variables, logs); the VM does not exist
  // any more. Refused while it runs.
  virtual void forget(std::string uuid) = 0;

  // Saves memory and device state to a file (or block device; what is there is overwritten) and
  // ends the domain; on a failure the guest runs on and no new file is left. restore makes the
  // domain from it, paused; spec names the disks and NICs.
  virtual void save(std::string uuid, std::string path) = 0;
  virtual DomainState restore(VmSpec spec, std::string path) = 0;
  // As save, but the guest goes on running; the file and the disks at one point in time
  // (`new_images`: device -> image to write to from that point on).
  virtual void checkpoint(std::string uuid, std::string path,
                          std::map<std::string, DiskSpec> new_images) = 0;

  // The two ends of a migration, each a call on the daemon of its host (or on the same one, when a
  // guest is moved to itself), over one connected stream socket between them. Disks are at the same
  // paths on both sides. A guest that runs goes on at the receiver when both have returned; after a
  // failure it runs on at the sender, unless the failure is that the receiver was lost when it had
  // the guest already. At no moment do two run, and never does none remain: a receiver that is cut
  // off when it may have the only one keeps it, paused. A daemon that is killed meanwhile sorts
  // that out when it is started again.
  virtual void migrate_send(std::string uuid, UniqueFd stream, SendOptions options) = 0;
  virtual DomainState migrate_receive(UniqueFd stream, ReceiveOptions options) = 0;

  virtual void plug_disk(std::string uuid, DiskSpec disk) = 0;
  virtual void unplug_disk(std::string uuid, std::string device) = 0;
  // Puts another medium into a CD drive; an empty path ejects.
  virtual void change_medium(std::string uuid, std::string device, DiskSpec medium) = 0;
  // Lets the running guest write to new images whose backing chain is the image it has open now
  // (a snapshot was taken); all devices at one moment. Already switched devices are skipped.
  virtual void switch_images(std::string uuid, std::map<std::string, DiskSpec> new_images) = 0;
  virtual void plug_nic(std::string uuid, NicSpec nic) = 0;
  virtual void unplug_nic(std::string uuid, std::string device) = 0;

  virtual void set_vcpus(std::string uuid, std::int64_t vcpus) = 0;
  virtual void set_memory_target(std::string uuid, std::int64_t bytes) = 0;

  // A connected stream socket to the console: raw terminal bytes or RFB.
  virtual UniqueFd console(std::string uuid, ConsoleKind kind) = 0;

  // Events after `after` of `epoch`; waits up to `timeout` for the first. Another epoch, or an
  // `after` that is no longer remembered, gives one resync event at once.
  virtual EventBatch events(std::string epoch, std::uint64_t after,
                            std::chrono::milliseconds timeout) = 0;

  // Test aid of the sim driver (faults, guest behaviour); other drivers refuse with
  // NOT_IMPLEMENTED.
  virtual std::string control(std::string command, std::map<std::string, std::string> args) = 0;
};
BOOST_DESCRIBE_STRUCT(Hypervisor, (),
                      (host, domains, domain, guest, stats, build, unpause, pause, shutdown,
                       destroy, reset, forget, save, restore, checkpoint, migrate_send,
                       migrate_receive, plug_disk, unplug_disk, change_medium, switch_images,
                       plug_nic, unplug_nic, set_vcpus, set_memory_target, console, events,
                       control))

}  // namespace xcp::hypervisor
